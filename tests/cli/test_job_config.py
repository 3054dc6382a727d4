"""`recae config`: what a job file may hold, and how a wrong one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recae.errors import RecaeError
from recae.jobs.job_check import check_job
from recae.jobs.job_file import Job, read_job, schema

MINIMAL = 'out = "published"\n[input]\nlog = "log.csv"\n'


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "log.csv").write_text("user,item\n1,2\n")
    path = tmp_path / "job.toml"
    path.write_text(MINIMAL)
    return path


def test_a_minimal_job_has_defaults_and_its_paths_are_its_own(recae, job: Path) -> None:
    outcome = recae("config", "check", job, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.answer["job"]["lists"]["top"] == 20
    checked = check_job(job)
    assert checked.out == job.parent / "published"
    assert checked.work == job.parent / ".published.work"
    assert checked.models == ("ease",)


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("[input]\nlog = 'log.csv'\n", 2, "out is missing"),
        (MINIMAL + "[lists]\ntop = 0\n", 2, "top in [lists] must be greater than or equal to 1 (got 0)"),
        (MINIMAL + "[list]\ntop = 5\n", 2, "there is no list (did you mean lists?)"),
        (MINIMAL + "[lists]\nalow = 'a.csv'\n", 2, "there is no alow in [lists] (did you mean allow?)"),
        ("max_memory = '8Q'\n" + MINIMAL, 2, "max_memory must be '8Q' is not an amount of memory such as 8G"),
        (MINIMAL + "[model]\nname = 'eese'\n", 2, "Did you mean ease?"),
        (MINIMAL + "[model]\nname = 'ease'\nsettings = {l3 = 5}\n", 2, "there is no l3"),
        (MINIMAL + "[model]\nname = ['ease', 'ials']\nsettings = {l2 = 5}\n", 2, "settings belong to one model"),
        (MINIMAL + "[gate]\nrequire_beats = 'ease'\n", 2, "ease is a model to choose from and one that must be beaten"),
        (MINIMAL + "[gate]\nfail_under = {'rmse' = 1.0}\n", 2, "lower is better of rmse"),
        (MINIMAL + "[gate]\ntolerance = nan\n", 2, "tolerance in [gate] must be"),
        (MINIMAL + "[judging]\nmetrics = ['nope@5']\n", 2, "nope"),
        (MINIMAL + "[judging]\nsplit = 'per-usr'\n", 2, "There is no split 'per-usr'"),
        (MINIMAL + "[lists]\ndeny = 'none.csv'\n", 5, "none.csv does not exist"),
        (MINIMAL.replace("log.csv", "published/log.csv"), 5, "does not exist"),
        ("work = 'published/work'\n" + MINIMAL, 2, "lies in what is published"),
        ("not toml at all", 2, "no valid TOML"),
        ("a = " + "[" * 10_000 + "]" * 10_000, 2, "nested too deeply"),
        ("a." * 3_000 + "b = 1", 2, "nested too deeply"),
        ("#" * (1 << 20) + "\n" + MINIMAL, 2, "longer than 1,048,576 bytes"),
    ],
)
def test_what_is_wrong_is_named(recae, job: Path, text: str, code: int, sentence: str) -> None:
    job.write_text(text)
    outcome = recae("config", "check", job)
    assert outcome.code == code
    assert sentence.lower() in outcome.err.lower().replace("  ", " ")
    assert outcome.err.count("\n") == 1
    assert len(outcome.err) < 1000


def test_a_job_that_is_not_there(recae, tmp_path: Path) -> None:
    outcome = recae("config", "check", tmp_path / "none.toml")
    assert outcome.code == 5


def test_the_log_may_not_lie_where_the_job_writes(recae, job: Path) -> None:
    (job.parent / "published").mkdir()
    (job.parent / "published" / "log.csv").write_text("user,item\n1,2\n")
    job.write_text(MINIMAL.replace("log.csv", "published/log.csv"))
    outcome = recae("config", "check", job)
    assert outcome.code == 2
    assert "which the job replaces" in outcome.err


def test_the_schema_knows_every_key_and_says_what_it_means(recae) -> None:
    printed = json.loads(recae("config", "schema").out)
    assert printed == schema() == recae("config", "schema", "--json").answer["schema"]
    assert set(printed["properties"]) == set(Job.model_fields)
    assert printed["required"] == ["out", "input"]
    for name, table in printed["$defs"].items():
        assert table["additionalProperties"] is False, name
        assert table["description"], name
    assert all("description" in entry for entry in printed["$defs"]["Lists"]["properties"].values())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200))
def test_no_file_gets_through_without_a_sentence(job: Path, content: bytes) -> None:
    job.write_bytes(content)
    with pytest.raises(RecaeError):
        read_job(job)
