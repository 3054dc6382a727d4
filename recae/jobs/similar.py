"""Items that go with given items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from recae.data.catalog import read_catalog
from recae.data.ids import UNKNOWN, as_texts
from recae.data.interactions import Interactions
from recae.errors import ConfigError, DataError
from recae.insight.neighbours import NamedItem, items_to_ask, neighbours
from recae.jobs.facts import configuration
from recae.jobs.id_lists import item_positions
from recae.jobs.outputs import refuse_inputs, refuse_strange_file, write_result
from recae.jobs.reading import Source
from recae.models.base import Recommender
from recae.models.registry import load
from recae.progress import SILENT, Progress
from recae.store.lock import locked


@dataclass(frozen=True, eq=False)
class Similar:
    """The neighbours of items."""

    table: pa.Table
    """One row per neighbour: the item, `similar` (its neighbour), rank from 1, score."""
    output: Path | None


def similar(
    model: str | Path,
    items: Sequence[str] = (),
    *,
    items_file: Source | None = None,
    top: int = 10,
    out: str | Path | None = None,
    catalog: Source | None = None,
    progress: Progress = SILENT,
) -> Similar:
    """The `top` items most similar to each of `items`, or to those that `items_file` lists.

    With a `catalog` of titles the table has the neighbour's title as well.

    Raises:
        ConfigError: no item was named.
        DataError: an item of `items` is unknown to the model.
        ModelFormatError: the model folder is damaged.
        StorageError: something cannot be read or written, or recae did not write what is at `out`.
    """
    if not items and items_file is None:
        raise ConfigError("Name at least one item, with --item ID or --items FILE.")
    if out is not None:
        refuse_inputs(out, model, items_file, catalog)
        refuse_strange_file(out)
    recommender = load(model)
    positions = recommender.items.positions(pa.array(list(items), pa.string()))
    if (positions == UNKNOWN).any():
        unknown = [item for item, position in zip(items, positions, strict=True) if position == UNKNOWN]
        known = ", ".join(repr(item) for item in recommender.items.values[:3].to_pylist())
        raise DataError(f"{model} does not know the item {unknown[0]!r}; its items are written like {known}.")
    if items_file is not None:
        more = item_positions(recommender, items_file, "--items", progress)
        positions = np.concatenate([positions, more])
    neighbours, scores = recommender.similar_items(positions, top)
    row, place = np.nonzero(neighbours != UNKNOWN)
    column = recommender.columns.item
    found = {
        "similar": recommender.items.take(neighbours[row, place]),
        "rank": pa.array((place + 1).astype(np.int32)),
        "score": pa.array(scores[row, place].astype(np.float32)),
    }
    if catalog is not None:
        titles = np.array(read_catalog(catalog).titles_for(recommender.items), dtype=object)
        found["title"] = pa.array(titles[neighbours[row, place]], pa.string())
    if column in found:  # what the input calls its items keeps its name
        instead = {"similar": "similar_item"}.get(column, f"similar_{column}")
        found = {instead if name == column else name: values for name, values in found.items()}
    table = pa.table({column: recommender.items.take(positions[row]), **found})
    if out is not None:
        config = configuration("similar", model=model, items=list(items), items_file=items_file, top=top)
        with locked(out):
            write_result(table, Path(out), config)
    return Similar(table, None if out is None else Path(out))


def asked_items(train: Interactions, titles: Sequence[str]) -> tuple[NamedItem, ...]:
    """A few items of the training data, well-known ones first, whose neighbours a report shows."""
    counts = train.item_counts()
    return tuple(_named(items_to_ask(train.matrix, counts).tolist(), train, titles, counts))


def similar_to_asked(
    model: Recommender, train: Interactions, titles: Sequence[str]
) -> tuple[tuple[NamedItem, ...], ...]:  # fmt: skip
    """What `model` holds to be most like each of `asked_items`; empty where it tells no items apart."""
    counts = train.item_counts()
    lists = neighbours(model, items_to_ask(train.matrix, counts))
    return tuple(tuple(_named(near, train, titles, counts)) for near in lists)


def _named(items: Sequence[int], train: Interactions, titles: Sequence[str], counts: np.ndarray) -> list[NamedItem]:
    ids = as_texts(train.items.take(items)).to_pylist()
    return [NamedItem(own, titles[item], int(counts[item])) for own, item in zip(ids, items, strict=True)]
