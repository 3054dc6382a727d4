"""The learning curve that a trained model keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CurvePoint:
    """One epoch: its losses by name, the validation metric after it, seconds since the start."""

    epoch: int
    losses: dict[str, float]
    metric: float | None
    seconds: float


@dataclass(frozen=True)
class LearningCurve:
    """What happened in training, and which epoch's weights were kept."""

    metric_name: str | None
    points: tuple[CurvePoint, ...]
    best_epoch: int
    stopped_early: bool
