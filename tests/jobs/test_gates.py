"""Quality gates of jobs: asked for before any work, told in all that is written, and nothing passes in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recae.errors import ConfigError, DamagedFileError, DataError, QualityError, StorageError
from recae.jobs.evaluate import evaluate, evaluate_lists
from recae.jobs.former import read_stored
from recae.jobs.gates import Gates, hold, split_reference
from recae.jobs.prepare import split_input
from recae.jobs.train import train

METRICS = ["ndcg@5", "recall@10"]


@pytest.fixture(scope="module")
def place(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a split of the crowds, EASE, and popularity."""
    folder = tmp_path_factory.mktemp("gates")
    split_input(crowds, folder / "split", spec="per-user:test=0.3")
    for name in ("ease", "popularity"):
        train(folder / "split", model=name, out=folder / name)
    judged(folder, "ease", per_user=folder / "ease.parquet")
    return folder


def judged(folder: Path, model: str, **options: Any) -> Any:
    options = {"metrics": METRICS} | options
    return evaluate(folder / model, [folder / "split" / "train.parquet"], folder / "split" / "test.parquet", **options)


def test_every_gate_is_told_and_hold_ends_the_job(place: Path, tmp_path: Path) -> None:
    gates = Gates(
        fail_under=["ndcg@5=0.1", "hit@3=0.999"],
        require_beats=[str(place / "popularity")],
        against=place / "ease.parquet",
    )
    found = judged(place, "ease", gates=gates, report=tmp_path / "r.html", per_user=tmp_path / "u.parquet")
    assert [(gate.name.split()[0], gate.metric, gate.passed) for gate in found.gates] == [
        ("fail-under", "ndcg@5", True),
        ("fail-under", "hit@3", False),
        ("require-beats", "ndcg@5", True),
        ("against", "ndcg@5", True),
    ]
    assert "hit@3" in found.means
    with pytest.raises(QualityError, match=r"1 of 4 gates failed: hit@3 of ease .* is 0\.\d+, under 0\.999\."):
        hold(found.gates)
    page = (tmp_path / "r.html").read_text()
    assert "1 of 4 gates failed" in page
    assert page.count("passed <code><bdi>") == 3
    assert "hit@3" in pq.read_schema(tmp_path / "u.parquet").names


def test_without_gates_everything_passes(place: Path, tmp_path: Path) -> None:
    found = judged(place, "ease", report=tmp_path / "r.html")
    assert found.gates == ()
    hold(found.gates)
    assert 'id="gates"' not in (tmp_path / "r.html").read_text()


def test_a_worse_model_fails_against_the_better_one_wherever_its_figures_are(place: Path, tmp_path: Path) -> None:
    printed = tmp_path / "last.json"
    kept = judged(place, "ease")
    printed.write_text(json.dumps({"metrics": kept.means, "targets_fingerprint": kept.facts["targets_fingerprint"]}))
    for former in (place / "ease.parquet", printed, place / "ease"):
        found = judged(place, "popularity", gates=Gates(against=former))
        assert [gate.passed for gate in found.gates] == [False]
        assert judged(place, "popularity", gates=Gates(against=former, tolerance=0.9)).gates[0].passed
    assert judged(place, "popularity", gates=Gates(against=printed)).gates[0].p is None


