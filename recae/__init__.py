"""recae: recommending with autoencoders.

>>> import recae
>>> log = recae.read({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]})
>>> log
Interactions(2 users x 2 items, 3 interactions)
"""

from __future__ import annotations

import importlib
from typing import Any

# Names are looked up when they are first used, so that `import recae` and `recae --help` load nothing heavy.
_PUBLIC = {
    "read": "recae.data.read",
    "read_histories": "recae.data.histories",
    "Histories": "recae.data.histories",
    "Interactions": "recae.data.interactions",
    "IdIndex": "recae.data.ids",
    "HeldOut": "recae.data.split",
    "Split": "recae.data.split",
    "make_split": "recae.data.splits",
    "RunOptions": "recae.options",
    "create": "recae.models.registry",
    "load": "recae.models.registry",
    "model_names": "recae.models.registry",
    "recommend": "recae.ranking.recommend",
    "TopN": "recae.ranking.lists",
    "evaluate": "recae.evaluation.evaluate",
    "Evaluation": "recae.evaluation.result",
    "RecaeError": "recae.errors",
}

__all__ = sorted(_PUBLIC)  # noqa: PLE0605 - the names are the keys above, written once


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'recae' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
