"""Data to begin with: public sets by name, and the generated sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recae.data.fetch import RAW, SOURCE, fetch, known
from recae.data.public import KNOWN
from recae.data.synthetic import SEED, write_sample
from recae.errors import StorageError
from recae.jobs.facts import configuration, plain
from recae.jobs.outputs import says_job
from recae.progress import SILENT, Progress
from recae.store.checksums import file_sha256
from recae.store.manifest import library_versions, write_json

SAMPLE_FILES, SAMPLE_MANIFEST = ("interactions.csv", "items.csv"), "_manifest.json"


def known_sets() -> list[dict[str, Any]]:
    """Every public data set that can be fetched, with what is known about it, as JSON."""
    return [{"name": name} | plain(entry) for name, entry in KNOWN.items()]


def fetch_known(name: str, out: str | Path | None = None, *, progress: Progress = SILENT) -> Path:
    """Download the set `name` to the folder `out` (its own name by default), check it, and return the folder.

    Raises:
        ConfigError: there is no such set.
        StorageError: it could not be downloaded or written, its checksum is wrong, or it would replace files that
            recae did not write.
    """
    data, folder = known(name), Path(name if out is None else out)
    if not ((folder / SOURCE).exists() or (folder / RAW).exists()):
        written = [content.becomes for content in (*data.tables, *((data.items,) if data.items else ()))]
        _refuse_existing(folder, written)
    return fetch(name, folder, progress)


def write_sample_to(out: str | Path, seed: int | None = None) -> list[Path]:
    """Generate the sample into the folder `out`; return its files, the log and the catalogue.

    Raises:
        StorageError: it could not be written, or would replace files that recae did not write.
    """
    folder, chosen = Path(out), SEED if seed is None else seed
    refuse_strange_sample(folder)
    files = write_sample(folder, chosen)
    facts = {"configuration": configuration("sample", seed=chosen), "versions": library_versions()}
    facts["files"] = {file.name: {"bytes": file.stat().st_size, "sha256": file_sha256(file)} for file in files}
    write_json(folder, SAMPLE_MANIFEST, facts)
    return files


def refuse_strange_sample(folder: Path) -> None:
    """Check that the sample replaces nothing in `folder` but an earlier sample.

    Raises:
        StorageError: it would.
    """
    manifest = folder / SAMPLE_MANIFEST
    if not (manifest.exists() and says_job(manifest, "sample")):
        _refuse_existing(folder, (*SAMPLE_FILES, SAMPLE_MANIFEST))


def _refuse_existing(folder: Path, names: tuple[str, ...] | list[str]) -> None:
    for name in names:
        if (folder / name).exists():
            raise StorageError(
                f"{folder / name} exists and was not written by recae: choose another --out or remove it."
            )
