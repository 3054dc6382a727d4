"""`report`: drawn again to the byte, joined where the targets are the same, refused where they are not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.cli.main import main
from recae.errors import ConfigError, DataError
from recae.jobs import selection
from recae.jobs.compare import compare
from recae.jobs.peak import Peak
from recae.jobs.report import report
from recae.reports.pairs import pair_sentence

GIVEN: dict[str, Any] = {"split": "per-user:valid=0.2,test=0.2", "trials": 2, "metrics": ["ndcg@5", "recall@5"]}


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recae.jobs.sections._item_map", lambda *_: None)
        patch.setattr(selection, "peak_memory", lambda: nullcontext(Peak()))
        yield


@pytest.fixture(scope="module")
def place(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Comparisons of one log: a and b on one split, c on another, s and t over two splits."""
    folder = tmp_path_factory.mktemp("comparisons")
    compare(crowds, out=folder / "a", models=["popularity", "ease"], **GIVEN)
    compare(crowds, out=folder / "b", models=["item-knn", "ease", "popularity"], **GIVEN | {"trials": 0})
    compare(crowds, out=folder / "c", models=["popularity"], **GIVEN | {"split": "per-user:test=0.3"})
    for name, models in (("s", ["popularity", "ease"]), ("t", ["item-knn"])):
        compare(crowds, out=folder / name, models=models, repeats=2, **GIVEN | {"trials": 0})
    return folder


def test_every_form_is_drawn_again_to_the_byte(place: Path, tmp_path: Path) -> None:
    forms = ("html", "md", "json", "tex")
    found = report([place / "a"], out=[tmp_path / f"r.{form}" for form in forms])
    assert [path.name for path in found.files] == [f"r.{form}" for form in forms]
    for form in forms:
        assert (tmp_path / f"r.{form}").read_bytes() == (place / "a" / f"report.{form}").read_bytes()


def test_a_drawn_json_is_itself_a_report(place: Path, tmp_path: Path) -> None:
    report([place / "a"], out=[tmp_path / "r.json"])
    report([place / "a"], out=[tmp_path / "r.json"])  # recae's own may be replaced
    assert json.loads((tmp_path / "r.json").read_text())["schema"] == "recae-comparison/1"


def test_comparisons_by_other_metrics_are_joined_in_every_form(place: Path, crowds: Path, tmp_path: Path) -> None:
    fewer = GIVEN | {"trials": 0, "metrics": ["ndcg@5", "coverage@5"]}
    compare(crowds, out=tmp_path / "fewer", models=["item-knn"], **fewer)
    out = [tmp_path / f"r.{form}" for form in ("html", "md", "json", "tex")]
    for folders in ([place / "a", tmp_path / "fewer"], [tmp_path / "fewer", place / "a"]):
        joined = report(folders, out=out).comparison
        assert {run.name for run in joined.runs} == {"popularity", "ease", "item-knn"}
        assert "NDCG by list length" in out[0].read_text()  # all have it; recall by length, some have not
        assert "Recall by list length" not in out[0].read_text()
        assert json.loads(out[2].read_text())["metrics"] == list(joined.metrics)


def test_comparisons_on_the_same_targets_become_one(place: Path, crowds: Path, tmp_path: Path) -> None:
    joined = report([place / "a", place / "b"], out=[tmp_path / "both.html"]).comparison
    names = {run.name for run in joined.runs}
    assert names == {"popularity", "ease", "ease (b)", "item-knn"} or names == {"popularity", "ease", "item-knn"}
    whole = compare(crowds, out=tmp_path / "w", models=["popularity", "item-knn"], **GIVEN | {"trials": 0}).comparison
    by_name = {run.name: run for run in joined.runs}
    for run in whole.runs:
        assert by_name[run.name].means == run.means
    pair = next(test for test in joined.pairs if {test.better, test.worse} == {"popularity", "item-knn"})
    assert pair.gain == whole.pairs[0].gain
    assert set(joined.examples[0].lists) >= {"popularity", "ease", "item-knn"}
    assert "item-knn" in (tmp_path / "both.html").read_text(encoding="utf-8")
    assert joined.facts["joined_from"] == [str(place / "a"), str(place / "b")]


