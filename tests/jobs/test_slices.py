"""Slices by name: what is usual, what a catalogue adds, and one sentence for what cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.cli.main import main
from recae.data.catalog import read_catalog
from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.read import read
from recae.data.split import HeldOut
from recae.data.splits import make_split
from recae.errors import ConfigError
from recae.evaluation.slice_groups import DASH, OTHER, WITHOUT, Slicing
from recae.jobs.compare import compare
from recae.jobs.evaluate import evaluate, evaluate_lists
from recae.jobs.slices import LONGEST_VALUE, Known, slicing_for
from recae.jobs.train import train
from recae.reports.reread import read_comparison

HOSTILE = "<script>document.title='owned'</script>"


def part(seed: int = 1, times: bool = False) -> tuple[Interactions, HeldOut]:
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {"user_id": np.repeat(np.arange(60), 6), "item_id": random.integers(0, 20, 360)}
    if times:
        columns["timestamp"] = random.integers(10**9, 2 * 10**9, 360)
    split = make_split(read(columns), "user-holdout:valid=0.1,test=0.5")
    assert split.test is not None
    return split.train, split.test


def known(catalog: Any = None, times: bool = False) -> Known:
    log, test = part(times=times)
    return Known(test, log.items, log.item_counts(), None if catalog is None else read_catalog(catalog), "films.csv")


def names(slicing: Slicing) -> list[str]:
    return [groups.name for groups in (*slicing.users, *slicing.items)]


def films(**columns: list[Any]) -> pa.Table:
    return pa.table({"item_id": list(range(20)), **columns})


def test_usual_are_history_and_popularity_and_what_else_is_known() -> None:
    assert names(slicing_for(None, known())) == ["history", "popularity"]
    assert names(slicing_for(None, known(times=True))) == ["history", "time", "popularity"]
    catalog = films(title=["x"] * 20, genre=["A|B"] * 10 + [""] * 10, year=list(range(20)))
    assert names(slicing_for(None, known(catalog))) == ["history", "popularity", "genre"]
    nothing = Known(
        HeldOut(*(part()[1].target[:, :0],) * 2, part()[1].users, np.ones(30, int)), IdIndex.range(0), None, None
    )
    assert names(slicing_for(None, nothing)) == []


def test_columns_are_found_in_the_singular_and_whatever_their_case() -> None:
    catalog = films(Genres=["A|B"] * 10 + ["B"] * 10, Categories=["x"] * 20)
    found = slicing_for(["genre", "category", "history"], known(catalog))
    assert names(found) == ["history", "Genres", "Categories"]
    genres = found.items[0]
    assert set(genres.labels) == {"A", "B", OTHER, WITHOUT}
    assert np.asarray(genres.members.sum(axis=1)).tolist()[:1] == [2]


def test_many_numbers_become_ranges_and_few_stay_values() -> None:
    catalog = films(
        year=[str(1990 + item) for item in range(18)] + [" ", "unknown"],
        code=[str(1990 + item) for item in range(16)] + ["a", "b", "c", "d"],
        price=[0.5 * item for item in range(20)],
        discs=[1, 2] * 10,
        issued=pa.array([f"19{50 + item}-05-01" for item in range(20)]).cast(pa.date32()),
    )
    found = slicing_for(["year", "price", "discs", "issued", "code"], known(catalog))
    year, price, discs, issued, code = (groups.labels for groups in found.items)
    assert OTHER in code
    assert year[0].startswith(f"1990{DASH}")
    assert year[-1] == WITHOUT
    assert price[0].startswith(f"0{DASH}")
    assert sorted(discs[:2]) == ["1", "2"]
    assert issued[0].startswith(f"1950{DASH}")
    assert len(year) == len(price) == 5


def test_a_comma_divides_genres_and_nothing_else() -> None:
    catalog = films(tags=["A, B"] * 20, director=["Doe, Jane"] * 20, actors=[["A", "B"]] * 20)
    tags, director, actors = (
        groups.labels for groups in slicing_for(["tags", "director", "actors"], known(catalog)).items
    )
    assert (tags[:2], director[0], actors[:2]) == (("A", "B"), "Doe, Jane", ("A", "B"))


def test_values_from_outside_are_short_and_cannot_pass_for_our_groups() -> None:
    catalog = films(kind=[HOSTILE * 9, "all", "no value", "a\nb"] * 5)
    labels = slicing_for(["kind"], known(catalog)).items[0].labels
    assert {'"all"', '"no value"', "a b"} <= set(labels)
    assert max(map(len, labels)) <= LONGEST_VALUE


@pytest.mark.parametrize(
    ("wanted", "catalog", "said"),
    [
        ("genre", None, r'no slice "genre".*--catalog FILE'),
        (
            "genrse",
            films(genres=["A"] * 20, year=[1] * 20),
            r'columns of films\.csv: genres, year\. Did you mean "genres"',
        ),
        ("time", None, r"needs times.*--time-col"),
        ("cover", films(cover=[b"\x00"] * 20), r"cannot be a slice: it holds values of type binary"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(wanted: str, catalog: Any, said: str) -> None:
    if wanted == "cover":
        catalog = films(cover=[{"a": 1}] * 20)
        said = r"cannot be a slice: it holds values of type struct"
    with pytest.raises(ConfigError, match=said):
        slicing_for([wanted], known(catalog))


def test_history_and_popularity_say_what_they_need() -> None:
    test = part()[1]
    bare = Known(
        HeldOut(test.history * 0, test.target, test.users, test.unknown_targets), IdIndex.range(20), None, None
    )
    bare.held_out.history.eliminate_zeros()
    for name in ("history", "popularity"):
        with pytest.raises(ConfigError, match=rf"slice {name} needs .*--history"):
            slicing_for([name], bare)


def test_plain_numbers_as_times_stay_numbers() -> None:
    log = read({"user_id": [1, 1, 2, 2], "item_id": [1, 2, 1, 2], "timestamp": [2001, 2002, 2003, 2004]})
    split = make_split(log, "leave-last-out:valid=0,test=1")
    assert split.test is not None
    found = slicing_for(["time"], Known(split.test, split.train.items, split.train.item_counts(), None))
    assert found.users[0].labels == ("2001", "2003")


def catalog_file(folder: Path) -> Path:
    rows = [f"{item},Film {item},{'Drama|War' if item < 15 else HOSTILE},{1980 + item}" for item in range(30)]
    path = folder / "films.csv"
    path.write_text("\n".join(["item_id,title,genres,year", *rows]))
    return path


@pytest.fixture(scope="module")
def compared(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    compare(
        crowds, out=folder / "out", models=["popularity", "ease", "item-knn"], trials=0, catalog=catalog_file(folder),
        slices=["history", "popularity", "genres", "year"], split="per-user:test=0.3",
    )  # fmt: skip
    return folder / "out"


def test_a_comparison_tells_every_slice_of_every_model(compared: Path) -> None:
    told = json.loads((compared / "report.json").read_text())
    for model in told["models"]:
        assert [one["name"] for one in model["slices"]] == ["history", "popularity", "genres", "year"]
        everything = model["slices"][0]["groups"][0]
        assert everything["label"] == "all"
        assert everything["values"]["ndcg@10"]["value"] == pytest.approx(model["metrics"]["ndcg@10"]["value"])
        assert set(everything["values"]) <= set(told["metrics"])
        assert (model["fit_foretold_bytes"], model["disk_bytes"]) > (0, 0)
    page = (compared / "report.html").read_text()
    assert "Where it works" in page
    assert "Drama" in page
    assert HOSTILE not in page
    markdown = (compared / "report.md").read_text()
    assert "### By genres" in markdown
    assert HOSTILE not in markdown
    assert "## Cost" in markdown


def test_slices_costs_and_errors_come_back_from_the_files(compared: Path) -> None:
    again = read_comparison(compared)
    told = json.loads((compared / "report.json").read_text())
    for run in again.runs:
        (model,) = (one for one in told["models"] if one["name"] == run.name)
        assert [one.name for one in run.evaluation.slices] == [one["name"] for one in model["slices"]]
        first = run.evaluation.slices[0].groups[1]
        assert first.values["ndcg@10"].value == model["slices"][0]["groups"][1]["values"]["ndcg@10"]["value"]
        assert first.certain == (first.users >= 20)
        assert (run.fit_peak_bytes, run.disk_bytes) == (model["fit_peak_bytes"], model["disk_bytes"])


def test_models_are_taken_apart_from_a_folder_and_lists_from_a_file(compared: Path, tmp_path: Path) -> None:
    split = compared / "split"
    found = evaluate(
        compared / "models" / "ease", [split / "test_history.parquet"], split / "test.parquet",
        catalog=catalog_file(tmp_path), slices=["genre", "history"], report=tmp_path / "report.html",
    )  # fmt: skip
    assert [one.name for one in found.evaluation.slices] == ["history", "genres"]
    page = (tmp_path / "report.html").read_text()
    assert "Where it works" in page
    assert HOSTILE not in page
    lists = tmp_path / "lists.csv"
    users = pq.read_table(split / "test.parquet")["user_id"].unique().to_pylist()
    lists.write_text("user_id,item_id\n" + "".join(f"{user},{item}\n" for user in users for item in (1, 2, 999)))
    judged = evaluate_lists(
        lists, split / "test.parquet", [split / "test_history.parquet"], report=tmp_path / "lists.html"
    )  # fmt: skip
    assert [one.name for one in judged.evaluation.slices] == ["history", "popularity"]
    assert "unknown item" in (tmp_path / "lists.html").read_text()
    alone = evaluate_lists(lists, split / "test.parquet", report=tmp_path / "alone.html")
    assert alone.evaluation.slices == ()


def called(compared: Path, *more: str) -> list[str]:
    split = compared / "split"
    call = ["evaluate", str(compared / "models" / "ease"), "--history", str(split / "test_history.parquet")]
    return [*call, "--target", str(split / "test.parquet"), *more]


def test_the_command_prints_the_slices_that_were_asked_for(compared: Path, tmp_path: Path) -> None:
    call = called(compared, "--slices", "popularity,genre", "--catalog", str(catalog_file(tmp_path)))
    done = subprocess.run([sys.executable, "-m", "recae", *call], capture_output=True, text=True, check=True)
    assert "By item popularity" in done.stdout
    assert "Drama" in done.stdout


def test_the_command_tells_slices_in_json_and_refuses_what_is_none(
    compared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(called(compared, "--json")) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["name"] for one in told["slices"]] == ["history", "popularity"]
    assert main(called(compared, "--slices", "mood")) == 2
    assert 'There is no slice "mood"' in capsys.readouterr().err


def test_a_model_without_times_has_the_usual_slices(crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model="popularity", out=tmp_path / "m").folder
    (tmp_path / "h.csv").write_text("user_id,item_id,timestamp\n7,1,1500000000\n7,2,1600000000\n")
    (tmp_path / "t.csv").write_text("user_id,item_id\n7,3\n")
    found = evaluate(folder, [tmp_path / "h.csv"], tmp_path / "t.csv", metrics=["hit@5"])
    assert [one.name for one in found.evaluation.slices] == ["history", "time", "popularity"]
    (time,) = (one for one in found.evaluation.slices if one.name == "time")
    assert [group.label for group in time.groups] == ["all", "2020-09-13"]
