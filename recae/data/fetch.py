"""`fetch`: a public data set by its name, downloaded, checked and brought into Parquet."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa

from recae.data.archives import open_member
from recae.data.download import download
from recae.data.public import KNOWN, Content, PublicData
from recae.data.raw_files import interactions_of, items_of
from recae.errors import ConfigError, StorageError, reason
from recae.progress import SILENT, Progress
from recae.store.atomic import replacing_file
from recae.store.manifest import read_json, write_json
from recae.store.tables import write_table

RAW = "_raw"
SOURCE = "source.json"


def fetch(name: str, out: str | Path, progress: Progress = SILENT, *, base_address: str | None = None) -> Path:
    """Have the public data set `name` in the folder `out`, and return the folder.

    `out` gets interactions.parquet (or train.parquet and test.parquet where the set comes split), items.parquet
    where there are titles, source.json with the terms of use, and `_raw` with the files as they were published.
    Where a file is there and its checksum right nothing is downloaded; an interrupted download goes on.
    `base_address` names a mirror that has the files under their own names.

    Raises:
        ConfigError: there is no such set.
        StorageError: it could not be downloaded or written, or is not the published file.
        DataError: its content is malformed.
    """
    data, out = known(name), Path(out)
    files = {}
    fresh = False
    for one in data.downloads:
        address = one.address if base_address is None else f"{base_address.rstrip('/')}/{one.file}"
        files[one.file] = out / RAW / one.file
        fresh |= download(address, files[one.file], size=one.size, checksum=one.checksum, progress=progress)
    if fresh or not _converted(out, data):
        _convert(name, data, files, out, progress)
    return out


def known(name: str) -> PublicData:
    """The set of this name.

    Raises:
        ConfigError: there is none; the sentence names the nearest.
    """
    if name in KNOWN:
        return KNOWN[name]
    near = get_close_matches(name, KNOWN, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ConfigError(f"There is no public data set '{name}': {hint}known are {', '.join(KNOWN)}.")


def _convert(name: str, data: PublicData, files: dict[str, Path], out: Path, progress: Progress) -> None:
    (out / SOURCE).unlink(missing_ok=True)
    rows = {}
    with _workplace(out) as workplace:
        for content in data.tables:
            progress.say(f"Converting {content.member} to {content.becomes}.")
            table = interactions_of(_holder(files, content), content, Path(workplace), progress)
            rows[content.becomes] = write_table(table, out / content.becomes)
    if data.items is not None:
        items: pa.Table = items_of(_holder(files, data.items), data.items)
        rows[data.items.becomes] = write_table(items, out / data.items.becomes)
    if data.readme is not None:
        with (
            open_member(next(iter(files.values())), data.readme) as stream,
            replacing_file(out / RAW / Path(data.readme).name) as beside,
            beside.open("wb") as copy,
        ):
            shutil.copyfileobj(stream, copy)
    write_json(out, SOURCE, {"name": name, "rows": rows} | asdict(data))


def _converted(out: Path, data: PublicData) -> bool:
    """Whether everything was written before: source.json comes last."""
    wanted = [content.becomes for content in (*data.tables, *((data.items,) if data.items else ()))]
    if not all((out / name).is_file() for name in (*wanted, SOURCE)):
        return False
    return set(wanted) == set(read_json(out / SOURCE).get("rows", ()))


def _holder(files: dict[str, Path], content: Content) -> Path:
    """The download that holds a table: the one of its name, else the archive."""
    return files.get(content.member, next(iter(files.values())))


def _workplace(out: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(dir=out / RAW, prefix="convert-")
    except OSError as error:
        raise StorageError(f"{out} could not be written: {reason(error)}.") from error
