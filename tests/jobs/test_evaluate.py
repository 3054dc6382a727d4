"""Judging models and lists: figures worked out by hand, and files written only whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recae.errors import ConfigError, DataError
from recae.jobs.evaluate import evaluate, evaluate_lists
from recae.jobs.reading import Reading
from recae.jobs.recommend import recommend
from recae.jobs.train import train


def files(folder: Path, **texts: str) -> dict[str, Path]:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return {name: folder / f"{name}.csv" for name in texts}


def test_lists_are_judged_by_rank_whoever_made_them(tmp_path: Path, told: Any) -> None:
    at = files(
        tmp_path,
        lists="user,item,rank\na,x,2\na,y,1\na,z,3\nb,q,1\nb,x,2\nstranger,x,1\n",
        target="user,item\na,x\na,new\nb,x\nc,y\n",
    )
    found = evaluate_lists(at["lists"], at["target"], metrics=["recall@2", "precision@2", "mrr@3"], progress=told)
    # a finds x of {x, new} at place 2, b finds x at place 2, c has no list.
    assert found.means == pytest.approx({"recall@2": (1 / 2 + 1 + 0) / 3, "precision@2": 1 / 3, "mrr@3": 1 / 3})
    assert set(found.intervals) == set(found.means)
    assert any("1 user with a list and no target" in line for line in told.lines)
    assert any("1 user with a target and no list" in line for line in told.lines)


def test_history_makes_coverage_and_novelty_known(tmp_path: Path) -> None:
    at = files(
        tmp_path,
        lists="user,item\na,z\n",
        target="user,item\na,z\n",
        history="user,item\na,x\nb,x\nb,y\nb,z\n",
    )
    found = evaluate_lists(at["lists"], at["target"], [at["history"]], metrics=["coverage@1", "novelty@1", "hit@1"])
    assert found.means == pytest.approx({"coverage@1": 1 / 3, "novelty@1": 1.0, "hit@1": 1.0})
    with pytest.raises(ConfigError, match="novelty"):
        evaluate_lists(at["lists"], at["target"], metrics=["novelty@1"])


def test_lists_are_shares_of_the_same_catalogue_as_the_model_that_made_them(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="ease", out=tmp_path / "m").folder
    pairs = [f"{user},{item}" for user in (7, 8, 9) for item in range(30)]
    at = files(tmp_path, target="\n".join(["user_id,item_id", *pairs, "9,900", "9,901\n"]))
    recommend(folder, [crowds], out=tmp_path / "lists.csv", top=5)
    metrics = ["coverage@5", "gini@5", "entropy@5", "personalisation@5", "novelty@5", "hit@5"]
    of_model = evaluate(folder, [crowds], at["target"], metrics=metrics).means
    assert evaluate_lists(tmp_path / "lists.csv", at["target"], [crowds], metrics=metrics).means == of_model
    # What only targets have is found where it is listed, and is no part of the catalogue.
    (tmp_path / "bold.csv").write_text("user_id,item_id\n9,900\n9,1\n")
    bold = evaluate_lists(tmp_path / "bold.csv", at["target"], [crowds], metrics=["hit@5", "coverage@5"]).means
    assert bold == pytest.approx({"hit@5": 1 / 3, "coverage@5": 1 / 30})


def test_an_item_twice_in_a_list_is_refused(tmp_path: Path) -> None:
    at = files(tmp_path, lists="user,item\na,x\na,x\n", target="user,item\na,x\n")
    with pytest.raises(DataError, match="twice"):
        evaluate_lists(at["lists"], at["target"])


def test_a_target_in_the_history_is_no_target_and_an_unknown_one_is_missed(
    crowds: Path, tmp_path: Path, told: Any
) -> None:
    folder = train(crowds, model="popularity", out=tmp_path / "m").folder
    at = files(tmp_path, history="user_id,item_id\n7,1\n7,2\n", target="user_id,item_id\n7,1\n7,3\n7,999\n")
    found = evaluate(folder, [at["history"]], at["target"], metrics=["recall@30"], progress=told)
    assert found.means == {"recall@30": 0.5}
    assert found.facts["unknown_targets"] == 1
    assert any("1 targets already in the history" in line for line in told.lines)


def test_a_report_that_cannot_be_written_is_an_error_and_leaves_nothing(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="popularity", out=tmp_path / "m").folder
    at = files(tmp_path, history="user_id,item_id\n7,1\n", target="user_id,item_id\n7,3\n")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="suffix"):
        evaluate(folder, [at["history"]], at["target"], per_user=tmp_path / "users.xls")
    assert sorted(tmp_path.iterdir()) == before


def test_the_suffix_of_a_report_is_its_form(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="popularity", out=tmp_path / "m").folder
    at = files(tmp_path, history="user_id,item_id\n7,1\n", target="user_id,item_id\n7,3\n")
    for name, start in (("r.html", "<!doctype html>"), ("r.md", "# NDCG@10 ")):
        evaluate(folder, [at["history"]], at["target"], report=tmp_path / name, command="recae evaluate m")
        text = (tmp_path / name).read_text()
        assert text.startswith(start)
        assert "recae evaluate m" in text
        assert evaluate(folder, [at["history"]], at["target"], report=tmp_path / name).up_to_date
    with pytest.raises(ConfigError, match=r"r\.pdf must end in \.html or \.md; --json tells"):
        evaluate(folder, [at["history"]], at["target"], report=tmp_path / "r.pdf")


def test_ratings_are_kept_for_models_of_ratings(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="autorec-user", settings={"epochs": 3}, out=tmp_path / "m", metrics=["rmse"]).folder
    at = files(tmp_path, history="user_id,item_id,rating\n7,1,4\n7,2,5\n", target="user_id,item_id,rating\n7,3,4\n")
    found = evaluate(folder, [at["history"]], at["target"], metrics=["rmse", "mae"])
    assert 0 <= found.means["mae"] == pytest.approx(found.means["rmse"])
    with pytest.raises(DataError, match="ratings"):
        evaluate(folder, [files(tmp_path, bare="user_id,item_id\n7,1\n")["bare"]], at["target"], metrics=["rmse"])


def test_other_column_names_hold_for_all_files_that_have_them(tmp_path: Path) -> None:
    at = files(tmp_path, lists="user_id,item_id,rank\na,x,1\n", target="wer,was\na,x\n")
    found = evaluate_lists(
        at["lists"], at["target"], metrics=["hit@1"], reading=Reading(user_col="wer", item_col="was")
    )
    assert found.means == {"hit@1": 1.0}


def test_no_output_replaces_an_input(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="popularity", out=tmp_path / "m").folder
    at = files(tmp_path, history="user_id,item_id\n7,1\n", target="user_id,item_id\n7,3\n")
    for given in at.values():
        with pytest.raises(ConfigError, match="would replace the input"):
            evaluate(folder, [at["history"]], at["target"], per_user=given)
        with pytest.raises(ConfigError, match="would replace the input"):
            evaluate_lists(at["target"], at["target"], [at["history"]], report=given)
        assert given.read_text().startswith("user_id,item_id")


def test_errors_of_ratings_are_measured_only_where_ratings_are_predicted(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="ease", out=tmp_path / "m").folder
    at = files(tmp_path, history="user_id,item_id,rating\n7,1,4\n", target="user_id,item_id,rating\n7,3,4\n")
    with pytest.raises(ConfigError, match="ease ranks items and predicts no ratings: leave out rmse, mae"):
        evaluate(folder, [at["history"]], at["target"], metrics=["rmse", "ndcg@10", "mae"])


def test_every_file_of_lists_and_targets_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recae.data.textfiles import TextPart

    opened: list[str] = []
    really = TextPart.batches

    def noted(part: TextPart, *given: Any) -> Any:
        opened.append(Path(part.label).name)
        return really(part, *given)

    monkeypatch.setattr(TextPart, "batches", noted)
    at = files(tmp_path, lists="user,item\na,z\n", target="user,item\na,z\n", history="user,item\na,x\nb,x\nb,y\nb,z\n")
    evaluate_lists(at["lists"], at["target"], [at["history"]])
    assert sorted(opened) == ["history.csv", "lists.csv", "target.csv"]
