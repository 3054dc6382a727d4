"""The settings of one model that a comparison has tried so far, so that a half-finished search goes on."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

from recae.errors import StorageError, reason
from recae.options import Checkpoints
from recae.reports.comparison import Trial
from recae.reports.restored import restored
from recae.store.manifest import plain_json


class KeptTrials:
    """The tried settings of one model, a line each."""

    def __init__(self, path: Path, fits: Path) -> None:
        self._path, self._fits = path, fits
        self._known = list(self._read())

    def known(self, setting: dict[str, Any]) -> Trial | None:
        """The finished trial of a setting."""
        wanted = plain_json(setting)
        return next((trial for trial in self._known if trial.settings == wanted), None)

    def add(self, trial: Trial) -> None:
        """Write a finished trial down."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(plain_json(dataclasses.asdict(trial))) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{self._path} could not be written: {reason(error)}.") from error
        shutil.rmtree(self._fits, ignore_errors=True)

    def checkpoints(self, fit: str) -> Checkpoints:
        """Where the fit of this name leaves its state, from which an interrupted one goes on."""
        return Checkpoints(self._fits / fit, resume=True)

    def all(self) -> tuple[Trial, ...]:
        """What is written down."""
        return tuple(self._read())

    def _read(self) -> list[Trial]:
        found = []
        for line in self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else ():
            try:
                found.append(restored(Trial, json.loads(line)))
            except ValueError:
                break  # the line that was being written when the run ended
        return found
