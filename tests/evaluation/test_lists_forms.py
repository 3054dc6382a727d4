"""Lists in the forms of other libraries: the same lists, however they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recae.data.ids import IdIndex
from recae.evaluation.lists_forms import as_rows
from recae.evaluation.lists_table import lists_from_table
from recae.jobs.evaluate import evaluate_lists

ROWS = [("u", "a", 1, 0.9), ("u", "b", 2, 0.5), ("v", "c", 1, 0.7)]


def usual(rows: list[tuple[Any, ...]] = ROWS) -> pa.Table:
    return pa.table(dict(zip(("user_id", "item_id", "rank", "score"), map(list, zip(*rows, strict=True)), strict=True)))


def nested(rows: list[tuple[Any, ...]]) -> pa.Table:
    users = list(dict.fromkeys(row[0] for row in rows))
    lists = [[{"item_id": i, "rank": r, "score": s} for u, i, r, s in rows if u == user] for user in users]
    return pa.table({"user_id": [*users, "w"], "items": [*lists, []]})


def trec(rows: list[tuple[Any, ...]]) -> pa.Table:
    texts = [[u, "Q0", i, str(r), str(s), "mine"] for u, i, r, s in rows]
    return pa.table({str(at + 1): list(column) for at, column in enumerate(zip(*texts, strict=True))})


def listed(table: pa.Table) -> list[list[int]]:
    rows: list[list[int]] = lists_from_table(
        as_rows(table), IdIndex.of(["u", "v", "w"]), IdIndex.of(["a", "b", "c"])
    ).lists.items.tolist()
    return rows


@given(st.permutations(ROWS))
def test_every_form_has_the_same_lists(rows: list[tuple[Any, ...]]) -> None:
    expected = [[0, 1], [2, -1], [-1, -1]]
    queries = usual(rows).rename_columns(["q_id", "doc_id", "rank", "score"]).drop_columns("rank")
    typed = usual(rows).rename_columns(["user_id:token", "item_id:token", "rank:float", "score:float"])
    assert all(listed(table) == expected for table in (usual(rows), nested(rows), trec(rows), queries, typed))


@pytest.mark.parametrize(
    "table",
    [
        usual(),
        pa.table({"user_id": [1], "query": ["q"], "doc_id": [2], "item_id": [3]}),
        pa.table({"user_id": [1], "doc_id": [3]}),
        pa.table({str(at): ["Q1"] for at in range(1, 7)}),
        pa.table({"user": [1], "item": [2], "tags": [["x"]]}),
        pa.table({"user": [1], "items": [[{"a": 1}]], "more": [[{"b": 1}]]}),
    ],
)
def test_anything_else_stays_as_it_is(table: pa.Table) -> None:
    assert as_rows(table).equals(table)


def test_files_of_these_forms_are_judged(tmp_path: Path) -> None:
    (tmp_path / "target.csv").write_text("user_id,item_id\nu,b\nv,c\n")
    (tmp_path / "run.txt").write_text("".join(f"{u} Q0 {i} {r} {s} mine\n" for u, i, r, s in ROWS))
    pq.write_table(nested(ROWS), tmp_path / "lists.parquet")
    for name in ("run.txt", "lists.parquet"):
        found = evaluate_lists(tmp_path / name, tmp_path / "target.csv", metrics=["mrr@2"])
        assert found.means == {"mrr@2": 0.75}
