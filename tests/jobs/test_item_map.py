"""Maps as pages and tables: of the most popular items, coloured by what was asked for, and refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from recae.data.read import read
from recae.errors import ConfigError, DataError, StorageError
from recae.jobs.compare import compare
from recae.jobs.item_map import map_for_comparison, map_items
from recae.jobs.train import train

HOSTILE = "</svg><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def model(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"factors": 4}
    return train(crowds, model="pure-svd", settings=settings, out=tmp_path_factory.mktemp("m") / "model").folder


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "items.parquet"
    names = [HOSTILE if item == 3 else f"Film {item}" for item in range(30)]
    genres = ["Drama|War" if item % 3 else "Comedy" for item in range(30)]
    pq.write_table(pa.table({"item_id": range(30), "title": names, "genres": genres, "year": range(1970, 2000)}), path)
    return path


def test_a_page_and_a_table_are_written_of_one_map(model: Path, catalog: Path, tmp_path: Path) -> None:
    done = map_items(model, out=[tmp_path / "map.html", tmp_path / "map.parquet"], catalog=catalog)
    table = pq.read_table(tmp_path / "map.parquet")
    assert table.column_names == ["item_id", "title", "users", "x", "y", "group"]
    assert table["users"].to_pylist() == sorted(table["users"].to_pylist(), reverse=True)
    assert set(table["group"].to_pylist()) == {"Comedy", "War"} | ({"Drama"} & set(table["group"].to_pylist()))
    page = (tmp_path / "map.html").read_text()
    assert page.count("<circle") == len(done.map.ids) == table.num_rows == 30
    assert "Film 7" in page
    assert HOSTILE not in page
    assert page.count("<script>") == 1
    again = map_items(model, out=[tmp_path / "map.html", tmp_path / "map.parquet"], catalog=catalog)
    assert again.map == done.map


def test_the_same_map_as_csv_without_a_catalogue(model: Path, tmp_path: Path) -> None:
    done = map_items(model, out=tmp_path / "map.csv", top=10)
    table = pa_csv.read_csv(tmp_path / "map.csv")
    assert table.column_names == ["item_id", "users", "x", "y", "group"]
    assert table.num_rows == 10
    assert (done.map.catalogue, done.map.colour, done.map.ordered) == (30, "users", True)


def test_years_are_bands_and_popularity_can_be_asked_for(model: Path, catalog: Path, tmp_path: Path) -> None:
    years = map_items(model, out=tmp_path / "map.html", catalog=catalog, colour="year").map
    assert years.ordered
    assert years.groups[0].startswith("1970\N{EN DASH}")
    assert map_items(model, out=tmp_path / "map.html", catalog=catalog, colour="users").map.colour == "users"


@pytest.mark.parametrize("name", ["ease", "item-knn"])
def test_models_without_vectors_are_asked_what_they_list(name: str, crowds: Path, tmp_path: Path) -> None:
    folder = train(crowds, model=name, out=tmp_path / "model").folder
    found = map_items(folder, out=tmp_path / "map.csv").map
    assert (found.source, found.model) == ("lists", name)
    ids, places = np.array(found.ids, int), np.column_stack([found.x, found.y])
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert ((ids < 15) == (ids < 15)[apart.argmin(axis=1)]).mean() > 0.9


def test_what_cannot_be_mapped_is_refused_in_a_sentence(
    model: Path, catalog: Path, crowds: Path, tmp_path: Path
) -> None:
    popular = train(crowds, model="popularity", out=tmp_path / "popular").folder
    with pytest.raises(ConfigError, match="all items are alike"):
        map_items(popular, out=tmp_path / "map.html")
    with pytest.raises(ConfigError, match=r"ends in one of \.html, \.parquet"):
        map_items(model, out=tmp_path / "map.png")
    with pytest.raises(ConfigError, match="needs a catalogue"):
        map_items(model, out=tmp_path / "map.html", colour="year")
    with pytest.raises(ConfigError, match='no column "studio"'):
        map_items(model, out=tmp_path / "map.html", catalog=catalog, colour="studio")
    with pytest.raises(DataError, match="needs 3 items"):
        map_items(model, out=tmp_path / "map.html", top=2)
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(StorageError, match="not written by recae"):
        map_items(model, out=tmp_path / "mine.html")
    with pytest.raises(ConfigError, match="replace the input"):
        map_items(model, out=catalog, catalog=catalog)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "popular"]


def test_a_comparison_maps_by_the_best_model_with_vectors_or_by_the_log(crowds: Path, tmp_path: Path) -> None:
    models = ["popularity", "ease", "pure-svd"]
    given = {"models": models, "split": "per-user:valid=0.2,test=0.2", "metrics": ["ndcg@5"], "trials": 1}
    found = compare(crowds, out=tmp_path / "c", **given).comparison
    assert found.item_map is not None
    assert (found.item_map.model, found.item_map.source) == ("pure-svd", "vectors")
    answers = {run.name: len(run.similar) for run in found.runs}
    assert answers == {"popularity": 0, "ease": len(found.asked), "pure-svd": len(found.asked)}
    assert len(found.asked) >= 4
    log = map_for_comparison(["ease", "popularity"], tmp_path / "c" / "models", read(crowds), None)
    assert log is not None
    assert (log.model, log.source) == ("", "log")