def test_models_from_folders_of_the_same_name_are_all_told(place: Path, tmp_path: Path) -> None:
    for at, difference in enumerate((0.0, 0.1, 0.2)):
        folder = tmp_path / str(at) / "same"
        shutil.copytree(place / "a", folder)
        content = json.loads((folder / "report.json").read_text())
        for model in content["models"]:
            model["config"]["tried"] = difference
        (folder / "report.json").write_text(json.dumps(content))
    joined = report([tmp_path / str(at) / "same" for at in range(3)]).comparison
    kept = {run.name: run.config["tried"] for run in joined.runs if run.name.startswith("ease")}
    assert kept == {"ease": 0.0, "ease (same)": 0.1, "ease (2/same)": 0.2}


def test_comparisons_over_splits_are_joined_split_by_split(place: Path, crowds: Path, tmp_path: Path) -> None:
    joined = report([place / "s", place / "t"]).comparison
    models = ["popularity", "ease", "item-knn"]
    whole = compare(crowds, out=tmp_path / "w", models=models, repeats=2, **GIVEN | {"trials": 0}).comparison
    assert joined.pairs == whole.pairs
    assert {run.name: run.means for run in joined.runs} == {run.name: run.means for run in whole.runs}


def test_other_targets_are_refused(place: Path, tmp_path: Path) -> None:
    for other in ("c", "s"):
        with pytest.raises(DataError, match="were judged on different test data and cannot be told together"):
            report([place / "a", place / other], out=[tmp_path / "r.html"])
    content = json.loads((place / "a" / "report.json").read_text())
    del content["facts"]["targets_fingerprint"]
    old = tmp_path / "old"
    old.mkdir()
    (old / "report.json").write_text(json.dumps(content))
    (old / "per-user.parquet").write_bytes((place / "a" / "per-user.parquet").read_bytes())
    with pytest.raises(DataError, match=r"old does not tell what it was judged on"):
        report([place / "a", old])
    assert report([old]).comparison.runs[0].name == "ease"
    assert not (tmp_path / "r.html").exists()


def test_against_an_earlier_comparison_each_model_meets_itself(place: Path, tmp_path: Path) -> None:
    found = report([place / "a"], against=place / "b", out=[tmp_path / "news.md"])
    assert {run.name for run in found.comparison.runs} >= {"ease", "ease (before)", "popularity (before)"}
    assert {frozenset((test.better, test.worse)) for test in found.changes} == {
        frozenset(("ease", "ease (before)")),
        frozenset(("popularity", "popularity (before)")),
    }
    same = next(test for test in found.changes if "popularity" in test.better)
    assert pair_sentence(same).startswith("popularity and popularity (before) have the same NDCG@5")


def test_nothing_that_it_is_drawn_from_is_replaced(place: Path, tmp_path: Path) -> None:
    for name in ("report.json", "per-user.parquet"):
        with pytest.raises(ConfigError, match=r"would replace|must end in"):
            report([place / "a"], out=[place / "a" / name])
    (tmp_path / "mine.html").write_text("<html>mine</html>")
    with pytest.raises(ConfigError, match="was not written by recae"):
        report([place / "a"], out=[tmp_path / "mine.html"])
    with pytest.raises(ConfigError, match="must end in"):
        report([place / "a"], out=[tmp_path / "r.pdf"])
    with pytest.raises(ConfigError, match="at least one"):
        report([])


