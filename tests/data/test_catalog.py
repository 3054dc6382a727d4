from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from recae.data.catalog import read_catalog
from recae.data.ids import IdIndex
from recae.errors import DataError


def saved(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_text(content, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "content", "encoding"),
    [
        ("items.csv", "movieId,title,genres\n2,Café,Drama\n10,Alien,SF\n", "utf-8"),
        ("movies.dat", "2::Café::Drama\n10::Alien::SF\n", "latin-1"),
        ("items.tsv", 'genres\tid\tName\nDrama\t2\tCafé\nSF\t10\t"Alien"\n', "utf-8"),
        ("items.jsonl", '{"item": 2, "title": "Café", "genres": "Drama"}\n{"item": 10, "title": "Alien"}\n', "utf-8"),
    ],
)
def test_catalogues_in_every_form(name: str, content: str, encoding: str, tmp_path: Path) -> None:
    catalog = read_catalog(saved(tmp_path / name, content, encoding))
    assert catalog.items.values.to_pylist() == [2, 10]
    assert catalog.titles == ["Café", "Alien"]
    assert catalog.columns["genres"].to_pylist()[0] == "Drama"
    assert catalog.titles_for(IdIndex.of([10, 99, 2])) == ["Alien", "99", "Café"]


def test_a_catalogue_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        read_catalog(saved(tmp_path / "items.csv", "item_id,title\n"))


def test_lists_in_json_lines_are_left_out(tmp_path: Path) -> None:
    catalog = read_catalog(saved(tmp_path / "items.jsonl", '{"item": 2, "title": "Alien", "genres": ["SF"]}\n'))
    assert (catalog.titles, catalog.columns.column_names) == (["Alien"], ["title"])


def test_missing_titles_are_the_ids_and_the_first_row_of_an_item_counts() -> None:
    frame = pd.DataFrame({"isbn": ["1", "2", "1", "3"], "title": ["A", None, "B", " "], "tags": [["x"], [], ["y"], []]})
    catalog = read_catalog(frame)
    assert catalog.titles == ["A", "2", "3"]
    assert catalog.columns["tags"].to_pylist() == [["x"], [], []]


def test_a_catalogue_without_titles_names_items_by_id() -> None:
    catalog = read_catalog({"item_id": ["a", "b"], "price": [1.5, 2.5]})
    assert catalog.titles is None
    assert catalog.titles_for(IdIndex.of(["b", "z"])) == ["b", "z"]


def test_columns_can_be_named() -> None:
    source: dict[str, Any] = {"code": [1], "text": ["A"], "title": ["B"]}
    assert read_catalog(source, item_col="code", title_col="text").titles == ["A"]
    with pytest.raises(DataError, match='no column "txt"'):
        read_catalog(source, item_col="code", title_col="txt")
    with pytest.raises(DataError, match='no column "cod"'):
        read_catalog(source, item_col="cod")


def test_titles_of_ids_of_another_type() -> None:
    assert read_catalog({"item_id": ["7"], "title": ["A"]}).titles_for(IdIndex.of([7])) == ["A"]


@pytest.mark.real_data
def test_the_titles_of_movielens(real_data: Callable[[str], Path]) -> None:
    catalog = read_catalog(real_data("ml-1m/items.parquet"))
    assert catalog.titles_for(IdIndex.of([1])) == ["Toy Story (1995)"]
    assert len(read_catalog(real_data("book-crossing/items.parquet")).items) > 10_000
