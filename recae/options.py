"""What every fit and every ranking is told besides data and hyper-parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recae.progress import SILENT, Progress

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class Checkpoints:
    """Where a fit puts its state away from time to time, so that an interrupted one can go on."""

    folder: Path
    """For this one fit alone; made when there is something to put into it."""
    resume: bool = False
    """Go on from the state that is there, if any. The weights become those of an uninterrupted fit."""
    seconds: float = 60.0
    """The least time between two of them; more where writing one takes long."""


@dataclass(frozen=True)
class RunOptions:
    """Seed, machine and reporting; nothing here changes which model is fitted."""

    seed: int = 42
    device: str = "auto"
    """"auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1"."""
    precision: Precision = "auto"
    """Matrix products in bf16 where the processor is faster with them, or always in one of the two."""
    progress: Progress = SILENT
    max_memory: int | None = None
    """Bytes that a fit may take; None: what the machine has free."""
    checkpoints: Checkpoints | None = None
    """None: an interrupted fit is lost."""


DEFAULTS = RunOptions()
