"""A split on disk as it is in memory: one prepared log for the training data, three for each held-out part.

prepared.json    how the split was made
train/           the training data
valid/history/   what a model may see of the users held out for validation
valid/target/    what it should put on top
valid/outside/   their targets among items that are not in the training data
valid/last_seen.npy   (users,) int64, where the log has times: when the last interaction of each history was
test/ ...        likewise, as far as there is a test part
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recae.data.interactions import Interactions
from recae.data.prepared import open_log, read_facts, write_facts, write_log
from recae.data.prepared_part import MARKER
from recae.data.split import HeldOut, Split
from recae.errors import DamagedFileError
from recae.store.arrays import map_array, write_array
from recae.store.damage import told_as_damage
from recae.store.manifest import read_json

_TRAIN, _HELD_OUT = "train", ("valid", "test")
_LAST_SEEN = "last_seen.npy"


def write_prepared_split(split: Split, folder: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write `split` into the empty `folder`; `more` is added to prepared.json.

    Raises:
        StorageError: a manifest could not be written.
        OSError: another file could not be written.
    """
    logs = {_TRAIN: split.train}
    parts = {name: part for name in _HELD_OUT if (part := getattr(split, name)) is not None}
    for name, part in parts.items():
        logs |= {f"{name}/{kind}": log for kind, log in _logs_of(part, split.train).items()}
    for name, log in logs.items():
        (folder / name).mkdir(parents=True)
        write_log(log, folder / name)
    for name, part in parts.items():
        if part.last_seen is not None:
            write_array(folder / name / _LAST_SEEN, part.last_seen)
    facts = {"spec": split.spec, "seed": split.seed, "notes": split.notes, "parts": list(parts)}
    write_facts(folder, "split", {**(more or {}), **facts})


def open_prepared_split(folder: str | Path) -> Split:
    """The split that `write_prepared_split` wrote, its arrays mapped into memory and read-only.

    Raises:
        StorageError: a file is missing or cannot be read.
        DamagedFileError: a file is not what it should be, or of another format version.
    """
    folder = Path(folder)
    facts = read_facts(folder, "split")
    train = open_log(folder / _TRAIN)
    with told_as_damage(folder, "Prepare it again."):
        spec, seed, notes = str(facts["spec"]), facts["seed"], dict(facts["notes"])
        held_out = {name: _open_held_out(folder / name, train) for name in _HELD_OUT if name in facts["parts"]}
    return Split(train, held_out.get("valid"), held_out.get("test"), spec, seed, notes)


def is_prepared_split(path: str | Path) -> bool:
    """Whether this is a folder of prepared data that holds a split."""
    marker = Path(path) / MARKER
    return marker.is_file() and read_json(marker).get("holds") == "split"


def _logs_of(part: HeldOut, train: Interactions) -> dict[str, Interactions]:
    if part.outside is None and part.unknown_targets.any():
        raise ValueError("Held-out data whose unknown targets are only counted cannot be written.")
    logs = {
        "history": Interactions(part.history, part.users, train.items, columns=train.columns),
        "target": Interactions(part.target, part.users, train.items, columns=part.columns, counts=part.notes),
    }
    if part.outside is not None:
        logs["outside"] = part.outside
    return logs


def _open_held_out(folder: Path, train: Interactions) -> HeldOut:
    history, target = open_log(folder / "history"), open_log(folder / "target")
    outside = open_log(folder / "outside") if (folder / "outside").is_dir() else None
    logs = [history, target, *([outside] if outside else [])]
    if len({log.n_users for log in logs}) > 1 or {history.n_items, target.n_items} != {train.n_items}:
        raise DamagedFileError(f"{folder} is damaged: its parts are of different sizes. Prepare it again.")
    unknown = np.zeros(target.n_users, dtype=np.int64) if outside is None else outside.user_counts()
    times = folder / _LAST_SEEN
    seen = map_array(times, target.n_users, np.int64) if times.is_file() else None
    return HeldOut(history.matrix, target.matrix, target.users, unknown, target.columns, outside, target.counts, seen)
