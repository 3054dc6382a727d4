"""Which values in the JSON files that recae writes belong to one run; all others are the same each time.

Two runs of the same job on the same data, with the same settings, seed, versions, machine and threads, whether one of
them was interrupted or not, write the same values under every key that is not named here.
"""

from __future__ import annotations

from typing import Any

MEASURED = frozenset({"seconds", "fit_seconds", "users_per_second", "fit_peak_bytes", "disk_bytes"})
"""Times and memory, and the size of a folder whose manifest tells such times."""
OF_ONE_RUN = frozenset({"created", "date", "run_id", "command"})
"""When it ran, what it is called in its log, and in which words it was asked for."""


def lasting(value: Any) -> Any:
    """`value`, as it was read from JSON, without what is measured or of one run."""
    if isinstance(value, dict):
        return {key: lasting(inner) for key, inner in value.items() if key not in MEASURED | OF_ONE_RUN}
    return [lasting(inner) for inner in value] if isinstance(value, list) else value
