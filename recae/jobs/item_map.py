"""A map of a model's items: a page to look at, or a table of positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recae.data.catalog import Catalog, read_catalog
from recae.data.ids import UNKNOWN, IdIndex, as_texts
from recae.data.interactions import Interactions
from recae.errors import ConfigError, DataError
from recae.insight.colouring import Colouring
from recae.insight.item_map import ItemMap, item_map, most_popular
from recae.insight.vectors import Source as VectorSource
from recae.insight.vectors import log_vectors, model_vectors
from recae.jobs.extras import need_report_extra
from recae.jobs.facts import configuration, machine_facts
from recae.jobs.item_colours import USERS, colouring_of
from recae.jobs.outputs import refuse_inputs, refuse_strange_file, write_result
from recae.jobs.reading import Source
from recae.models.base import Recommender
from recae.models.registry import load, model_class
from recae.progress import SILENT, Progress
from recae.reports.item_map import write_map
from recae.store.lock import locked
from recae.store.tables import table_suffixes

TOP = 2_000
PAGES = (".html", ".htm")
FEWEST = 3


@dataclass(frozen=True, eq=False)
class Mapped:
    """A map, and what was written of it."""

    map: ItemMap
    table: pa.Table
    """One row per item on the map: the item, its title where a catalogue was given, users, x, y, and its group."""
    files: tuple[Path, ...]


def map_items(
    model: str | Path,
    *,
    out: str | Path | Sequence[str | Path],
    catalog: Source | None = None,
    colour: str | None = None,
    top: int = TOP,
    progress: Progress = SILENT,
    command: str = "",
) -> Mapped:
    """Lay out the `top` most popular items of a model; write a page (.html) or a table of positions to `out`.

    Near each other lie the items whose vectors the model holds to be alike; a model without vectors of items is asked
    what it lists beside each. `colour` is a column of the `catalog`, or "users".

    Raises:
        ConfigError: no place to write to, an unknown column, or a model to which all items are alike.
        DataError: the catalogue is malformed, or fewer than `FEWEST` items have users.
        ModelFormatError: the model folder is damaged.
        StorageError: something cannot be read or written, or recae did not write what is at `out`.
    """
    places = [Path(out)] if isinstance(out, (str, Path)) else [Path(one) for one in out]
    _check_places(places, model, catalog)
    recommender = load(model)
    known = None if catalog is None else read_catalog(catalog)
    found = map_of_model(recommender, known, colour=colour, top=top, progress=progress)
    table = positions_table(found, recommender, titled=catalog is not None)
    config = configuration("map", model=model, catalog=catalog, colour=colour, top=top)
    for place in places:
        with locked(place):
            if place.suffix.lower() in PAGES:
                facts = {"command": command, **machine_facts(), "configuration": config}
                write_map(found, place, recommender.info.title.partition(",")[0], facts)
            else:
                write_result(table, place, config)
    return Mapped(found, table, tuple(places))


def map_of_model(
    model: Recommender,
    catalog: Catalog | None,
    *,
    colour: str | None = None,
    top: int = TOP,
    progress: Progress = SILENT,
) -> ItemMap:
    """The map of the `top` most popular items as `model` sees them.

    Raises: as `map_items` does.
    """
    shown = _shown(model.item_counts, top)
    vectors, source = model_vectors(model, shown, progress=progress)
    if not np.ptp(vectors, axis=0).any():
        raise ConfigError(f"To {model.info.name} all items are alike: there is nothing to map. Take another model.")
    items = _Items(IdIndex(model.items.take(shown)), model.item_counts[shown], len(model.items), catalog)
    return items.laid_out(vectors, source, model.info.name, items.colouring(colour), progress)


def map_for_comparison(
    order: Sequence[str], models: Path, train: Interactions, catalog: Catalog | None, progress: Progress = SILENT
) -> ItemMap | None:
    """The map by the first model in `order` that has vectors of items, or else by the log; None for next to no items.

    `models` is the folder of model folders.
    """
    counts = train.item_counts()
    if int((counts > 0).sum()) < FEWEST:
        return None
    shown = _shown(counts, TOP)
    items = _Items(IdIndex(train.items.take(shown)), counts[shown], train.n_items, catalog)
    try:
        colouring = items.colouring(None)
    except ConfigError:  # genres of a kind that cannot be told apart, and nobody asked for them
        colouring = items.colouring(USERS)
    vectors, source, name = _best_vectors(order, models, shown) or (log_vectors(train.matrix, shown), "log", "")
    return items.laid_out(vectors, source, name, colouring, progress)


def _best_vectors(
    order: Sequence[str], models: Path, shown: np.ndarray
) -> tuple[np.ndarray, VectorSource, str] | None:  # fmt: skip
    """Those of the first model in `order` that has some and tells items apart; no other is loaded."""
    for name in order:
        if model_class(name).item_vectors is not Recommender.item_vectors:
            vectors, source = model_vectors(load(models / name), shown)
            if np.ptp(vectors, axis=0).any():
                return vectors, source, name
    return None


@dataclass(frozen=True, eq=False)
class _Items:
    """The items on the map, most popular first."""

    ids: IdIndex
    users: np.ndarray
    """(n,) users of each."""
    catalogue: int
    """How many items there are in all."""
    known: Catalog | None

    def colouring(self, colour: str | None) -> Colouring:
        unknown = np.full(len(self.ids), UNKNOWN)
        rows = unknown if self.known is None else self.known.items.positions(self.ids.values)
        return colouring_of(rows, self.users, self.known, colour)

    def laid_out(
        self, vectors: np.ndarray, source: VectorSource, model: str, colouring: Colouring, progress: Progress
    ) -> ItemMap:
        names = as_texts(self.ids.values).to_pylist()
        return item_map(
            vectors,
            ids=names,
            titles=names if self.known is None else self.known.titles_for(self.ids),
            users=self.users,
            colouring=colouring,
            source=source,
            model=model,
            catalogue=self.catalogue,
            progress=progress,
        )


def positions_table(found: ItemMap, model: Recommender, *, titled: bool) -> pa.Table:
    """The map as a table, with the ids of the model's own type under the input's own column name."""
    names = {model.columns.item: model.items.take(_shown(model.item_counts, len(found.ids)))}
    if titled:
        names[_free("title", names)] = pa.array(found.titles, pa.string())
    columns: dict[str, Any] = {
        "users": pa.array(found.users, pa.int64()),
        "x": pa.array(found.x, pa.float64()),
        "y": pa.array(found.y, pa.float64()),
        "group": pa.array([found.groups[place] for place in found.group], pa.string()),
    }
    for name, column in columns.items():
        names[_free(name, names)] = column
    return pa.table(names)


def _shown(counts: np.ndarray, top: int) -> np.ndarray:
    shown = most_popular(counts, top)
    if len(shown) < FEWEST:
        raise DataError(f"A map needs {FEWEST} items that have users, and there are {len(shown)}.")
    return shown


def _check_places(places: Sequence[Path], model: str | Path, catalog: Source | None) -> None:
    if not places:
        raise ConfigError("Say where to write the map: --out map.html, or --out positions.parquet.")
    for place in places:
        suffix = place.suffix.lower()
        if suffix not in (*PAGES, *table_suffixes()):
            able = ", ".join((PAGES[0], *table_suffixes()))
            raise ConfigError(f"{place} cannot be written: the name of a map ends in one of {able}.")
        if suffix in PAGES:
            need_report_extra()
        refuse_inputs(place, model, catalog)
        refuse_strange_file(place)


def _free(name: str, taken: dict[str, Any]) -> str:
    return name if name not in taken else f"map_{name}"
