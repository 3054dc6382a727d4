"""Look at a log, filter it, split it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.data import describe as description
from recae.data.columns import ColumnChoice
from recae.data.filters import Filters
from recae.data.interactions import Interactions
from recae.data.prepared import open_log, verify, write_log
from recae.data.prepared_part import MARKER as PREPARED_MARKER
from recae.data.prepared_part import is_prepared
from recae.data.prepared_split import is_prepared_split, write_prepared_split
from recae.data.read import read
from recae.data.split import HeldOut, Split
from recae.data.split_folder import MARKER as SPLIT_MARKER
from recae.data.split_folder import targets_table, write_split
from recae.data.splits import make_split
from recae.errors import ConfigError
from recae.jobs.facts import configuration
from recae.jobs.inputs import is_split, open_input
from recae.jobs.outputs import refuse_inputs, refuse_strange
from recae.jobs.reading import AS_FOUND, Reading, Source, part_file
from recae.progress import SILENT, Progress
from recae.store.atomic import replacing_folder
from recae.store.lock import locked
from recae.store.manifest import library_versions, write_json
from recae.store.tables import write_table

DEFAULT_SPLIT = "user-holdout:valid=0.1,test=0.1,observed=0.8"
FILTERED, MANIFEST = "interactions.parquet", "_manifest.json"


@dataclass(frozen=True)
class Description:
    """What is in a log."""

    summary: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Prepared:
    """A folder of prepared data."""

    folder: Path
    files: tuple[Path, ...]
    rows: int
    """Interactions written, all parts together."""
    facts: dict[str, Any]
    text: str


def describe(source: Source, *, reading: Reading = AS_FOUND, progress: Progress = SILENT) -> Description:
    """Summarise a log: sizes, density, histories, popularity, values, times, and what reading left out.

    Of a folder that holds a split each part is described: its train.*, valid.* and test.*, under "parts". Of prepared
    data it is also checked that nothing was changed after it was written.

    Raises:
        DataError: the log is malformed or empty.
        StorageError: it cannot be read.
    """
    found = {name: part_file(Path(source), name) for name in ("train", "valid", "test")}
    if is_prepared_split(source):
        return _parts_described(_logs_of(source, reading, progress))
    if found["train"] is None:
        if is_prepared(source):
            verify(open_log(source), source)
        summary = description.describe(reading.interactions(source, progress))
        return Description(summary, description.summary_text(summary))
    logs = {name: reading.interactions(file, progress) for name, file in found.items() if file}
    return _parts_described({name: (str(found[name]), log) for name, log in logs.items()})


def filter_input(
    source: Source,
    out: str | Path,
    *,
    reading: Reading = AS_FOUND,
    binarize: bool = False,
    start: str | None = None,
    end: str | None = None,
    progress: Progress = SILENT,
) -> Prepared:
    """Write what passes the filters to `out`/interactions.parquet, users and items under their own names.

    Raises:
        DataError: the log is malformed, or nothing is left.
        StorageError: it cannot be read, or `out` cannot be written.
        OutputLockedError: another run is writing `out`.
    """
    folder = Path(out)
    refuse_inputs(folder, source)
    refuse_strange(folder, MANIFEST)
    with locked(folder):
        log = reading.interactions(source, progress, Filters(binarize=binarize, start=start, end=end))
        config = configuration("filter", source=source, reading=reading, binarize=binarize, start=start, end=end)
        facts = {"users": log.n_users, "items": log.n_items, "interactions": log.nnz, "left_out": log.counts}
        with replacing_folder(folder, marker=MANIFEST) as beside:
            rows = write_table(log.to_arrow(), beside / FILTERED)
            write_json(beside, MANIFEST, {"configuration": config, **facts, "versions": library_versions()})
    text = "\n".join([_sizes("kept", log), *_left_out(log.counts), f"{folder / FILTERED}"])
    return Prepared(folder, (folder / FILTERED,), rows, facts, text)


def split_input(
    source: Source,
    out: str | Path,
    *,
    spec: str = DEFAULT_SPLIT,
    seed: int = 42,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
) -> Prepared:
    """Write a split of a log as a folder that `train` and `compare` take as input.

    Raises:
        ConfigError: `spec` cannot be understood.
        DataError: the log is malformed, too small, or lacks what the split needs.
        StorageError: it cannot be read, or `out` cannot be written.
        OutputLockedError: another run is writing `out`.
    """
    folder = Path(out)
    refuse_inputs(folder, source)
    refuse_strange(folder, SPLIT_MARKER)
    with locked(folder):
        split = make_split(reading.interactions(source, progress), spec, seed=seed)
        config = configuration("split", source=source, reading=reading, spec=spec, seed=seed)
        write_split(split, folder, {"configuration": config})
    present = {"train": True, "valid": split.valid is not None, "test": split.test is not None}
    files = tuple(folder / f"{name}.parquet" for name, there in present.items() if there)
    return _described_split(split, folder, files)


def prepare_input(
    source: Source,
    out: str | Path,
    *,
    reading: Reading = AS_FOUND,
    binarize: bool = False,
    start: str | None = None,
    end: str | None = None,
    progress: Progress = SILENT,
) -> Prepared:
    """Write what passes the filters as a folder that every job opens without reading it: its files are memory-mapped.

    `source` is a log, filtered as in `filter_input`, or a split in any form that `train` takes, prepared part by part.

    Raises:
        ConfigError: filters were given for data that is split already.
        DataError: the data is malformed, or nothing is left.
        StorageError: it cannot be read, or `out` cannot be written.
        OutputLockedError: another run is writing `out`.
    """
    folder = Path(out)
    refuse_inputs(folder, source)
    refuse_strange(folder, PREPARED_MARKER)
    config = configuration("prepare", source=source, reading=reading, binarize=binarize, start=start, end=end)
    more = {"configuration": config}
    with locked(folder):
        if is_split(source):
            if binarize or start is not None or end is not None:
                raise ConfigError(f"{source} is split already: --binarize, --start and --end go before splitting.")
            split = open_input(source, reading=reading, progress=progress)
            with replacing_folder(folder, marker=PREPARED_MARKER) as beside:
                write_prepared_split(split, beside, more)
            return _described_split(split, folder, (folder,))
        log = reading.interactions(source, progress, Filters(binarize=binarize, start=start, end=end))
        with replacing_folder(folder, marker=PREPARED_MARKER) as beside:
            write_log(log, beside, more)
    facts = {"users": log.n_users, "items": log.n_items, "interactions": log.nnz, "left_out": log.counts}
    text = "\n".join([_sizes("prepared", log), *_left_out(log.counts), f"{folder}"])
    return Prepared(folder, (folder,), log.nnz, facts, text)


def _described_split(split: Split, folder: Path, files: tuple[Path, ...]) -> Prepared:
    parts = split_facts(split)
    rows = sum(part.get("interactions", part.get("targets", 0)) for part in parts["parts"].values())
    return Prepared(folder, files, rows, parts, "\n".join([*_part_lines(split), *_left_out(split.notes), str(folder)]))


def _logs_of(folder: Source, reading: Reading, progress: Progress) -> dict[str, tuple[str, Interactions]]:
    """Name of each part of a prepared split -> where it lies, and its training interactions or targets."""
    split = open_input(folder, reading=reading, progress=progress)
    verify(split.train, Path(folder) / "train")
    logs = {"train": (str(Path(folder) / "train"), split.train)}
    for name, part in (("valid", split.valid), ("test", split.test)):
        if part is not None:
            columns = part.columns
            named = {"user": columns.user, "item": columns.item, columns.value_kind or "rating": columns.value}
            logs[name] = (
                str(Path(folder) / name),
                read(targets_table(part, split.train.items), columns=ColumnChoice(**named)),
            )
    return logs


def _parts_described(logs: dict[str, tuple[str, Interactions]]) -> Description:
    parts = {name: description.describe(log) for name, (_, log) in logs.items()}
    texts = [f"{where}\n{description.summary_text(parts[name])}" for name, (where, _) in logs.items()]
    return Description({"parts": parts}, "\n\n".join(texts))


def split_facts(split: Split) -> dict[str, Any]:
    """How a split was made and the size of each of its parts, as JSON."""
    parts = {"train": {"users": split.train.n_users, "items": split.train.n_items, "interactions": split.train.nnz}}
    for name, part in (("valid", split.valid), ("test", split.test)):
        if part is not None:
            parts[name] = _held_out_sizes(part)
    return {"spec": split.spec, "seed": split.seed, "parts": parts, "notes": split.notes}


def _held_out_sizes(part: HeldOut) -> dict[str, int]:
    # All targets, as they are written and judged; those of items that training never saw are among them.
    unknown = int(part.unknown_targets.sum())
    return {
        "users": part.n_users,
        "history": int(part.history.nnz),
        "targets": int(part.target.nnz) + unknown,
        "unknown_targets": unknown,
    }


def _part_lines(split: Split) -> list[str]:
    lines = [f"{split.spec}, seed {split.seed}", _sizes("train", split.train)]
    for name, part in (("valid", split.valid), ("test", split.test)):
        if part is not None:
            sizes = _held_out_sizes(part)
            unknown = f" ({sizes['unknown_targets']:,} of unknown items)" if sizes["unknown_targets"] else ""
            users, targets = counted(sizes["users"], "user"), counted(sizes["targets"], "target")
            lines.append(f"{name}: {users}, {sizes['history']:,} shown, {targets}{unknown}")
    return lines


def _sizes(name: str, log: Interactions) -> str:
    sizes = (counted(log.n_users, "user"), counted(log.n_items, "item"), counted(log.nnz, "interaction"))
    return f"{name}: {', '.join(sizes)}"


def _left_out(counts: dict[str, int]) -> list[str]:
    return [f"left out: {', '.join(f'{name}: {count:,}' for name, count in counts.items())}"] if counts else []
