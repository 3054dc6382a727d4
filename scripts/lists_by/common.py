"""What every runner shares: the job, and the answer. Needs pandas only, of any age.

A runner is started in the environment of its library with the job as JSON in its first argument: `train`, `valid` and
`test` (CSV files of user_id, item_id), `out` (a folder), `k` and `depth`. It fits something small, writes the lists in
the form in which its library keeps lists, and prints behind `MARK` one line of JSON: the file, what was done, the
versions, and the figures that the library itself gives for these lists.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

MARK = "LISTS-ANSWER "


class Job:
    """One run: where the data is, and how long the lists are."""

    def __init__(self) -> None:
        wanted = json.loads(sys.argv[1])
        self.folder = Path(wanted["train"]).parent
        self.out = Path(wanted["out"])
        self.k: int = wanted["k"]
        """The cut-off of the figures."""
        self.depth: int = wanted["depth"]
        """Length of the lists."""
        self.train, self.valid, self.test = (
            pd.read_csv(wanted[part], dtype={"user_id": str, "item_id": str}) for part in ("train", "valid", "test")
        )

    @property
    def known(self) -> pd.DataFrame:
        """Training and validation rows: what models learn from, and what is left out of the lists."""
        return pd.concat([self.train, self.valid], ignore_index=True)[["user_id", "item_id"]]


def answer(file: Path, how: str, package: str, figures: dict[str, Any]) -> None:
    """Print the answer."""
    told = {"file": str(file), "how": how, "version": importlib.metadata.version(package)}
    print("\n" + MARK + json.dumps(told | {"figures": {name: float(value) for name, value in figures.items()}}))
