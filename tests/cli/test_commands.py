"""Whole commands on a tiny log: what they print where, and what they write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from recae.cli import progress
from recae.cli.text import facts, printable, table


def test_describe_speaks_on_stdout_and_answers_in_json(recae, log: Path, columns) -> None:
    outcome = recae("data", "describe", log, *columns)
    assert outcome.code == 0
    assert "interactions 660" in " ".join(outcome.out.split())
    answer = recae("data", "describe", log, *columns, "--json")
    assert answer.out.count("\n") == 1
    assert (answer.answer["status"], answer.answer["users"], answer.answer["interactions"]) == ("ok", 60, 660)
    assert {"run_id", "seconds", "command"} <= answer.answer.keys()


def test_filter_keeps_the_columns_of_the_input(recae, log: Path, columns, tmp_path: Path) -> None:
    outcome = recae("data", "filter", log, *columns, "--min-rating", 4, "--out", tmp_path / "f", "--json")
    kept = pq.read_table(tmp_path / "f" / "interactions.parquet")
    assert kept.column_names == ["who", "thing", "points", "when"]
    assert outcome.answer["rows"] == len(kept) > 0
    assert min(kept["points"].to_pylist()) >= 4
    assert "001" in kept["thing"].to_pylist()
    assert recae("data", "describe", tmp_path / "f", *columns).code == 0


def test_a_split_is_an_input_for_train_and_compare(recae, log: Path, columns, tmp_path: Path) -> None:
    split, model = tmp_path / "split", tmp_path / "model"
    assert recae("data", "split", log, *columns, "--split", "per-user:valid=0.1,test=0.2", "--out", split).code == 0
    assert {"train.parquet", "valid.parquet", "test.parquet"} <= {path.name for path in split.iterdir()}
    assert json.loads((split / "split.json").read_text())["configuration"]["spec"] == "per-user:valid=0.1,test=0.2"
    outcome = recae("train", split, "--model", "ease", "--out", model, "--json")
    assert outcome.code == 0
    assert 0 < outcome.answer["metrics"]["ndcg@10"] <= 1
    refused = recae("train", split, "--model", "ease", "--out", tmp_path / "other", "--min-rating", 3)
    assert refused.code == 2
    assert "--min-rating cannot be used" in refused.err


def test_a_folder_that_came_split_and_single_files_train_alike(recae, log: Path, columns, tmp_path: Path) -> None:
    rows = log.read_text().splitlines()
    parts = {"train": rows[1:501], "valid": rows[501:581], "test": rows[581:]}
    for name, part in parts.items():
        (tmp_path / f"{name}.csv").write_text("\n".join([rows[0], *part]) + "\n")
    fitted = [
        recae("train", source, *columns, *more, "--model", "ease", "--out", tmp_path / "m", "--json", "--force").answer
        for source, more in ((tmp_path, ()), (tmp_path / "train.csv", ("--valid", tmp_path / "valid.csv")))
    ]
    assert fitted[0]["metrics"] == fitted[1]["metrics"] != {}
    judged = recae(
        "evaluate", tmp_path / "m", *columns, "--history", tmp_path / "train.csv", "--history", tmp_path / "valid.csv",
        "--target", tmp_path / "test.csv", "--metrics", "ndcg@5,recall@3", "--json",
    )  # fmt: skip
    assert set(judged.answer["metrics"]) == {"ndcg@5", "recall@3"}


def test_recommend_writes_the_inputs_own_ids_and_evaluate_agrees_with_its_lists(
    recae, log: Path, model: Path, columns, tmp_path: Path
) -> None:
    rows = log.read_text().splitlines()
    history, target, lists = tmp_path / "history.csv", tmp_path / "target.csv", tmp_path / "lists.csv"
    history.write_text("\n".join(row for n, row in enumerate(rows) if n % 5 or n == 0) + "\n")
    target.write_text("\n".join([rows[0], *(row for n, row in enumerate(rows[1:], 1) if n % 5 == 0)]) + "\n")
    outcome = recae("recommend", model, *columns, "--history", history, "--top", 10, "--out", lists, "--json")
    assert outcome.code == 0
    options = pa_csv.ConvertOptions(column_types={"thing": "string"})
    written = pa_csv.read_csv(lists, convert_options=options)
    assert written.column_names == ["who", "thing", "rank", "score"]
    assert outcome.answer["rows"] == len(written) == 600
    assert set(written["thing"].to_pylist()) <= {f"{n:03d}" for n in range(24)}
    assert json.loads((tmp_path / "lists.csv.manifest.json").read_text())["configuration"]["top"] == 10
    command = ["evaluate", *columns, "--history", history, "--target", target, "--metrics", "ndcg@10,recall@5,mrr@10"]
    of_model = recae(*command, model, "--json").answer["metrics"]
    of_lists = recae(*command, "--lists", lists, "--json").answer["metrics"]
    assert of_lists == pytest.approx(of_model, abs=1e-12)
    assert of_model["recall@5"] > 0


def test_evaluate_prints_a_table_and_writes_report_and_values(
    recae, log: Path, model: Path, columns, tmp_path: Path
) -> None:
    rows = log.read_text().splitlines()
    (tmp_path / "h.csv").write_text("\n".join(rows[:300]) + "\n")
    (tmp_path / "t.csv").write_text("\n".join([rows[0], *rows[300:]]) + "\n")
    report, values = tmp_path / "r.html", tmp_path / "users.parquet"
    outcome = recae(
        "evaluate", model, *columns, "--history", tmp_path / "h.csv", "--target", tmp_path / "t.csv",
        "--report", report, "--per-user", values,
    )  # fmt: skip
    assert outcome.code == 0
    line = next(line for line in outcome.out.splitlines() if line.startswith("ndcg@10"))
    mean, low, high = (float(part.strip("[],")) for part in line.split()[1:])
    assert low <= mean <= high
    assert "<html" in report.read_text()
    table = pq.read_table(values)
    assert sum(table["ndcg@10"].to_pylist()) / len(table) == pytest.approx(mean, abs=1e-4)
    assert json.loads(table.schema.metadata[b"recae"])["configuration"]["job"] == "evaluate"


def test_compare_writes_a_whole_folder(recae, log: Path, columns, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{n:03d},Film {n}\n" for n in range(24)))
    out = tmp_path / "comparison"
    outcome = recae(
        "compare", log, *columns, "--models", "popularity,ease", "--split", "per-user:valid=0.1,test=0.3",
        "--metrics", "recall@5,ndcg@10", "--trials", 2, "--catalog", tmp_path / "items.csv", "--out", out, "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert set(outcome.answer["models"]) == {"popularity", "ease"}
    assert outcome.answer["best"] == "ease"
    assert outcome.answer["metrics"] == outcome.answer["models"]["ease"]
    wanted = {"report.html", "report.md", "report.tex", "report.json", "per-user.parquet", "split", "models"}
    wanted |= {"comparison.json", "_SUCCESS"}
    assert {path.name for path in out.iterdir()} == wanted
    assert "Film " in (out / "report.html").read_text()
    per_user = pq.read_table(out / "per-user.parquet")
    assert set(per_user["model"].to_pylist()) == {"popularity", "ease"}
    judged = recae(
        "evaluate", out / "models" / "ease", "--history", out / "split" / "test_history.parquet", *columns[:4],
        "--target", out / "split" / "test.parquet", "--metrics", "recall@5,ndcg@10", "--json",
    )  # fmt: skip
    assert judged.answer["metrics"] == pytest.approx(outcome.answer["metrics"], abs=1e-9)


def test_compare_chooses_a_split_that_suits_the_models_and_refuses_one_that_does_not(
    recae, log: Path, columns, tmp_path: Path
) -> None:
    command = ["compare", log, *columns, "--models", "popularity,bpr", "--out", tmp_path / "c", "--no-search"]
    refused = recae(*command, "--split", "user-holdout:valid=0.1,test=0.1,observed=0.8")
    assert refused.code == 2
    assert "bpr can score only users of the training data" in refused.err
    assert "--split per-user" in refused.err
    assert not (tmp_path / "c").exists()
    chosen = recae(*command)
    assert chosen.code == 0, chosen.err
    assert "Splitting by per-user" in chosen.err
    again = recae(*command, "--json")
    assert (again.code, again.answer["status"], again.answer["up_to_date"]) == (0, "up to date", True)
    other = recae(*command, "--seed", 7)
    assert other.code == 5
    assert "made from other data or settings (seed, splits): give --force" in other.err
    assert recae(*command, "--seed", 7, "--force", "--json").answer["status"] == "ok"


def test_models_of_ratings_need_ratings(recae, log: Path, tmp_path: Path) -> None:
    command = ["compare", log, "--user-col", "who", "--item-col", "thing", "--models", "autorec-item"]
    outcome = recae(*command, "--out", tmp_path / "c")
    assert outcome.code == 3
    assert "no rating column" in outcome.err


def test_similar_finds_items_of_the_same_crowd(recae, model: Path, tmp_path: Path) -> None:
    answer = recae("similar", model, "--item", "003", "--top", 4, "--json").answer
    found = [row["similar"] for row in answer["similar"]]
    assert len(set(found)) == 4
    assert "003" not in found
    assert sum(int(item) < 12 for item in found) >= 3
    (tmp_path / "items.csv").write_text("item_id\n003\n020\nnone\n")
    outcome = recae("similar", model, "--items", tmp_path / "items.csv", "--out", tmp_path / "similar.parquet")
    assert outcome.code == 0
    assert "1 of 3 items are unknown" in outcome.err
    assert pq.read_table(tmp_path / "similar.parquet").column_names == ["thing", "similar", "rank", "score"]
    unknown = recae("similar", model, "--item", "none")
    assert unknown.code == 3
    assert "'none'" in unknown.err


def test_inspect_tells_settings_and_sizes(recae, model: Path) -> None:
    answer = recae("inspect", model, "--json").answer
    assert (answer["model"], answer["config"]["l2"]) == ("ease", 5)
    assert answer["sizes"]["model.safetensors"] >= 24 * 24 * 4
    assert "l2" in recae("inspect", model).out


def test_models_lists_all_and_explains_one(recae) -> None:
    from recae.models.registry import model_names

    answer = recae("models", "--json").answer
    assert [card["name"] for card in answer["models"]] == model_names()
    for card in answer["models"]:
        assert card["source"]
        assert card["cost"]
        assert card["reference"].split()[-1].isdigit(), card["reference"]
        assert all(setting["meaning"] and setting["allowed"] for setting in card["parameters"]), card["name"]
    shown = recae("models", "ease").out
    assert "l2" in shown
    assert "default" in shown


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_the_list_of_models_tells_source_and_cost_at_any_width(recae, monkeypatch, columns: int) -> None:
    monkeypatch.setattr("recae.cli.console.Console.width", columns)
    shown = recae("models").out
    assert max(map(len, shown.splitlines())) <= columns
    words = " ".join(shown.split())
    for card in recae("models", "--json").answer["models"]:
        fields = [card["name"], card["family"], card["needs"], "any" if card["inductive"] else "of training"]
        told = " ".join([*fields, card["reference"], card["title"], card["cost"]])
        assert " ".join(told.split()) in words


def test_quiet_says_nothing_and_narration_never_reaches_stdout(
    recae, log: Path, columns, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.csv").write_text("who,thing,points\nx,nothing,4\nx,001,4\n")
    command = ["recommend", model, *columns[:6], "--history", tmp_path / "new.csv", "--out", tmp_path / "l.csv"]
    loud = recae(*command)
    assert "'nothing'" in loud.err
    assert "'nothing'" not in loud.out
    assert recae(*command, "-q").err == ""


def test_sample_and_known_sets(recae, tmp_path: Path) -> None:
    outcome = recae("data", "sample", "--out", tmp_path / "sample", "--json")
    assert all(Path(path).is_file() for path in outcome.answer["files"])
    names = [entry["name"] for entry in recae("data", "list", "--json").answer["data_sets"]]
    assert "ml-100k" in names
    refused = recae("data", "fetch", "ml-100")
    assert refused.code == 2


def test_no_colour_where_nobody_sees_it(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recae", "inspect", str(model)], capture_output=True, text=True, check=True
    )
    assert "\x1b" not in done.stdout + done.stderr


def test_colour_is_off_with_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    from recae.cli.console import Console

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Console("x").colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Console("x").colour


def test_lines_come_every_thirty_seconds_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = progress.LineProgress(clock=lambda: now[0])
    with lines.task("Ranking", total=1000, unit="users") as task:
        for _ in range(10):
            now[0] += 10
            task.advance(100, note="ok")
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Ranking: 300/1,000 users, 10.0/s, 70 s left, ok"
    assert len(told) == 4
    assert told[-1] == "Ranking: 1,000/1,000 users, 10.0/s, done in 100.0 s, ok"
    with lines.task("Short", total=2) as task:
        task.advance(2)
    assert capsys.readouterr().err == ""


def test_tables_align_and_hide_control_characters() -> None:
    assert table(["name", "n"], [["a\x1b[2J", 1], ["bc", 23456]]) == "name        n\na�[2J       1\nbc     23,456"
    assert table(["\x1b[2J", "n"], [["a", 1]]) == "�[2J  n\na     1"
    assert facts([("a", 1.0), ("long", True)]) == "a     1.0000\nlong  yes"
    assert facts([("\x07a", "\x1b")]) == "�a  �"
    assert printable("Amélie\r\n") == "Amélie��"


def test_bars_and_narration_stay_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    bars = progress.BarProgress()
    with bars.task("Ranking", total=3, unit="users") as task:
        task.advance(2, note="half")
        bars.say("A word.")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Ranking" in printed.err
    assert "A word.\n" in printed.err


def test_threads_are_set_once_for_everything(model: Path) -> None:
    program = (
        "import sys\n"
        "from recae.cli.main import main\n"
        "assert main(['similar', sys.argv[1], '--item', '003', '--threads', '1', '-q']) == 0\n"
        "import numpy, torch\n"
        "from threadpoolctl import threadpool_info\n"
        "assert torch.get_num_threads() == 1\n"
        "assert {pool['num_threads'] for pool in threadpool_info()} == {1}\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(model)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
