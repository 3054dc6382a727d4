"""What a model folder holds, without loading the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recae.errors import DamagedFileError, ModelFormatError
from recae.jobs.stopping import stopping_sentence
from recae.models.folder import MANIFEST, Manifest, check_model_files, read_manifest
from recae.models.linear.pruned import pruning_sentence
from recae.store.damage import told_as_damage


@dataclass(frozen=True)
class Inspection:
    """A model folder from outside."""

    folder: Path
    model: str
    config: dict[str, Any]
    metrics: dict[str, float]
    """What it reached on validation data, as far as that was measured."""
    stopping: str
    """When training stopped and on which data that was decided; empty where nothing was measured."""
    pruning: str
    """What was left of pruned weights, and what that costs; empty for models with all of theirs."""
    sizes: dict[str, int]
    """Bytes of each file."""
    manifest: dict[str, Any]
    """All of `manifest.json`."""
    verified: bool = False
    """Every file was read, and is what it was when it was written."""


def inspect(folder: str | Path, *, verify: bool = False) -> Inspection:
    """Read and check the manifest of a model folder; with `verify` all its files, by their checksums.

    Raises:
        StorageError: the folder is missing or cannot be read.
        ModelFormatError: it is no model folder, is damaged, or is of a newer format.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if verify:
        _verify(folder, manifest)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    content = manifest.model_dump(mode="json") | {"columns": asdict(manifest.columns)}
    reached, stopped = manifest.facts.get("validation"), manifest.facts.get("stopping")
    pruned = manifest.facts.get("pruning")
    with _damaged(folder), told_as_damage(folder / MANIFEST, "Its facts are not those of a model."):
        stopping = stopping_sentence(stopped) if isinstance(stopped, dict) else ""
        pruning = pruning_sentence(pruned) if isinstance(pruned, dict) else ""
    return Inspection(
        folder=folder,
        model=manifest.model,
        config=manifest.config,
        metrics=reached if isinstance(reached, dict) else {},
        stopping=stopping,
        pruning=pruning,
        sizes=sizes,
        manifest=content,
        verified=verify,
    )


def _verify(folder: Path, manifest: Manifest) -> None:
    if manifest.files is None:
        raise ModelFormatError(f"{folder} was written before models had checksums: train the model again to have some.")
    with _damaged(folder):
        check_model_files(folder, manifest, largest=None)


@contextmanager
def _damaged(folder: Path) -> Iterator[None]:
    try:
        yield
    except DamagedFileError as error:
        raise ModelFormatError(f"The model folder {folder} is damaged: {error} Train the model again.") from error
