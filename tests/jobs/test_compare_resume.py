"""An interrupted comparison goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recae.errors import ConfigError, DataError, StorageError
from recae.jobs import contest_records, contest_run, selection
from recae.jobs.compare import compare
from recae.jobs.outputs import work_folder
from recae.jobs.peak import Peak
from recae.models.linear.ease import Ease
from recae.models.popularity import Popularity
from recae.options import DEFAULTS, RunOptions
from recae.store.measured import lasting

SPLIT = "per-user:valid=0.2,test=0.2"
GIVEN: dict[str, Any] = {
    "models": ["popularity", "item-knn", "ease"],
    "split": SPLIT,
    "trials": 2,
    "metrics": ["ndcg@5"],
}


def told(folder: Path) -> Any:
    """report.json without what is measured, and the values per user."""
    return lasting(json.loads((folder / "report.json").read_text())), (folder / "per-user.parquet").read_bytes()


class Stop(BaseException):
    """The process ends here."""


def stopping(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, after: int, how: type[BaseException] = Stop
) -> Callable[[], None]:
    """Let `where.name` raise on its call number `after`; what is returned undoes that."""
    real, calls = getattr(where, name), []

    def stop(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == after:
            raise how
        return real(*given, **named)

    monkeypatch.setattr(where, name, stop)
    return lambda: monkeypatch.setattr(where, name, real)


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    """The map of the items and looks at the memory take longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recae.jobs.sections._item_map", lambda *_: None)
        patch.setattr(selection, "peak_memory", lambda: nullcontext(Peak()))
        yield


