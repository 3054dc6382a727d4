"""`recae run`: a whole job from its file; what is skipped, what goes on, and what never gets published."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest

import recae.jobs.run_whole as whole
from recae.jobs.publish import published
from recae.jobs.reading import Reading
from recae.jobs.train import train
from recae.store.lock import locked
from recae.store.manifest import library_versions

JOB = """
out = "published"
[input]
log = "ratings.csv"
user_col = "who"
item_col = "thing"
rating_col = "points"
time_col = "when"
[judging]
split = "user-holdout:valid=0.2,test=0.3,observed=0.5"
metrics = ["ndcg@5", "hit@5"]
[model]
name = "ease"
settings = { l2 = 5 }
[lists]
top = 3
format = "csv"
"""


@pytest.fixture
def job(log: Path, tmp_path: Path) -> Path:
    (tmp_path / "ratings.csv").write_bytes(log.read_bytes())
    path = tmp_path / "nightly.toml"
    path.write_text(JOB)
    return path


def ran(recae, job: Path, *more: str) -> dict[str, Any]:
    outcome = recae("run", job, "--json", "-q", "--traceback", *more)
    assert outcome.code == 0, outcome.err
    return outcome.answer


def status(answer: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in answer["steps"]}


def content(folder: Path) -> dict[str, bytes]:
    """Every file but those that tell times."""
    times = ("_manifest.json", "manifest.json", "report.html", "report.json", "report.md", "report.tex")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in times
    }


def test_a_job_publishes_lists_model_and_report(recae, job: Path) -> None:
    answer = ran(recae, job)
    out = job.parent / "published"
    assert {path.name for path in out.iterdir()} >= {
        "lists.csv", "model", "report.html", "per-user.parquet", "_manifest.json", "_SUCCESS",
    }  # fmt: skip
    lists = pyarrow.csv.read_csv(out / "lists.csv")
    assert lists.column_names == ["who", "thing", "rank", "score"]
    assert len(lists) == answer["rows"] == 60 * 3
    assert answer["model"] == "ease"
    assert answer["settings"]["l2"] == 5
    assert set(answer["metrics"]) == {"ndcg@5", "hit@5"}
    manifest = json.loads((out / "_manifest.json").read_text())
    assert manifest["metrics"] == answer["metrics"]
    assert recae("inspect", out / "model").code == 0


def test_again_it_is_up_to_date_and_force_does_it_anew_with_the_same_result(recae, job: Path) -> None:
    ran(recae, job)
    before = content(job.parent / "published")
    again = ran(recae, job)
    assert (again["status"], again["steps"]) == ("up to date", [])
    anew = ran(recae, job, "--force")
    assert set(status(anew).values()) == {"done"}
    assert content(job.parent / "published") == before


def test_only_what_a_change_touches_is_done_again(recae, job: Path) -> None:
    ran(recae, job)
    job.write_text(JOB.replace("top = 3", "top = 4"))
    steps = status(ran(recae, job))
    assert [name for name, state in steps.items() if state == "done"] == ["list", "publish"]
    job.write_text(JOB.replace("l2 = 5", "l2 = 6"))
    steps = status(ran(recae, job))
    assert [name for name, state in steps.items() if state == "up to date"] == ["read", "split"]
    with (job.parent / "ratings.csv").open("a") as file:
        file.write("u99,003,5,1700000099\nu99,004,5,1700000098\n")
    answer = ran(recae, job)
    assert set(status(answer).values()) == {"done"}
    assert answer["users"] == 61


def test_a_damaged_publication_is_made_good(recae, job: Path) -> None:
    ran(recae, job)
    before = content(job.parent / "published")
    lists = job.parent / "published" / "lists.csv"
    lists.unlink()
    lists.write_text("spoilt\n")
    steps = status(ran(recae, job))
    assert steps["train"] == steps["list"] == "up to date"
    assert content(job.parent / "published") == before


def test_a_gate_that_is_not_met_leaves_what_stands(recae, job: Path) -> None:
    ran(recae, job)
    before = content(job.parent / "published")
    job.write_text(JOB + "[gate]\nfail_under = { 'ndcg@5' = 0.999 }\n")
    outcome = recae("run", job, "--json")
    assert outcome.code == 6
    assert "ndcg@5 of ease is" in outcome.answer["message"]
    assert "what was published before stands; the report is" in outcome.answer["message"]
    assert content(job.parent / "published") == before
    job.write_text(JOB + "[gate]\nfail_under = { 'ndcg@5' = 0.01 }\nrequire_beats = 'popularity'\ntolerance = 0.01\n")
    answer = ran(recae, job)
    assert len(answer["gates"]) == 2
    assert all(gate["passed"] for gate in answer["gates"])


def test_a_report_that_is_drawn_again_leaves_the_published_one_as_it_is(recae, job: Path) -> None:
    ran(recae, job)
    out = job.parent / "published"
    reports = {path.name: path.read_bytes() for path in out.glob("report.*")}
    assert len(reports) == 4
    job.write_text(JOB + "[gate]\nfail_under = { 'ndcg@5' = 0.999 }\n")
    assert recae("run", job).code == 6
    assert "0.999" in (job.parent / ".published.work" / "judged" / "report.md").read_text()
    assert {path.name: path.read_bytes() for path in out.glob("report.*")} == reports
    assert published(out) is not None, "its checksums still fit"


def test_after_an_upgrade_everything_is_done_anew(recae, job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran(recae, job)
    now = {**library_versions(), "recae": "99.0"}
    for module in ("up_to_date", "steps", "contest_plan"):
        monkeypatch.setattr(f"recae.jobs.{module}.library_versions", lambda: now)
    assert set(status(ran(recae, job)).values()) == {"done"}
    assert ran(recae, job)["status"] == "up to date"


def test_a_model_much_worse_than_the_published_one_is_not_published(recae, job: Path) -> None:
    ran(recae, job)
    job.write_text(
        JOB.replace('name = "ease"\nsettings = { l2 = 5 }', 'name = "popularity"') + "[gate]\ntolerance = 0\n"
    )
    outcome = recae("run", job)
    assert outcome.code == 6
    assert "what was published before stands" in outcome.err


def test_of_several_models_the_best_on_validation_data_is_taken(recae, job: Path) -> None:
    job.write_text(JOB.replace('name = "ease"\nsettings = { l2 = 5 }', 'name = ["popularity", "ease"]\ntrials = 0'))
    answer = ran(recae, job)
    judged = json.loads((job.parent / "published" / "report.json").read_text())
    valid = {model["name"]: model["valid_value"] for model in judged["models"]}
    assert answer["model"] == max(valid, key=lambda name: valid[name]) == "ease"


def test_a_young_model_is_taken_again_for_a_new_log(recae, job: Path) -> None:
    job.write_text(JOB.replace("settings =", "reuse_days = 7\nsettings ="))
    first = ran(recae, job)
    with (job.parent / "ratings.csv").open("a") as file:
        file.write("u99,003,5,1700000099\nu99,004,5,1700000098\n")
    second = ran(recae, job)
    assert status(second) == {
        "read": "done", "split": "skipped", "judge": "skipped", "train": "skipped", "list": "done", "publish": "done",
    }  # fmt: skip
    assert second["users"] == 61
    assert second["metrics"] == first["metrics"]


@pytest.mark.parametrize("step", ["filter_input", "judge", "train", "recommend", "publish"])
def test_an_interrupted_job_ends_as_an_undisturbed_one(
    recae, job: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    ran(recae, job)
    wanted = content(job.parent / "published")
    for name in ("published", ".published.work"):
        (job.parent / name).rename(job.parent / f"old-{name}")
    real = getattr(whole, step)

    def interrupted(*given: Any, **named: Any) -> Any:
        real(*given, **named)
        raise KeyboardInterrupt("the same command with --resume goes on")  # as a step's own command has it

    monkeypatch.setattr(whole, step, interrupted)
    stopped = recae("run", job)
    assert stopped.code == 130
    assert "Interrupted. What is finished is kept: the same command goes on from there." in stopped.err
    assert "--resume" not in stopped.err
    monkeypatch.setattr(whole, step, real)
    ran(recae, job)
    assert content(job.parent / "published") == wanted


def test_a_killed_job_ends_as_an_undisturbed_one(recae, job: Path) -> None:
    ran(recae, job)
    wanted = content(job.parent / "published")
    for name in ("published", ".published.work"):
        (job.parent / name).rename(job.parent / f"old-{name}")
    with subprocess.Popen([sys.executable, "-m", "recae", "run", str(job)], stderr=subprocess.PIPE, text=True) as made:
        assert made.stderr is not None
        for line in made.stderr:
            if "judge" in line:
                break
        time.sleep(0.05)
        made.kill()
    assert not (job.parent / "published").exists()
    ran(recae, job)
    assert content(job.parent / "published") == wanted


@pytest.mark.parametrize("place", ["published", ".published.work", "shared"])
def test_one_run_at_a_time_where_two_jobs_name_one_place(recae, job: Path, place: str) -> None:
    """With one work folder the lists of one job could be made from the log of the other."""
    if place == "shared":
        job.write_text(f'work = "shared"\n{JOB}')
    with locked(job.parent / place):
        outcome = recae("run", job)
    assert outcome.code == 75
    assert str(job.parent / place) in outcome.err
    assert sorted(path.name for path in job.parent.iterdir()) == ["nightly.toml", "ratings.csv"]


def test_a_folder_that_somebody_else_made_is_never_replaced(recae, job: Path) -> None:
    (job.parent / "published").mkdir()
    (job.parent / "published" / "thesis.txt").write_text("years of work")
    outcome = recae("run", job)
    assert outcome.code == 5
    assert (job.parent / "published" / "thesis.txt").read_text() == "years of work"


def test_the_model_for_the_lists_has_seen_the_whole_log(recae, job: Path) -> None:
    ran(recae, job)
    log = job.parent / ".published.work" / "log" / "interactions.parquet"
    names = Reading(user_col="who", item_col="thing", rating_col="points", time_col="when")
    alone = train(log, model="ease", settings={"l2": 5}, out=job.parent / "alone", reading=names)
    published = json.loads((job.parent / "published" / "model" / "manifest.json").read_text())
    assert published["data_fingerprint"] == alone.model.data_fingerprint
    assert published["n_train_users"] == 60
