"""What a fit is made from, by content: a checkpoint of it is gone on from only where all of this is the same."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import Recommender
from recae.options import RunOptions


def fit_identity(model: Recommender, valid: HeldOut | None, options: RunOptions, **more: Any) -> dict[str, Any]:
    """By names that a person reads; empty where no checkpoints are asked for. `more` names what else decides."""
    if options.checkpoints is None:
        return {}
    return {
        "model": model.info.name,
        "settings": model.config.model_dump(mode="json"),
        "training data": model.data_fingerprint,
        "validation data": None if valid is None else _fingerprint(valid, model.items),
        "seed": options.seed,
        **more,
    }


def _fingerprint(part: HeldOut, items: IdIndex) -> str:
    shown, wanted = (Interactions(matrix, part.users, items).fingerprint() for matrix in (part.history, part.target))
    unknown = np.ascontiguousarray(part.unknown_targets, dtype=np.int64).tobytes()
    return hashlib.blake2b(f"{shown} {wanted}".encode() + unknown, digest_size=16).hexdigest()
