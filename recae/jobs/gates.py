"""Quality gates of a job: what is asked for, and how a job ends that does not meet it. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recae.counted import counted
from recae.errors import QualityError

if TYPE_CHECKING:
    from recae.evaluation.gates import GateResult
    from recae.jobs.settled import Settled


@dataclass(frozen=True)
class Gates:
    """Conditions that a result has to meet, as they are typed; with none of them everything passes."""

    fail_under: Sequence[str] = ()
    """Such as "ndcg@100=0.30": the least that passes."""
    fail_over: Sequence[str] = ()
    """Such as "rmse=0.9", for metrics of which less is better: the most that passes."""
    require_beats: Sequence[str] = ()
    """What the candidate must beat significantly: models of the same comparison; or, for one evaluation, model folders
    and stored figures (`recae.jobs.former.read_stored`)."""
    against: str | Path | None = None
    """Stored figures that the candidate must not be significantly worse than."""
    tolerance: float | None = None
    """How much worse than these it may be, in the units of the metric; None is 0.005."""
    gate_metrics: Sequence[str] | None = None
    """By which metrics others are to be beaten and figures kept; None is the first metric of the job."""
    candidate: str | None = None
    """The model of a comparison that has to pass; None is the best one."""

    @property
    def asked(self) -> bool:
        """Whether there is any condition."""
        return bool(self.fail_under or self.fail_over or self.require_beats or self.against is not None)

    @property
    def former(self) -> Path | None:
        """The file or folder of `against`."""
        return None if self.against is None else split_reference(str(self.against))[0]

    def inputs(self) -> tuple[Path | None, ...]:
        """The files and folders that one evaluation is held against: nothing may be written in their place."""
        return (*(split_reference(name)[0] for name in self.require_beats), self.former)

    @property
    def holds_against(self) -> bool:
        """Whether the candidate is held against others or former figures."""
        return bool(self.require_beats) or self.against is not None

    def settle(self, metrics: Sequence[str]) -> Settled:
        """Check the conditions for a job that measures `metrics`, before any work is done.

        Raises:
            ConfigError: a condition that cannot be checked, contradicts another, or has no effect.
        """
        from recae.jobs.settled import settle

        return settle(self, metrics)


def split_reference(reference: str) -> tuple[Path, str | None]:
    """PATH or PATH:MODEL as its two parts; a path that exists as it stands is no such pair."""
    head, colon, model = reference.rpartition(":")
    return (Path(head), model) if colon and head and not Path(reference).exists() else (Path(reference), None)


NO_GATES = Gates()
"""Everything passes."""


def hold(results: Sequence[GateResult]) -> None:
    """End a job whose result did not pass.

    Raises:
        QualityError: a gate failed; one sentence for each.
    """
    failed = [result for result in results if not result.passed]
    if failed:
        raise QualityError(failures(results))


def failures(results: Sequence[GateResult]) -> str:
    """`"1 of 3 gates failed: ndcg@10 of ease is 0.2812, under 0.3."`."""
    failed = [result.reason for result in results if not result.passed]
    return f"{len(failed)} of {counted(len(results), 'gate')} failed: {' '.join(failed)}"
