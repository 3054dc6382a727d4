"""A comparison that was written and read again gives the same reports to the byte; anything else is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data.ids import IdIndex
from recae.errors import DataError, ReportFormatError, StorageError
from recae.evaluation.paired_splits import PairsOverSplits
from recae.evaluation.pooled import PooledUsers
from recae.evaluation.rating_metrics import RatingErrors
from recae.evaluation.repeats import figures_of
from recae.evaluation.result import Evaluation
from recae.reports.comparison import Comparison, FailedModel, Trial
from recae.reports.html import write_html
from recae.reports.markdown import to_markdown
from recae.reports.per_user import values_table
from recae.reports.reread import read_comparison
from recae.reports.restored import restored
from recae.reports.split_by_split import OF_THE_FIRST
from recae.reports.structured import to_json
from recae.store.manifest import write_json

Make = Callable[..., Any]


def kept(comparison: Comparison, folder: Path, splits: dict[str, list[Evaluation]] | None = None) -> Path:
    """The two files of a comparison."""
    folder.mkdir(exist_ok=True)
    write_json(folder, "report.json", to_json(comparison))
    tables = [
        values_table(one, comparison.user_column, run.name, number)
        for run in comparison.runs
        for number, one in enumerate((splits or {}).get(run.name, [run.evaluation]), start=1)
    ]
    pq.write_table(pa.concat_tables(tables, promote_options="default"), folder / "per-user.parquet")
    return folder


def forms(comparison: Comparison, folder: Path) -> tuple[bytes, str, dict[str, Any]]:
    write_html(comparison, folder / "page.html")
    return (folder / "page.html").read_bytes(), to_markdown(comparison), to_json(comparison)


def over_splits(compared: Make, run: Make) -> tuple[Comparison, dict[str, list[Evaluation]]]:
    """Two models on three splits of 40 users each, who overlap."""
    random = np.random.default_rng(0)
    splits: dict[str, list[Evaluation]] = {"ease": [], "ials": []}
    pairs, pools = PairsOverSplits(tuple(splits), "ndcg@10"), {name: PooledUsers() for name in splits}
    for _ in range(3):
        users, base = IdIndex.of(random.choice(60, size=40, replace=False)), random.random(40)
        for name, gain in (("ease", 0.1), ("ials", 0.0)):
            values = {"ndcg@10": base + gain + random.normal(0, 0.01, 40), "recall@20": random.random(40)}
            splits[name].append(Evaluation(users, values, {"coverage@10": random.random()}))
            pools[name].add(splits[name][-1])
        pairs.add({name: own[-1] for name, own in splits.items()})
    runs = tuple(
        run(name, 0.0, evaluation=pools[name].result(), over_splits=figures_of(own, test_per_train=0.2))
        for name, own in splits.items()
    )
    return compared(runs, split_pairs=pairs.result(0.2)), splits


def test_the_same_reports_come_back_to_the_byte(comparison: Comparison, tmp_path: Path) -> None:
    again = read_comparison(kept(comparison, tmp_path / "c"))
    assert forms(again, tmp_path) == forms(comparison, tmp_path)


def test_failures_ratings_and_hostile_names_come_back(compared: Make, run: Make, tmp_path: Path) -> None:
    errors = RatingErrors(np.full(200, 0.5), np.full(200, 0.6), np.full(200, 2.0))
    values = run("ials", 0.1).evaluation.per_user
    rated = Evaluation(
        IdIndex.of([f"<b>{i}" for i in range(200)]), values, {"rmse": 0.5, "coverage@10": 0.1}, 1.0, errors
    )
    plain = dataclasses.replace(run("x", 0.1).evaluation, users=rated.users)
    trials = (
        Trial({"l2": 1.0}, 0.2, 1.0),
        Trial({"l2": 0.0}, float("nan"), 0.1, "It gave scores that are not finite."),
    )
    runs = (
        run("autorec-item", 0.0, evaluation=rated, trials=trials),
        run("</script>", 0.1, title="<i>x</i>", evaluation=plain),
    )
    failed = (FailedModel("bpr", "BPR", "It did not fit into memory.", trials),)
    given = compared(runs, metrics=("ndcg@10", "rmse"), failed=failed, user_column="model", plan="abc")
    again = read_comparison(kept(given, tmp_path / "c"))
    assert forms(again, tmp_path) == forms(given, tmp_path)
    assert again.failed[0].name == "bpr"
    assert again.runs[0].intervals.keys() == {run.name: run for run in given.runs}[again.runs[0].name].intervals.keys()
    ours = next(run for run in again.runs if run.name == "autorec-item")
    assert ours.evaluation.users.values.to_pylist()[0] == "<b>0"
    assert np.array_equal(ours.evaluation.rating_errors.squared, errors.squared)


def test_several_splits_come_back(compared: Make, run: Make, tmp_path: Path) -> None:
    given, splits = over_splits(compared, run)
    again = read_comparison(kept(given, tmp_path / "c", splits))
    assert forms(again, tmp_path) == forms(given, tmp_path)
    assert again.n_splits == 3
    page, markdown, _ = forms(again, tmp_path)
    assert OF_THE_FIRST in page.decode()
    assert OF_THE_FIRST in markdown
    assert again.runs[0].evaluation.users == given.runs[0].evaluation.users


def test_a_model_may_lack_a_metric_but_not_the_first(compared: Make, run: Make, tmp_path: Path) -> None:
    metrics = ("ndcg@10", "recall@5", "recall@10", "recall@20")
    values = {metric: np.linspace(0.1, 0.9, 200) for metric in metrics}
    users = run("ease", 0.1).evaluation.users
    runs = tuple(
        run(name, 0.1, evaluation=Evaluation(users, {m: values[m] for m in own}, {}))
        for name, own in (("ease", metrics), ("ials", metrics[:-1]))
    )
    folder = kept(compared(runs, metrics=metrics), tmp_path / "c")
    assert "Recall by list length" not in forms(read_comparison(folder), tmp_path)[0].decode()
    told = json.loads((folder / "report.json").read_text())
    del told["models"][1]["metrics"]["ndcg@10"]
    (folder / "report.json").write_text(json.dumps(told))
    with pytest.raises(ReportFormatError, match=r"is damaged: ials has no ndcg@10\. Make the comparison again\.$"):
        read_comparison(folder)


def test_a_newer_key_is_no_reason_to_refuse(comparison: Comparison, tmp_path: Path) -> None:
    folder = kept(comparison, tmp_path / "c")
    told = json.loads((folder / "report.json").read_text())
    told["models"][0]["mood"] = told["weather"] = "fine"
    (folder / "report.json").write_text(json.dumps(told))
    assert read_comparison(folder).runs[0].name == "ease"


GATE = {"name": "g", "metric": "m", "passed": True, "reason": "r", "value": 10**400, "held_against": None}


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda f: (f / "report.json").unlink(), DataError, "holds no report.json"),
        (lambda f: (f / "per-user.parquet").unlink(), ReportFormatError, "per-user.parquet is missing"),
        (lambda f: (f / "report.json").write_text("{"), ReportFormatError, "not valid JSON"),
        (lambda f: (f / "report.json").write_text("{}"), DataError, "is no report of a comparison"),
        (
            lambda f: told(f, schema="recae-comparison/2"),
            ReportFormatError,
            "of format 2, .* formats up to 1: install recae",
        ),
        (lambda f: (f / "report.json").write_text('{"a": ' + "9" * 5000 + "}"), ReportFormatError, "not valid JSON"),
        (lambda f: told(f, gates=[GATE]), ReportFormatError, r"it.gates\[0\].value should be a number of 64 bits"),
        (lambda f: told(f, models=[]), ReportFormatError, "models should be a list"),
        (lambda f: told(f, models=[1]), ReportFormatError, "models should be a list"),
        (lambda f: told(f, metrics=[1]), ReportFormatError, r"it.metrics\[0\] should be text"),
        (lambda f: told(f, examples=[{"user": "u"}]), ReportFormatError, r"it.examples\[0\] has no history"),
        (lambda f: (f / "per-user.parquet").write_bytes(b"PAR1"), ReportFormatError, "is damaged"),
        (lambda f: changed(f), ReportFormatError, "tell different figures of"),
        (lambda f: shortened(f), ReportFormatError, "has no rows of|tell different figures of"),
    ],
)
def test_what_is_damaged_or_foreign_is_refused(
    comparison: Comparison, tmp_path: Path, change: Callable[[Path], Any], error: type[Exception], sentence: str
) -> None:
    folder = kept(comparison, tmp_path / "c")
    change(folder)
    with pytest.raises(error, match=sentence) as caught:
        read_comparison(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="There is no folder"):
        read_comparison(tmp_path / "nowhere")


def told(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / "report.json").read_text()) | changes
    (folder / "report.json").write_text(json.dumps(content))


def changed(folder: Path) -> None:
    table = pq.read_table(folder / "per-user.parquet")
    at = table.column_names.index("ndcg@10")
    pq.write_table(table.set_column(at, "ndcg@10", pa.array(np.zeros(len(table)))), folder / "per-user.parquet")


def shortened(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / "per-user.parquet").slice(0, 10), folder / "per-user.parquet")


@dataclasses.dataclass(frozen=True)
class Odd:
    either: int | str
    pair: tuple[int, float]
    many: dict[int, tuple[float | None, ...]]
    more: str = "as it was"


def test_plain_values_become_what_they_were() -> None:
    odd = Odd("x", (1, float("inf")), {3: (None, 0.5)})
    plain = json.loads(json.dumps(dataclasses.asdict(odd) | {"unknown": 1}).replace("Infinity", "null"))
    back = restored(Odd, plain)
    assert (back.either, back.many, back.more) == ("x", odd.many, "as it was")
    assert np.isnan(back.pair[1])
    for wrong in ({"either": []}, {"pair": [1]}, {"many": []}, {"pair": [True, 1]}):
        with pytest.raises(ValueError, match=f"it.{next(iter(wrong))}"):
            restored(Odd, plain | wrong)
