"""What decides the figures of a comparison, by content: the same files under other names are the same plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recae.data.fingerprint import targets_fingerprint
from recae.errors import DataError, StorageError
from recae.evaluation.background import Background
from recae.jobs.contest_files import MARKER
from recae.jobs.contest_splits import Splits
from recae.jobs.inputs import beside
from recae.jobs.sections import Terms
from recae.jobs.up_to_date import fingerprint, folder_is_current
from recae.progress import Progress
from recae.reports.comparison import Comparison
from recae.reports.reread import read_comparison
from recae.store.manifest import library_versions, plain_json

_PARTS = ("training data", "validation data", "test data")
"""What of a plan is an input where the data came split."""


def contest_plan(terms: Terms, splits: Splits, trials: int | None) -> dict[str, Any]:
    """The data, the splits, the terms and the libraries; the models, each of which stands for itself, are no part."""
    split, options = terms.split, terms.options
    return {
        "data": data_fingerprint(splits),
        "splits": [list(one) for one in splits.made],
        "training data": split.train.fingerprint(),
        "validation data": None if split.valid is None else targets_fingerprint(split.valid, split.train.items),
        "test data": targets_fingerprint(terms.test, split.train.items),
        "metrics": list(terms.metrics),
        "trials": trials,
        "seed": options.seed,
        "device": options.device,
        "precision": options.precision,
        "catalogue": _digest([terms.titles, _genres(terms.background), _catalogue(terms)]),
        "libraries": library_versions(),
    }


def data_fingerprint(splits: Splits) -> str:
    """That of the log, or of the training data where it came split."""
    return (splits.first.train if splits.log is None else splits.log).fingerprint()


def plan_digest(plan: dict[str, Any]) -> str:
    """A short name for a plan."""
    return _digest(plan)


def made_from_plan(plan: dict[str, Any], terms: Terms, splits: Splits, names: Sequence[str]) -> dict[str, Any]:
    """What decides a comparison of the models `names`, in the form of `recae.jobs.up_to_date.made_from`."""
    data = {part: plan[part] for part in _PARTS} if splits.origin is None else {"data": splits.origin}
    beside_settings = ("data", *_PARTS, "catalogue", "libraries")
    settings = {key: value for key, value in plan.items() if key not in beside_settings}
    told = {
        "job": "compare",
        "inputs": {**data, "catalogue": _catalogue(terms)},
        "settings": {**settings, "models": sorted(names)},
        "recae": plan["libraries"].get("recae"),
    }
    return dict(plain_json(told))


def as_it_lies(
    folder: Path, origin: dict[str, Any], *, resume: bool, force: bool, progress: Progress
) -> Comparison | None:
    """The comparison in `folder`, if it was made from `origin`; None where it is to be made.

    `force` alone makes everything anew; with `resume` it replaces only what was made from something else.

    Raises:
        StorageError: it was made from something else, and there is no `force`.
    """
    if force and not resume:
        return None
    try:
        current = folder_is_current(folder, MARKER, origin, progress=progress)
    except StorageError:
        if not force:
            raise
        return None
    return read_comparison(folder) if current else None


def _catalogue(terms: Terms) -> str | None:
    """The file with titles and columns by which items are grouped and coloured; beside the input it need not be."""
    if terms.catalog is not None:
        return fingerprint(terms.catalog)
    try:
        found = beside(terms.source, "items")
        return None if found is None else fingerprint(found)
    except (DataError, StorageError):
        return None  # whoever wants titles says what is wrong with it


def _genres(background: Background) -> list[Any]:
    genres = background.genres
    return [] if genres is None else [np.asarray(part).tolist() for part in (genres.indptr, genres.indices)]


def _digest(content: Any) -> str:
    text = json.dumps(plain_json(content), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
