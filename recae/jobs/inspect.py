"""What a model folder holds, without loading the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recae.jobs.stopping import stopping_sentence
from recae.models.folder import read_manifest
from recae.models.linear.pruned import pruning_sentence


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


def inspect(folder: str | Path) -> Inspection:
    """Read and check the manifest of a model folder.

    Raises:
        StorageError: the folder is missing or cannot be read.
        ModelFormatError: it is no model folder, is damaged, or is of a newer format.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    content = manifest.model_dump(mode="json") | {"columns": asdict(manifest.columns)}
    reached, stopped = manifest.facts.get("validation"), manifest.facts.get("stopping")
    pruned = manifest.facts.get("pruning")
    return Inspection(
        folder=folder,
        model=manifest.model,
        config=manifest.config,
        metrics=reached if isinstance(reached, dict) else {},
        stopping=stopping_sentence(stopped) if isinstance(stopped, dict) else "",
        pruning=pruning_sentence(pruned) if isinstance(pruned, dict) else "",
        sizes=sizes,
        manifest=content,
    )
