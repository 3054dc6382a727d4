"""Look at a log, filter it, split it."""

from __future__ import annotations

from collections.abc import Mapping
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
from recae.data.prepared_split import is_prepared_split, open_prepared_split, write_prepared_split
from recae.data.read import read
from recae.data.split import HeldOut, Split
from recae.data.split_folder import MARKER as SPLIT_MARKER
from recae.data.split_folder import read_split, targets_table, write_split
from recae.data.splits import make_split, parse_spec
from recae.errors import ConfigError
from recae.jobs.facts import configuration
from recae.jobs.inputs import is_split, open_input
from recae.jobs.outputs import refuse_inputs, refuse_strange
from recae.jobs.reading import AS_FOUND, Reading, Source, part_file
from recae.jobs.up_to_date import MADE_FROM, folder_is_current, made_from
from recae.progress import SILENT, Progress
from recae.store.atomic import replacing_folder
from recae.store.lock import locked
from recae.store.manifest import library_versions, read_json, write_manifest
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
    up_to_date: bool = False
    """It was there already, made from the same data by the same settings."""

    @property
    def status(self) -> str:
        """ "ok" or "up to date"."""
        return "up to date" if self.up_to_date else "ok"


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
    force: bool = False,
    progress: Progress = SILENT,
) -> Prepared:
    """Write what passes the filters to `out`/interactions.parquet, users and items under their own names.

    A folder that was made from the same data by the same settings is left as it is; another one is
    replaced with `force` only.

    Raises:
        DataError: the log is malformed, or nothing is left.
        StorageError: it cannot be read, or `out` cannot be written.
        OutputLockedError: another run is writing `out`.
    """
    folder = Path(out)
    refuse_inputs(folder, source)
    refuse_strange(folder, MANIFEST)
    with locked(folder):
        given = {"reading": reading, "binarize": binarize, "start": start, "end": end}
        origin = made_from("filter", {"data": source}, given, folder)
        if folder_is_current(folder, MANIFEST, origin, force=force, progress=progress):
            return _described_filtered(folder, up_to_date=True)
        log = reading.interactions(source, progress, Filters(binarize=binarize, start=start, end=end))
        config = configuration("filter", source=source, **given)
        facts = {"users": log.n_users, "items": log.n_items, "interactions": log.nnz, "left_out": log.counts}
        with replacing_folder(folder, marker=MANIFEST) as beside:
            write_table(log.to_arrow(), beside / FILTERED)
            facts |= {"configuration": config, MADE_FROM: origin, "versions": library_versions()}
            write_manifest(beside, MANIFEST, facts)
    return _described_filtered(folder)


def split_input(
    source: Source,
    out: str | Path,
    *,
    spec: str = DEFAULT_SPLIT,
    seed: int = 42,
    reading: Reading = AS_FOUND,
    force: bool = False,
    progress: Progress = SILENT,
) -> Prepared:
    """Write a split of a log as a folder that `train` and `compare` take as input.

    A folder that was made from the same data by the same settings is left as it is; another one is
    replaced with `force` only.

    Raises:
        ConfigError: `spec` cannot be understood.
        DataError: the log is malformed, too small, or lacks what the split needs.
        StorageError: it cannot be read, or `out` cannot be written.
        OutputLockedError: another run is writing `out`.
    """
    folder = Path(out)
    parse_spec(spec)
    refuse_inputs(folder, source)
    refuse_strange(folder, SPLIT_MARKER)
    with locked(folder):
        origin = made_from("split", {"data": source}, {"reading": reading, "split": spec, "seed": seed}, folder)
        current = folder_is_current(folder, SPLIT_MARKER, origin, force=force, progress=progress)
        if current:
            split = read_split(folder)
        else:
            split = make_split(reading.interactions(source, progress), spec, seed=seed)
            config = configuration("split", source=source, reading=reading, spec=spec, seed=seed)
            write_split(split, folder, {"configuration": config, MADE_FROM: origin})
    present = {"train": True, "valid": split.valid is not None, "test": split.test is not None}
    files = tuple(folder / f"{name}.parquet" for name, there in present.items() if there)
    return _described_split(split, folder, files, current)