def test_the_command_prints_the_table_and_answers_in_json(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(place / "a"), "--out", str(tmp_path / "r.tex"), "-q"]) == 0
    printed = capsys.readouterr().out
    assert "ndcg@5" in printed
    assert printed.rstrip().endswith("r.tex")
    assert main(["report", str(place / "a"), "--against", str(place / "b"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["status"] == "ok"
    assert len(answer["changes"]) == 2
    assert set(answer["models"]) >= {"ease", "ease (before)"}
    for name in ("now", "then"):
        shutil.copytree(place / "a", tmp_path / name)
        content = (tmp_path / name / "report.json").read_text()
        (tmp_path / name / "report.json").write_text(content.replace('"ease"', r'"e\u001b[2Jase"'))
        values = pq.read_table(tmp_path / name / "per-user.parquet")
        names = ["e\x1b[2Jase" if one == "ease" else one for one in values["model"].to_pylist()]
        pq.write_table(values.set_column(0, "model", pa.array(names)), tmp_path / name / "per-user.parquet")
    assert main(["report", str(tmp_path / "now"), "--against", str(tmp_path / "then")]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\N{REPLACEMENT CHARACTER}[2Jase (before)" in printed


@pytest.mark.parametrize(("change", "code"), [("foreign", 3), ("damaged", 7), ("newer", 7), ("missing", 5)])
def test_the_command_tells_foreign_from_damaged(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, code: int
) -> None:
    folder = tmp_path / "f"
    if change != "missing":
        folder.mkdir()
    if change in ("damaged", "newer"):
        content = json.loads((place / "a" / "report.json").read_text())
        content["schema"] = "recae-comparison/1" if change == "damaged" else "recae-comparison/9"
        (folder / "report.json").write_text(json.dumps(content))
    assert main(["report", str(folder)]) == code
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told["models"][0].update(fit_seconds=None), r"models\[0\]\.fit_seconds is impossible"),
        (lambda told: told["models"][0].update(users_per_second=1e300), r"models\[0\]\.users_per_second is impossible"),
        (lambda told: told["models"][0]["slices"][0].update(groups=[]), r"models\[0\] has a slice without groups"),
        (lambda told: told["errors"][0].update(values={}), "the errors have a user of whom no model's figure is told"),
    ],
)
def test_figures_that_nothing_can_be_drawn_from_are_told_as_damage(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Any], None], said: str
) -> None:
    shutil.copytree(place / "a", tmp_path / "a")
    path, out = tmp_path / "a" / "report.json", tmp_path / "r.html"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))
    assert main(["report", str(tmp_path / "a"), "--out", str(out)]) == 7
    assert re.search(said, capsys.readouterr().err)
    assert not out.exists()


@pytest.mark.parametrize(("more", "drawn"), [((), "terminal.to_terminal"), (("--out", "r.md"), "markdown.to_markdown")])
def test_what_drawing_stumbles_over_is_told_of_the_folder(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    more: tuple[str, ...], drawn: str,
) -> None:  # fmt: skip
    def stumble(*_: Any) -> str:
        return str({}["height"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"recae.reports.{drawn}", stumble)
    assert main(["report", str(place / "a"), *more]) == 7
    said = capsys.readouterr().err
    assert re.search(r"No report can be drawn from what .*/a holds \('height' is missing\)\. Make the comparison", said)
    assert not list(tmp_path.iterdir())


def test_the_commands_of_compare_leaderboard_and_report_go_together(
    crowds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from recae.errors import DataError as Error
    from recae.models.linear.ease import Ease

    def fail(*_: Any) -> None:
        raise Error("It needs a moon.")

    monkeypatch.setattr(Ease, "_fit", fail)
    board = tmp_path / "board.csv"
    typed = ["compare", crowds, "--models", "ease", "--baselines", "--no-search", "--split", "per-user"]
    typed += ["--repeats", 2, "--out", tmp_path / "c", "--leaderboard", board, "--json", "--resume"]
    assert main([str(part) for part in typed]) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out.splitlines()[-1])
    assert (answer["status"], answer["failed"]) == ("incomplete", {"ease": "It needs a moon."})
    assert (answer["splits"], answer["leaderboard_entries"], answer["up_to_date"]) == (2, 3, False)
    assert "recae: warning: ease could not be judged: It needs a moon." in printed.err
    assert main([str(part) for part in typed]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (again["up_to_date"], again["leaderboard_entries"], again["models"]) == (True, 0, answer["models"])
    assert main(["leaderboard", str(board), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["model"] for one in shown["boards"][0]["standings"]] == list(answer["models"])
    assert main(["leaderboard", str(board), "--metric", "recall@20", "--all"]) == 0
    assert "by recall@20" in capsys.readouterr().out
