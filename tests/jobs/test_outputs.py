"""What recae did not write is never replaced, and its own output may be written again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from recae.errors import StorageError
from recae.jobs import known
from recae.jobs.compare import compare
from recae.jobs.evaluate import evaluate
from recae.jobs.known import write_sample_to
from recae.jobs.prepare import filter_input, split_input
from recae.jobs.recommend import recommend
from recae.jobs.similar import similar
from recae.jobs.train import train
from recae.models.base import Recommender
from recae.store.tables import write_table

Job = Callable[[Path], Any]


@pytest.fixture(scope="module")
def jobs(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """By the kind of output: a job that writes it."""
    model = train(crowds, model="popularity", out=tmp_path_factory.mktemp("ours") / "model").folder
    target = tmp_path_factory.mktemp("target") / "t.csv"
    target.write_text("user_id,item_id\n7,999\n")
    return {
        "recommend": lambda out: recommend(model, [crowds], out=out),
        "similar": lambda out: similar(model, ["3"], out=out),
        "report": lambda out: evaluate(model, [crowds], target, report=out),
        "per-user": lambda out: evaluate(model, [crowds], target, per_user=out),
    }


PLACES = [
    *[(job, f"out{suffix}") for job in ("recommend", "similar", "per-user") for suffix in (".csv", ".jsonl", ".tsv")],
    *[(job, "out.parquet") for job in ("recommend", "similar", "per-user")],
    ("report", "out.html"),
]


@pytest.mark.parametrize(("job", "name"), PLACES)
def test_a_strange_file_is_refused_before_the_work_and_an_own_one_replaced(
    job: str, name: str, jobs: dict[str, Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / name
    jobs[job](out)
    first = out.read_bytes()
    jobs[job](out)
    assert out.stat().st_size == len(first)
    for strange in (tmp_path / f"mine-{name}", tmp_path / f"table-{name}"):
        if strange.name.startswith("table") and strange.suffix != ".html":
            write_table(pa.table({"a": [1]}), strange)
        else:
            strange.write_text("years of work")
        before = strange.read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(Recommender, "fit", lambda *_: pytest.fail("worked before the output was checked"))
            patched.setattr("recae.jobs.recommend.load", lambda _: pytest.fail("loaded before"))
            patched.setattr("recae.jobs.similar.load", lambda _: pytest.fail("loaded before"))
            patched.setattr("recae.jobs.evaluate.load", lambda _: pytest.fail("loaded before"))
            with pytest.raises(StorageError, match=r"was not written by recae: choose another --out or remove it"):
                jobs[job](strange)
        assert strange.read_bytes() == before
    folder = tmp_path / f"folder-{name}"
    folder.mkdir()
    with pytest.raises(StorageError, match="was not written by recae"):
        jobs[job](folder)


def test_a_sidecar_of_somebody_else_is_no_sidecar(jobs: dict[str, Job], tmp_path: Path) -> None:
    for content in ('{"name": "my chrome extension"}', "no JSON"):
        (tmp_path / "out.csv.manifest.json").write_text(content)
        (tmp_path / "out.csv").write_text("mine")
        with pytest.raises(StorageError, match=r"out\.csv\.manifest\.json exists"):
            jobs["similar"](tmp_path / "out.csv")


def test_an_empty_file_may_be_filled(jobs: dict[str, Job], tmp_path: Path) -> None:
    (tmp_path / "out.csv").touch()
    jobs["similar"](tmp_path / "out.csv")
    assert (tmp_path / "out.csv").stat().st_size


def test_the_sample_replaces_only_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, _ = write_sample_to(tmp_path / "sample")
    before = log.read_bytes()
    write_sample_to(tmp_path / "sample", seed=3)
    write_sample_to(tmp_path / "sample")
    assert log.read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "interactions.csv").write_text("mine")
    monkeypatch.setattr(known, "write_sample", lambda *_: pytest.fail("written"))
    with pytest.raises(StorageError, match="was not written by recae"):
        write_sample_to(tmp_path / "mine")


def test_a_folder_with_a_sample_is_not_replaced_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text("years of work")
    log, _ = write_sample_to(tmp_path / "shop")
    (tmp_path / "log.csv").write_bytes(log.read_bytes())
    with pytest.raises(StorageError, match=r"app\.py was not written by recae and would be deleted"):
        filter_input(tmp_path / "log.csv", tmp_path / "shop", force=True)
    assert (tmp_path / "shop" / "app.py").read_text() == "years of work"


def test_a_public_set_replaces_no_table_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "fetch", lambda name, folder, progress: folder)
    (tmp_path / "interactions.parquet").write_text("mine")
    with pytest.raises(StorageError, match=r"interactions\.parquet exists and was not written by recae"):
        known.fetch_known("ml-100k", tmp_path)
    (tmp_path / "_raw").mkdir()  # an interrupted fetch goes on
    assert known.fetch_known("ml-100k", tmp_path) == tmp_path


def test_folders_are_checked_before_anything_is_read(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for job in (filter_input, split_input, compare):
        with pytest.raises(StorageError, match="was not written by recae"):
            job(tmp_path / "absent.csv", out=tmp_path / "mine")
