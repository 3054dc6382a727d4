"""`recae plan`, and the exit code 4 of every job that would not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recae.models.registry import model_names

BIG = ("--users", 1_000_000, "--items", 200_000, "--interactions", 50_000_000)


def test_a_table_of_all_models_for_a_log_that_is_to_come(recae) -> None:
    outcome = recae("plan", *BIG, "--max-memory", "8G")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0].startswith("1,000,000 users, 200,000 items, 50,000,000 interactions: ")
    assert lines[2].split() == ["model", "fits", "to", "fit", "time", "model", "top", "20", "for", "all", "time"]
    assert {line.split()[0] for line in lines[3:]} == set(model_names())
    fits = [line.split()[1] for line in lines[3:]]
    assert fits == sorted(fits, reverse=True)


def test_a_model_that_would_not_fit_is_told_with_what_would(recae) -> None:
    outcome = recae("plan", *BIG, "--model", "ease", "--max-memory", "8G")
    assert outcome.code == 0
    assert "ease does not fit. What would fit: elsa (" in outcome.out


def test_the_json_form_has_bytes_and_seconds(recae, log: Path, columns: tuple[str, ...]) -> None:
    outcome = recae("plan", log, *columns, "--models", "ease,mult-vae", "--set", "l2=7", "--top", 5, "--json")
    answer = outcome.answer
    assert (answer["status"], answer["users"], answer["items"], answer["top"]) == ("ok", 60, 24, 5)
    assert {one["model"] for one in answer["models"]} == {"ease", "mult-vae"}
    for one in answer["models"]:
        assert one["settings"] == {"l2": 7}
        assert one["fits"] is True
        assert 0 < one["model_bytes"] < one["fit_bytes"] < answer["may_use"]
        low, high = one["fit_seconds"]
        assert 0 <= low < high
    assert len(outcome.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((), "Give either an INPUT, or --users"),
        (("log.csv", "--users", 5), "Give either an INPUT, or --users"),
        (("--users", 5, "--items", 5), "needs all of --users, --items and --interactions"),
        (("--users", 5, "--items", 5, "--interactions", 26), "at most 25 different interactions"),
        ((*BIG, "--model", "eas"), "Did you mean ease?"),
    ],
)
def test_what_cannot_be_planned_is_a_usage_error(recae, given: tuple[object, ...], sentence: str) -> None:
    outcome = recae("plan", *given)
    assert outcome.code == 2
    assert sentence in outcome.err


@pytest.mark.parametrize("model", ["mult-vae", "ease", "item-knn", "ials"])
def test_training_what_would_not_fit_ends_with_code_4(
    recae, log: Path, columns: tuple[str, ...], tmp_path: Path, model: str
) -> None:
    outcome = recae("train", log, *columns, "--model", model, "--max-memory", "40M", "--out", tmp_path / "m", "--json")
    assert outcome.code == 4
    assert outcome.answer["exit_code"] == 4
    message = outcome.answer["message"]
    assert message.startswith(f"{model} ")
    assert "would take about " in message
    assert "41.9 MB may be used" in message
    assert "What would fit: popularity (" in message
    assert not (tmp_path / "m").exists()


def test_lists_and_judging_are_refused_where_the_model_would_not_fit(
    recae, log: Path, model: Path, tmp_path: Path
) -> None:
    target, given = tmp_path / "target.csv", ("--history", log, "--max-memory", "1M")
    target.write_text("who,thing\n" + "".join(f"u{user:02d},{item:03d}\n" for user in range(60) for item in range(24)))
    lists = recae("recommend", model, *given, "--out", tmp_path / "lists.csv")
    judged = recae("evaluate", model, *given, "--target", target)
    assert (lists.code, judged.code) == (4, 4)
    assert lists.err.splitlines()[-1].startswith(f"recae: Making lists with {model} would take about ")
    assert judged.err.splitlines()[-1].startswith(f"recae: Judging {model} would take about ")
    assert not (tmp_path / "lists.csv").exists()


def test_a_model_folder_larger_than_the_memory_is_not_read(recae, log: Path, model: Path, tmp_path: Path) -> None:
    outcome = recae("recommend", model, "--history", log, "--max-memory", "1K", "--out", tmp_path / "lists.csv")
    assert outcome.code == 4
    assert "`recae plan` tells which would fit" in outcome.err


def test_lists_do_not_depend_on_the_memory(recae, log: Path, model: Path, tmp_path: Path) -> None:
    made = []
    for size in ("90M", "2G"):
        out = tmp_path / f"{size}.csv"
        assert recae("recommend", model, "--history", log, "--max-memory", size, "--out", out).code == 0
        made.append(out.read_bytes())
    assert made[0] == made[1]
    assert json.loads((tmp_path / "90M.csv.manifest.json").read_text())