def prepare_input(
    source: Source,
    out: str | Path,
    *,
    reading: Reading = AS_FOUND,
    binarize: bool = False,
    start: str | None = None,
    end: str | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Prepared:
    """Write what passes the filters as a folder that every job opens without reading it: its files are memory-mapped.

    `source` is a log, filtered as in `filter_input`, or a split in any form that `train` takes, prepared part by part.
    A folder that was made from the same data by the same settings is left as it is; another one is
    replaced with `force` only.

    Raises:
        ConfigError: filters were given for data that is split already.
        DataError: the data is malformed, or nothing is left.
        StorageError: it cannot be read, or `out` cannot be written.
        OutputLockedError: another run is writing `out`.
    """
    folder = Path(out)
    refuse_inputs(folder, source)
    refuse_strange(folder, PREPARED_MARKER)
    given = {"reading": reading, "binarize": binarize, "start": start, "end": end}
    more = {"configuration": configuration("prepare", source=source, **given)}
    whole = is_split(source)
    with locked(folder):
        if whole and (binarize or start is not None or end is not None):
            raise ConfigError(f"{source} is split already: --binarize, --start and --end go before splitting.")
        more[MADE_FROM] = made_from("prepare", {"data": source}, given, folder)
        current = folder_is_current(folder, PREPARED_MARKER, more[MADE_FROM], force=force, progress=progress)
        if whole:
            split = open_prepared_split(folder) if current else open_input(source, reading=reading, progress=progress)
            if not current:
                with replacing_folder(folder, marker=PREPARED_MARKER) as beside:
                    write_prepared_split(split, beside, more)
            return _described_split(split, folder, (folder,), current)
        if current:
            log = open_log(folder)
        else:
            log = reading.interactions(source, progress, Filters(binarize=binarize, start=start, end=end))
            with replacing_folder(folder, marker=PREPARED_MARKER) as beside:
                write_log(log, beside, more)
    facts = {"users": log.n_users, "items": log.n_items, "interactions": log.nnz, "left_out": log.counts}
    text = "\n".join([_sizes("prepared", facts), *_left_out(log.counts), _place(folder, current)])
    return Prepared(folder, (folder,), log.nnz, facts, text, current)


def _described_filtered(folder: Path, up_to_date: bool = False) -> Prepared:
    told = read_json(folder / MANIFEST)
    facts = {name: told[name] for name in ("users", "items", "interactions", "left_out")}
    text = "\n".join([_sizes("kept", facts), *_left_out(facts["left_out"]), _place(folder / FILTERED, up_to_date)])
    return Prepared(folder, (folder / FILTERED,), facts["interactions"], facts, text, up_to_date)


def _described_split(split: Split, folder: Path, files: tuple[Path, ...], up_to_date: bool = False) -> Prepared:
    parts = split_facts(split)
    rows = sum(part.get("interactions", part.get("targets", 0)) for part in parts["parts"].values())
    text = "\n".join([*_part_lines(split), *_left_out(split.notes), _place(folder, up_to_date)])
    return Prepared(folder, files, rows, parts, text, up_to_date)


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
    train = split.train
    sizes = {"users": train.n_users, "items": train.n_items, "interactions": train.nnz}
    lines = [f"{split.spec}, seed {split.seed}", _sizes("train", sizes)]
    for name, part in (("valid", split.valid), ("test", split.test)):
        if part is not None:
            sizes = _held_out_sizes(part)
            unknown = f" ({sizes['unknown_targets']:,} of unknown items)" if sizes["unknown_targets"] else ""
            users, targets = counted(sizes["users"], "user"), counted(sizes["targets"], "target")
            lines.append(f"{name}: {users}, {sizes['history']:,} shown, {targets}{unknown}")
    return lines


def _sizes(name: str, facts: Mapping[str, Any]) -> str:
    kinds = (("users", "user"), ("items", "item"), ("interactions", "interaction"))
    return f"{name}: {', '.join(counted(facts[key], one) for key, one in kinds)}"


def _place(written: Path, up_to_date: bool) -> str:
    return f"{written} (up to date)" if up_to_date else str(written)


def _left_out(counts: dict[str, int]) -> list[str]:
    return [f"left out: {', '.join(f'{name}: {count:,}' for name, count in counts.items())}"] if counts else []
