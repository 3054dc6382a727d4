"""Those that one evaluation is held against: models on disk, which are judged beside it, and stored figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recae.data.ids import IdIndex
from recae.errors import DataError, StorageError
from recae.evaluation.gates import Candidate, Former, GateResult, check_gates
from recae.evaluation.gates_figures import Figures, aligned
from recae.evaluation.rating_metrics import OF_RATINGS
from recae.evaluation.repeats import SplitFigures
from recae.evaluation.result import Evaluation
from recae.jobs.former import Stored, read_stored
from recae.jobs.gates import Gates
from recae.jobs.settled import Settled
from recae.models.folder import MANIFEST

Rival = Stored | Path
"""Stored figures, or a model folder."""


@dataclass(frozen=True, eq=False)
class Rivals:
    """Whom the candidate has to beat, and what it has to keep; found before any work is done."""

    must_beat: dict[str, Rival]
    """As it was named -> what it is."""
    former: tuple[str, Rival] | None

    @classmethod
    def of(cls, gates: Gates, like: str | None = None) -> Rivals:
        """Find them; where stored figures tell of several models, the former one is that `like` it, else the best.

        Raises:
            ConfigError: stored figures tell of several models and none is named.
            DataError: they make no sense.
            StorageError: there is no such file, or it is neither a model nor an output of recae.
        """
        beaten = {name: _found(name) for name in gates.require_beats}
        if gates.against is None:
            return cls(beaten, None)
        return cls(beaten, (str(gates.against), _found(str(gates.against), like=like, best=True)))

    @property
    def folders(self) -> tuple[Path, ...]:
        """The models that have to be judged beside the candidate."""
        every = (*self.must_beat.values(), *([] if self.former is None else [self.former[1]]))
        return tuple(rival for rival in every if isinstance(rival, Path))

    def check(self, users: IdIndex, fingerprint: str, settled: Settled) -> None:
        """Check, before the candidate is judged, that stored figures are about the same targets.

        Raises:
            DataError: they are not, or lack a metric.
        """
        for rival in (*self.must_beat.values(), *([] if self.former is None else [self.former[1]])):
            if isinstance(rival, Stored):
                _of_one_split(rival)
                rival.on(users, fingerprint, settled.metrics)
        for name, rival in self.must_beat.items():
            if isinstance(rival, Stored):
                _need_values(name, rival.figures, settled)

    def results(
        self,
        settled: Settled,
        name: str,
        own: Evaluation,
        fingerprint: str,
        judge: Callable[[Path], Evaluation],
    ) -> tuple[GateResult, ...]:
        """What becomes of every gate; `judge` judges a model folder on the same users by the metrics of `settled`.

        Raises:
            DataError: others cannot be held against the candidate.
        """

        def figures(rival: Rival) -> Figures:
            if isinstance(rival, Stored):
                return rival.on(own.users, fingerprint, settled.metrics)
            return aligned(judge(rival), own.users, str(rival))

        beaten = {label: figures(rival) for label, rival in self.must_beat.items()}
        former = None
        if self.former is not None:
            label = self.former[1].label if isinstance(self.former[1], Stored) else self.former[0]
            former = Former(label, figures(self.former[1]), settled.tolerance)
        every: dict[str, Figures] = {name: own, **beaten}
        candidate = Candidate(name, every, tuple(beaten))
        return check_gates(candidate, settled.metrics, bounds=settled.bounds, former=former)


def _found(reference: str, *, like: str | None = None, best: bool = False) -> Rival:
    path = Path(reference)
    if (path / MANIFEST).is_file():
        return path
    if path.is_dir() and not (path / "report.json").is_file():
        raise StorageError(f"{path} is neither a model folder nor that of a comparison.")
    return read_stored(reference, like=like, best=best)


def _of_one_split(stored: Stored) -> None:
    if isinstance(stored.figures, SplitFigures):
        splits = len(stored.figures.users)
        raise DataError(f"{stored.label} tells of {splits} splits, and one evaluation is of one: compare it anew.")


def _need_values(name: str, stored: Figures, settled: Settled) -> None:
    own = stored if isinstance(stored, Evaluation) and len(stored.users) else None
    kept = set() if own is None else {*own.per_user, *(OF_RATINGS if own.rating_errors is not None else ())}
    missing = [metric for metric in settled.metrics if metric not in kept]
    if missing:
        raise DataError(
            f"{name} keeps no values per user of {missing[0]}, so that nobody can beat it significantly: give a model "
            "folder, or a table written with --per-user."
        )
