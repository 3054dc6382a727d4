"""report.json is what its published schema says, key by key."""

from __future__ import annotations

import copy
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from recae.evaluation.repeats import SplitFigures
from recae.jobs.compare import compare
from recae.reports.comparison import FailedModel, Trial
from recae.reports.document import schema
from recae.reports.structured import SCHEMA, to_json

ROOT = Path(__file__).parents[2]


def strict(described: Any) -> Any:
    """The same schema without room for keys that it does not name."""
    if isinstance(described, dict):
        closed = {"additionalProperties": False} if "properties" in described else {}
        return {key: strict(value) for key, value in described.items()} | closed
    return [strict(one) for one in described] if isinstance(described, list) else described


def faults(document: Any, described: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(described).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in found]


def test_it_is_a_schema_of_this_version():
    jsonschema.Draft202012Validator.check_schema(schema())

    assert schema()["$id"] == SCHEMA
    assert schema()["properties"]["schema"]["enum"] == [SCHEMA]


def test_it_is_the_one_that_the_types_make():
    script = ROOT / "scripts" / "report_schema.py"

    done = subprocess.run([sys.executable, script, "--check"], check=False)

    assert done.returncode == 0, "run scripts/report_schema.py and commit what it writes"


def test_every_key_of_a_report_is_described(comparison, compared, run):
    over = SplitFigures({"ndcg@10": (0.4, 0.5)}, {"ndcg@10": (1.0, 1.0)}, (200, 200), 0.1)
    failed = FailedModel("slim", "SLIM", "It did not converge.", (Trial({"l1": 1}, float("nan"), 0.1, "No."),))
    more = compared(
        (run("ease", 0.2, over_splits=over, valid_value=float("nan"), fit_peak_bytes=5, disk_bytes=7),
         run("ials", 0.1, over_splits=over)),
        failed=(failed,), plan="abc", data={}, split={}, facts={},
    )  # fmt: skip
    for one in (comparison, more):
        document = to_json(one)
        assert faults(document, strict(schema())) == []


def test_keys_may_join_and_none_may_go_or_change(comparison):
    document = to_json(comparison)
    joined, gone, changed = (copy.deepcopy(document) for _ in range(3))
    joined["models"][0]["carbon"] = 3
    del gone["models"][0]["rank"]
    changed["models"][0]["size_bytes"] = "large"

    assert faults(joined, schema()) == []
    assert faults(gone, schema()) == ["$.models[0]: 'rank' is a required property"]
    assert faults(changed, schema()) == ["$.models[0].size_bytes: 'large' is not of type 'integer'"]
    assert faults(document | {"schema": "recae-comparison/2"}, schema())


def test_a_comparison_without_anything_in_it_is_described_too(compared, run):
    alone = dataclasses.replace(compared((run("ease", 0.2, trials=()),)), examples=(), popularity_curve=())

    assert faults(to_json(alone), strict(schema())) == []


@pytest.mark.parametrize("models", [["popularity", "ease"], ["popularity", "autorec-item"]])
def test_what_the_job_writes_is_described(models, tmp_path):
    rows = [f"u{u},i{(u * 7 + n * n) % 23},{1 + (u + n) % 5},{1_600_000_000 + n}" for u in range(60) for n in range(12)]
    items = [f"i{n},<b>{n}</b>,{'odd' if n % 2 else 'even'}" for n in range(23)]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,rating,timestamp", *rows, ""]))
    (tmp_path / "items.csv").write_text("\n".join(["item_id,title,genre", *items, ""]))

    compare(tmp_path / "log.csv", out=tmp_path / "out", models=models, trials=1, split="per-user:valid=0.2,test=0.2")

    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert faults(written, strict(schema())) == []
