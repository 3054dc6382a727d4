"""What decides the figures of a comparison, by content: the same files under other names are the same plan."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from recae.data.fingerprint import targets_fingerprint
from recae.errors import RecaeError
from recae.evaluation.background import Background
from recae.jobs.contest_splits import Splits
from recae.jobs.sections import Terms
from recae.reports.comparison import Comparison
from recae.reports.reread import read_comparison
from recae.store.manifest import library_versions, plain_json


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
        "catalogue": _digest([terms.titles, _genres(terms.background)]),
        "libraries": library_versions(),
    }


def data_fingerprint(splits: Splits) -> str:
    """That of the log, or of the training data where it came split."""
    return (splits.first.train if splits.log is None else splits.log).fingerprint()


def plan_digest(plan: dict[str, Any]) -> str:
    """A short name for a plan."""
    return _digest(plan)


def done_already(folder: Path, digest: str, names: tuple[str, ...]) -> Comparison | None:
    """The comparison in `folder`, if it is of these models by this plan."""
    try:
        found = read_comparison(folder)
    except RecaeError:
        return None
    judged = {run.name for run in found.runs} | {model.name for model in found.failed}
    return found if found.plan == digest and judged == set(names) else None


def _genres(background: Background) -> list[Any]:
    genres = background.genres
    return [] if genres is None else [np.asarray(part).tolist() for part in (genres.indptr, genres.indices)]


def _digest(content: Any) -> str:
    text = json.dumps(plain_json(content), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
