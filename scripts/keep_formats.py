"""Keep what this version writes, so that later ones are tested with it: to be run once when a format's number rises.

    python scripts/keep_formats.py

Writes tests/kept/KIND-FORMAT/ for each kind of folder. What is there already stays as it is, for good.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import recae
from recae.data import prepared, split_folder
from recae.data.interactions import Interactions
from recae.data.prepared_part import MARKER
from recae.data.prepared_split import write_prepared_split
from recae.models import folder as model_folder
from recae.store.atomic import replacing_folder

KEPT = Path(__file__).resolve().parent.parent / "tests" / "kept"
MODELS: dict[str, dict[str, Any]] = {
    "ease": {"l2": 5.0},
    "mult-dae": {"latent": 3, "epochs": 8, "batch_users": 6, "learning_rate": 0.03},
    "autorec-user": {"latent": 3, "epochs": 8, "batch_users": 6, "learning_rate": 0.03},
    "ials": {"factors": 3, "epochs": 4},
    "bpr": {"factors": 3, "epochs": 20},
    "item-knn": {"neighbours": 5},
}
"""One of each kind: linear, of sets, of ratings, two factorizations, of which one knows users by id, and neighbours."""
SPLIT = "per-user:valid=0,test=0.2"
TOP = 5


def main() -> None:
    """Write what is missing."""
    log = recae.read(KEPT / "log.csv")
    kinds: dict[str, Callable[[Path], object]] = {
        f"model-{model_folder.FORMAT_VERSION}": lambda place: keep_models(log, place),
        f"prepared-{prepared.FORMAT}": lambda place: keep_prepared(log, place),
        f"prepared-split-{prepared.FORMAT}": lambda place: keep_prepared_split(log, place),
        f"split-{split_folder.FORMAT}": lambda place: split_folder.write_split(recae.make_split(log, SPLIT), place),
    }
    for name, keep in kinds.items():
        if (KEPT / name).exists():
            print(f"{name} is kept already")
        else:
            keep(KEPT / name)
            print(f"wrote {KEPT / name}")


def keep_models(log: Interactions, place: Path) -> None:
    """Fitted models, and beside them what they list for the users of the log."""
    lists = {}
    for name, settings in MODELS.items():
        model = recae.create(name, **settings).fit(log, options=recae.RunOptions(device="cpu"))
        model.save(place / name)
        found = recae.recommend(model, log.matrix, TOP, users=log.users)
        lists[name] = {"items": found.items.tolist(), "scores": found.scores.tolist()}
    (place / "lists.json").write_text(json.dumps(lists) + "\n", encoding="utf-8")


def keep_prepared(log: Interactions, place: Path) -> None:
    with replacing_folder(place, marker=MARKER) as beside:
        prepared.write_log(log, beside)


def keep_prepared_split(log: Interactions, place: Path) -> None:
    with replacing_folder(place, marker=MARKER) as beside:
        write_prepared_split(recae.make_split(log, SPLIT), beside)


if __name__ == "__main__":
    main()
