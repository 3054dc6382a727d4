"""The forms in which other libraries and tools keep lists, as one table of user, item[, rank | score]."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from recae.data.columns import plain

_USERS, _ITEMS = ("qid", "queryid", "query"), ("docid", "docno", "documentid", "pid", "passageid")
"""What retrieval calls users and items, without case and punctuation: ranx's q_id and doc_id, PyTerrier's docno."""
_TREC = ("1", "2", "3", "4", "5", "6")


def as_rows(table: pa.Table) -> pa.Table:
    """`table` with one row per listed item under names that say what they are; a usual table stays as it is.

    - one row per list, its items in a column of structures, as LensKit saves them: each becomes a row of its own;
    - a TREC run (topic, Q0, document, rank, score, tag; no header): ordered by the scores, as trec_eval does;
    - columns called query and document, as in ranx: they are the user and the item.
    """
    return _named_as_usual(_without_trec(_flattened(table)))


def _flattened(table: pa.Table) -> pa.Table:
    nested = [field.name for field in table.schema if _holds_lists(field.type)]
    if len(nested) != 1:
        return table
    lists = table.column(nested[0]).combine_chunks()
    lists = lists if isinstance(lists, pa.Array) else lists.chunk(0)
    rows = table.drop_columns(nested).take(pc.list_parent_indices(lists))
    inner = pc.list_flatten(lists)
    for at, field in enumerate(inner.type):
        rows = rows.append_column(field.name, pc.struct_field(inner, at))
    return rows


def _holds_lists(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and pa.types.is_struct(kind.value_type)


def _without_trec(table: pa.Table) -> pa.Table:
    if tuple(table.column_names) != _TREC:
        return table
    second = pc.utf8_upper(pc.cast(table.column("2"), pa.string()))
    if not pc.all(pc.fill_null(pc.equal(second, "Q0"), False)).as_py():
        return table
    return table.select(["1", "3", "5"]).rename_columns(["user_id", "item_id", "score"])


def _named_as_usual(table: pa.Table) -> pa.Table:
    """Only where both a query and a document are there: one of them alone may be anything."""
    names = {plain(name): name for name in table.column_names}
    user = next((names[name] for name in _USERS if name in names), None)
    item = next((names[name] for name in _ITEMS if name in names), None)
    if user is None or item is None or {"user_id", "item_id"} & set(table.column_names):
        return table
    return table.rename_columns([{user: "user_id", item: "item_id"}.get(name, name) for name in table.column_names])