def test_lists_are_held_to_the_same_gates(place: Path, tmp_path: Path) -> None:
    target, history = place / "split" / "test.parquet", place / "split" / "train.parquet"
    perfect = tmp_path / "perfect.csv"
    rows = pq.read_table(target).to_pylist()
    perfect.write_text("user,item\n" + "".join(f"{row['user_id']},{row['item_id']}\n" for row in rows))
    gates = Gates(require_beats=[str(place / "ease"), str(place / "ease.parquet")], fail_under=["ndcg@5=1"])
    assert all(gate.passed for gate in evaluate_lists(perfect, target, [history], metrics=METRICS, gates=gates).gates)
    with pytest.raises(ConfigError, match="needs --history FILE"):
        evaluate_lists(perfect, target, metrics=METRICS, gates=gates)


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        (Gates(fail_under=["rmse=0.5"]), "write --fail-over rmse=0.5"),
        (Gates(fail_over=["rmse=0.5"]), "ease ranks items and predicts no ratings: leave out rmse"),
        (Gates(fail_under=["ndcg@5=0.1", "NDCG@5=0.2"]), "--fail-under bounds ndcg@5 twice"),
        (Gates(tolerance=0.1), "--tolerance says how much worse than --against"),
        (Gates(against="x", tolerance=-1.0), "--tolerance must be 0 or more"),
        (Gates(against="x", tolerance=float("nan")), "--tolerance must be 0 or more"),
        (Gates(fail_under=["ndcg@5=0.1"], gate_metrics=["ndcg@5"]), "--gate-metrics is for --require-beats and"),
        (Gates(require_beats=["x"], gate_metrics=["novelty@5"]), "novelty@5 describes lists"),
        (Gates(require_beats=["x"], gate_metrics=["coverage@5"]), "coverage@5 has no value for every user"),
        (Gates(candidate="ease"), "--candidate names the model that has to pass a gate, and there is none"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_any_work(place: Path, gates: Gates, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        judged(place, "ease", gates=gates)


def test_figures_of_other_targets_are_refused(place: Path, tmp_path: Path) -> None:
    rows = pq.read_table(place / "split" / "test.parquet").to_pylist()
    users = list(dict.fromkeys(row["user_id"] for row in rows))
    fewer = tmp_path / "fewer.csv"
    fewer.write_text(
        "user_id,item_id\n" + "".join(f"{r['user_id']},{r['item_id']}\n" for r in rows if r["user_id"] != users[0])
    )
    other = tmp_path / "other.csv"
    other.write_text("user_id,item_id\n" + "".join(f"{row['user_id']},{row['item_id']}\n" for row in rows[::2]))
    for target, sentence in ((fewer, "79 of them are the same"), (other, "was judged on other targets")):
        with pytest.raises(DataError, match=sentence):
            evaluate(
                place / "ease",
                [place / "split" / "train.parquet"],
                target,
                metrics=METRICS,
                gates=Gates(against=place / "ease.parquet"),
            )


def test_a_metric_that_was_not_kept_is_named(place: Path) -> None:
    with pytest.raises(DataError, match=r"ease.parquet has no mrr@5; it has ndcg@5, recall@10"):
        judged(place, "ease", gates=Gates(against=place / "ease.parquet", gate_metrics=["mrr@5"]))


def test_no_output_replaces_what_is_held_against(place: Path) -> None:
    for gates in (Gates(against=place / "ease.parquet"), Gates(require_beats=[str(place / "ease.parquet")])):
        with pytest.raises(ConfigError, match="would replace the input"):
            judged(place, "ease", gates=gates, per_user=place / "ease.parquet")


# Stored figures

REPORT = {
    "schema": "recae-comparison/1",
    "models": [
        {"name": name, "metrics": {"ndcg@5": {"value": value}, "coverage@5": {"value": None}}}
        for name, value in (("ials", 0.4), ("ease", 0.3))
    ],
    "facts": {"targets_fingerprint": "00ff"},
}
PER_USER = "model,user,ndcg@5,rmse\nials,a,0.5,1\nials,b,0.3,1\nease,a,0.1,1\nease,b,0.5,1\n"


@pytest.fixture
def comparison(tmp_path: Path) -> Path:
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    return tmp_path


def test_a_comparison_is_read_from_its_report_and_its_values(comparison: Path) -> None:
    (comparison / "values.csv").write_text(PER_USER)
    for reference, model in ((f"{comparison}:ease", "ease"), (f"{comparison}/report.json:ials", "ials")):
        found = read_stored(reference)
        assert found.label.endswith(f":{model}")
        assert found.fingerprint == "00ff"
        assert found.figures.means()["ndcg@5"] == {"ials": 0.4, "ease": 0.3}[model]
    assert read_stored(comparison, like="ease").label.endswith(":ease")
    assert read_stored(comparison, like="slim", best=True).label.endswith(":ials")
    of_table = read_stored(f"{comparison}/values.csv:ease").figures
    assert of_table.per_user["ndcg@5"].tolist() == [0.1, 0.5]
    assert "rmse" not in of_table.means()  # the mean of the users' own is another figure


def test_which_model_must_be_clear(comparison: Path) -> None:
    with pytest.raises(ConfigError, match=r"tells of several models: say which, e\.g\. .*:ials \(ials, ease\)"):
        read_stored(comparison)
    with pytest.raises(DataError, match="does not tell of slim; it has ials, ease"):
        read_stored(f"{comparison}:slim")


@pytest.mark.parametrize(
    ("name", "text", "error", "sentence"),
    [
        ("x.json", "[]", DamagedFileError, "should hold a JSON object"),
        ("x.json", "{}", DamagedFileError, "has no figures"),
        ("x.json", '{"metrics": {"ndcg@5": "0.3"}}', DamagedFileError, "not numbers"),
        ("x.json", '{"models": []}', DamagedFileError, "does not tell of any model"),
        ("x.csv", "user,item\na,b\n", DataError, "was not written with --per-user"),
        ("x.csv", "user,ndcg@5\na,0.5\na,0.5\n", DataError, "has a user more than once"),
        ("x.csv", "user,ndcg@5\na,good\n", DataError, "must hold numbers"),
        ("x.csv", "", DataError, "empty"),
    ],
)
def test_what_is_no_result_is_refused(
    tmp_path: Path, name: str, text: str, error: type[Exception], sentence: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=sentence):
        read_stored(tmp_path / name)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.parquet does not exist"):
        read_stored(tmp_path / "gone.parquet")
    with pytest.raises(StorageError, match=r"holds no report\.json"):
        read_stored(tmp_path)


def test_a_colon_belongs_to_the_path_where_there_is_such_a_path(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    assert split_reference(f"{tmp_path}/a:b") == (tmp_path / "a:b", None)
    assert split_reference(f"{tmp_path}:b") == (tmp_path, "b")
