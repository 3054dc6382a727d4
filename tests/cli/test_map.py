"""`recae map` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys

from recae.errors import ConfigError


def test_a_map_is_written_and_told_in_json(recae, model, tmp_path):
    done = recae("map", model, "--out", tmp_path / "map.html", "--out", tmp_path / "places.csv", "--json")
    assert done.code == 0
    told = done.answer
    assert (told["rows"], told["items"], told["source"]) == (24, 24, "lists")
    assert told["outputs"] == [str(tmp_path / "map.html"), str(tmp_path / "places.csv")]
    assert (tmp_path / "places.csv").read_text().startswith("thing,users,x,y,group\n")


def test_what_cannot_be_done_ends_in_a_sentence(recae, model, tmp_path):
    refused = recae("map", model, "--out", tmp_path / "map.pdf")
    assert refused.code == ConfigError.exit_code
    assert "the name of a map ends in one of" in refused.err
    assert recae("map", model).code == 2
    assert list(tmp_path.iterdir()) == []


def test_it_runs_as_a_process(model, tmp_path):
    command = [sys.executable, "-m", "recae", "map", str(model), "--out", str(tmp_path / "map.html"), "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["output"] == str(tmp_path / "map.html")