@pytest.fixture(scope="module")
def undisturbed(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compare(crowds, out=tmp_path_factory.mktemp("whole") / "c", **GIVEN).folder


@pytest.mark.parametrize(
    ("where", "name", "after"),
    [
        (selection, "_fit", 1),
        (selection, "_fit", 5),
        (contest_run, "_evaluation", 2),
        (contest_records, "write_json", 3),
        (contest_run, "of_comparison", 1),
        ("recae.jobs.compare", "put_in_place", 1),
    ],
)
def test_wherever_it_stops_it_ends_as_if_nothing_had_happened(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path, where: Any, name: str, after: int
) -> None:
    place = sys.modules[where] if isinstance(where, str) else where
    undo = stopping(monkeypatch, place, name, after)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", **GIVEN)
    assert [path.name for path in tmp_path.iterdir()] == [".c.partial"]
    undo()
    result = compare(crowds, out=tmp_path / "c", resume=True, **GIVEN)
    assert told(result.folder) == told(undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert sorted(path.name for path in result.folder.iterdir()) == sorted(path.name for path in undisturbed.iterdir())


def test_several_splits_go_on_as_well(crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = compare(crowds, out=tmp_path / "whole" / "c", repeats=2, **GIVEN).folder
    undo = stopping(monkeypatch, contest_run, "_evaluation", 5)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", repeats=2, **GIVEN)
    undo()
    judged: list[int] = []
    real = contest_run._evaluation
    monkeypatch.setattr(contest_run, "_evaluation", lambda *given: judged.append(1) or real(*given))
    assert told(compare(crowds, out=tmp_path / "c", repeats=2, resume=True, **GIVEN).folder) == told(whole)
    assert len(judged) == 6 - 4


def test_finished_models_and_settings_are_not_fitted_again(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    undo = stopping(monkeypatch, selection, "_fit", 5)  # the second setting of the third model
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", **GIVEN)
    undo()
    fits: list[str] = []
    real = selection._fit
    monkeypatch.setattr(selection, "_fit", lambda name, *given: fits.append(name) or real(name, *given))
    compare(crowds, out=tmp_path / "c", resume=True, options=RunOptions(progress=told), **GIVEN)
    assert fits in (["ease"], ["ease", "ease"])  # the setting that was left, and the best one if that was the first
    assert "Continuing: 2 of 3 models are done." in told.lines


def test_what_is_done_is_counted_split_by_split(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    given = GIVEN | {"models": ["popularity", "item-knn"], "trials": 0, "repeats": 2}
    undo = stopping(monkeypatch, contest_run, "_evaluation", 4)  # the second model on the second split
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", **given)
    undo()
    compare(crowds, out=tmp_path / "c", resume=True, options=RunOptions(progress=told), **given)
    assert "Continuing: 3 of 4 fits are done (models: 2, splits: 2)." in told.lines


def test_a_model_can_join_what_was_interrupted(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path
) -> None:
    undo = stopping(monkeypatch, selection, "_fit", 3)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", **GIVEN | {"models": ["popularity", "item-knn"]})
    undo()
    result = compare(crowds, out=tmp_path / "c", resume=True, **GIVEN)
    figures = json.loads((undisturbed / "report.json").read_text())["models"]
    assert {run.name: run.means["ndcg@5"] for run in result.comparison.runs} == {
        model["name"]: model["metrics"]["ndcg@5"]["value"] for model in figures
    }


def test_what_is_damaged_is_done_again(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path
) -> None:
    undo = stopping(monkeypatch, sys.modules["recae.jobs.compare"], "write_reports", 1)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", **GIVEN)
    undo()
    records = work_folder(tmp_path / "c") / "_records" / "split-001"
    (records / "popularity.json").write_text("{")
    (records / "item-knn.parquet").write_bytes(b"PAR1")
    weights = work_folder(tmp_path / "c") / "models" / "ease" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with (records / "ease.trials.jsonl").open("a") as file:
        file.write('{"settings": {"l2"')
    assert told(compare(crowds, out=tmp_path / "c", resume=True, **GIVEN).folder) == told(undisturbed)


def test_other_terms_are_refused_and_without_resume_it_starts_anew(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    undo = stopping(monkeypatch, selection, "_fit", 4)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "c", **GIVEN)
    undo()
    for change in ({"metrics": ["recall@5"]}, {"trials": 1}, {"options": replace(DEFAULTS, seed=7)}, {"repeats": 2}):
        with pytest.raises(ConfigError, match=r"was begun with other terms \(.*\): run without --resume"):
            compare(crowds, out=tmp_path / "c", resume=True, **GIVEN | change)
    compare(crowds, out=tmp_path / "c", options=RunOptions(progress=told), **GIVEN)
    (said,) = [line for line in told.lines if line.startswith("Starting anew")]
    assert "2 of 3 models are done; --resume would go on" in said


def test_what_is_done_is_up_to_date(crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compare(crowds, out=tmp_path / "c", resume=True, **GIVEN)
    before = (tmp_path / "c" / "report.json").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(selection, "_fit", lambda *_: pytest.fail("a model was fitted"))
        again = compare(crowds, out=tmp_path / "c", resume=True, **GIVEN)
    assert (first.up_to_date, again.up_to_date, again.best) == (False, True, first.best)
    assert (tmp_path / "c" / "report.json").stat().st_mtime_ns == before
    assert compare(crowds, out=tmp_path / "c", **GIVEN).up_to_date, "nobody need ask for it"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"models": ["popularity"]}, "models"),
        ({"trials": 1}, "trials"),
        ({"options": replace(DEFAULTS, seed=7)}, "seed, splits"),
        ({"metrics": ["recall@5"]}, "metrics"),
    ],
)
@pytest.mark.parametrize("resume", [False, True])
def test_another_comparison_is_replaced_with_force_only(
    crowds: Path, tmp_path: Path, undisturbed: Path, change: dict[str, Any], named: str, resume: bool
) -> None:
    shutil.copytree(undisturbed, tmp_path / "c")
    before = (tmp_path / "c" / "report.json").read_bytes()
    with pytest.raises(StorageError, match=rf"made from other data or settings \({named}\): give --force"):
        compare(crowds, out=tmp_path / "c", resume=resume, **GIVEN | change)
    assert (tmp_path / "c" / "report.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    if named == "models":
        assert not compare(crowds, out=tmp_path / "c", resume=resume, force=True, **GIVEN | change).up_to_date
        assert compare(crowds, out=tmp_path / "c", resume=True, force=True, **GIVEN | change).up_to_date
        assert compare(crowds, out=tmp_path / "c", **GIVEN | change).up_to_date
        assert not compare(crowds, out=tmp_path / "c", force=True, **GIVEN | change).up_to_date


@pytest.mark.parametrize("name", ["report.html", "models/ease/model.safetensors"])
def test_a_comparison_that_was_damaged_since_is_made_anew(
    crowds: Path, tmp_path: Path, undisturbed: Path, name: str, told: Any
) -> None:
    shutil.copytree(undisturbed, tmp_path / "c")
    whole = (tmp_path / "c" / name).read_bytes()
    (tmp_path / "c" / name).write_bytes(whole[:-1] + b"?")
    assert not compare(crowds, out=tmp_path / "c", options=RunOptions(progress=told), **GIVEN).up_to_date
    assert any("is made anew, because it is damaged" in line for line in told.lines)
    assert compare(crowds, out=tmp_path / "c", **GIVEN).up_to_date


def test_somebodys_notes_in_a_comparison_are_kept(crowds: Path, tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "c")
    (tmp_path / "c" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"notes\.txt was not written by recae and would be deleted: move it"):
        compare(crowds, out=tmp_path / "c", force=True, **GIVEN)
    assert (tmp_path / "c" / "notes.txt").read_text() == "mine"


def test_records_that_a_kill_left_in_a_finished_comparison_are_removed(
    crowds: Path, tmp_path: Path, undisturbed: Path
) -> None:
    shutil.copytree(undisturbed, tmp_path / "c")
    (tmp_path / "c" / "_records").mkdir()
    (tmp_path / "c" / "_records" / "plan.json").write_text("{}")
    assert compare(crowds, out=tmp_path / "c", **GIVEN).up_to_date
    assert not (tmp_path / "c" / "_records").exists()


def test_other_columns_of_the_catalogue_are_other_terms(crowds: Path, tmp_path: Path) -> None:
    given = GIVEN | {"models": ["popularity"], "trials": 0, "slices": ["year"]}
    items = pq.read_table(crowds)["item_id"].unique().to_pylist()
    for name, year in (("a", 1990), ("b", 2000)):
        rows = "".join(f"{item},title {item},{year}\n" for item in items)
        (tmp_path / f"{name}.csv").write_text("item_id,title,year\n" + rows)
    compare(crowds, out=tmp_path / "c", catalog=tmp_path / "a.csv", **given)
    with pytest.raises(StorageError, match=r"\(catalogue\)"):
        compare(crowds, out=tmp_path / "c", catalog=tmp_path / "b.csv", **given)


def test_ctrl_c_says_how_to_go_on(crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any) -> None:
    stopping(monkeypatch, selection, "_fit", 3, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt, match="What is finished is kept: the same command with --resume goes on"):
        compare(crowds, out=tmp_path / "c", options=RunOptions(progress=told), **GIVEN)


def test_a_folder_of_somebody_else_is_left_alone(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / ".c.partial").mkdir()
    (tmp_path / ".c.partial" / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="is in the way"):
        compare(crowds, out=tmp_path / "c", **GIVEN)
    assert (tmp_path / ".c.partial" / "mine.txt").read_text() == "mine"


def test_a_run_that_was_killed_before_it_had_a_plan_is_in_nobodys_way(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / ".c.partial" / "_records").mkdir(parents=True)
    (tmp_path / ".c.partial" / "_records" / ".plan.json.0123abcd.recae-tmp").write_text("{")
    compare(crowds, out=tmp_path / "c", **GIVEN)
    assert (tmp_path / "c" / "report.json").is_file()


def diverging(self: Ease, *given: Any) -> None:
    if self.config.l2 != 100.0:
        raise DataError(f"l2 = {self.config.l2:g} diverged.")
    FIT(self, *given)


FIT = Ease._fit


def test_one_failing_setting_is_told_and_the_others_go_on(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ease, "_fit", diverging)
    result = compare(crowds, out=tmp_path / "c", **GIVEN)
    ease = next(run for run in result.comparison.runs if run.name == "ease")
    assert ease.config["l2"] == 100.0
    assert [trial.failed for trial in ease.trials] == ["l2 = 500 diverged.", ""]
    assert result.comparison.failed == ()
    written = json.loads((tmp_path / "c" / "report.json").read_text())
    trials = next(model for model in written["models"] if model["name"] == "ease")["trials"]
    assert (trials[0]["value"], trials[0]["failed"]) == (None, "l2 = 500 diverged.")
    assert "l2 = 500 diverged." in (tmp_path / "c" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [DataError("It needs a moon."), ValueError("odd\nand even"), MemoryError()])
def test_a_failing_model_is_told_and_the_others_go_on(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Ease, "_fit", fail)
    result = compare(crowds, out=tmp_path / "c", **GIVEN)
    assert [run.name for run in result.comparison.runs] == ["popularity", "item-knn"]
    (failed,) = result.comparison.failed
    assert failed.name == "ease"
    assert len(failed.trials) == 2
    assert {"It needs a moon.": "It needs a moon.", "odd\nand even": "ValueError: odd.", "": "not enough memory"}[
        str(error)
    ] in failed.reason
    assert sorted(path.name for path in (tmp_path / "c" / "models").iterdir()) == ["item-knn", "popularity"]
    for form in ("report.html", "report.md"):
        assert "ease could not be judged" in (tmp_path / "c" / form).read_text(encoding="utf-8")
    assert set(pq.read_table(tmp_path / "c" / "per-user.parquet")["model"].to_pylist()) == {"popularity", "item-knn"}


def test_a_model_that_fails_on_a_later_split_is_failed(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[int] = []

    def twice(self: Ease, *given: Any) -> None:
        fits.append(1)
        if len(fits) > 2:
            raise DataError("The second split is not to its liking.")
        FIT(self, *given)

    monkeypatch.setattr(Ease, "_fit", twice)
    result = compare(crowds, out=tmp_path / "c", repeats=2, **GIVEN)
    assert [model.reason for model in result.comparison.failed] == ["The second split is not to its liking."]
    assert {run.name for run in result.comparison.runs} == {"popularity", "item-knn"}
    assert len(result.comparison.pairs) == 1


def test_when_all_models_fail_there_is_no_comparison(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise DataError("It needs a moon.")

    for model in (Ease, Popularity):
        monkeypatch.setattr(model, "_fit", fail)
    with pytest.raises(
        DataError, match=r"None of the models could be judged. popularity: It needs a moon. ease: None of"
    ):
        compare(crowds, out=tmp_path / "c", **GIVEN | {"models": ["popularity", "ease"]})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_it_all(crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Ease, "_fit", full)
    with pytest.raises(OSError, match="No space left"):
        compare(crowds, out=tmp_path / "c", **GIVEN)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_process_goes_on(crowds: Path, tmp_path: Path, undisturbed: Path) -> None:
    command = [sys.executable, "-m", "recae", "compare", str(crowds), "--out", str(tmp_path / "c"), "--split", SPLIT]
    command += ["--models", "popularity,item-knn,ease", "--trials", "2", "--metrics", "ndcg@5"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    done = work_folder(tmp_path / "c") / "_records" / "split-001" / "popularity.json"
    last = time.monotonic() + 120
    while not done.exists() and process.poll() is None and time.monotonic() < last:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "c").exists()
    result = compare(crowds, out=tmp_path / "c", resume=True, **GIVEN)
    assert told(result.folder) == told(undisturbed)


def test_what_was_half_written_in_the_work_folder_gets_nowhere(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process leaves a split, or a model, under a temporary name; and no work folder without its plan."""
    stopping(monkeypatch, contest_records, "write_json", 1)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "out", **GIVEN)
    assert list(tmp_path.iterdir()) == []
    undo = stopping(monkeypatch, contest_records, "write_json", 2)
    with pytest.raises(Stop):
        compare(crowds, out=tmp_path / "out", **GIVEN)
    undo()
    for half in ("", "models"):
        (work_folder(tmp_path / "out") / half / ".half.0123abcd.recae-tmp").mkdir()
    compare(crowds, out=tmp_path / "out", resume=True, **GIVEN)
    assert [path.name for path in tmp_path.rglob("*") if "recae-tmp" in path.name] == []
