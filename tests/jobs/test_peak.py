"""The peak of a piece of work is what it took, whether or not it is the most that the process ever had."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from recae.jobs import peak
from recae.jobs.peak import peak_memory

MB = 10**6
needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")


def take(megabytes: int) -> None:
    block = np.ones(megabytes * MB, dtype=np.uint8)
    time.sleep(0.05)
    del block


@needs_proc
def test_it_is_what_the_work_took_also_after_larger_work() -> None:
    for megabytes in (300, 80, 150):
        with peak_memory() as found:
            take(megabytes)
        assert found.bytes is not None
        assert megabytes * MB <= found.bytes + MB
        assert found.bytes < (megabytes + 40) * MB


@needs_proc
def test_it_is_told_where_the_work_fails() -> None:
    with suppress(ValueError), peak_memory() as found:
        take(50)
        raise ValueError
    assert found.bytes is not None
    assert found.bytes > 40 * MB


def test_nothing_is_told_where_the_system_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peak, "_STATM", tmp_path / "none")
    with peak_memory() as found:
        pass
    assert found.bytes is None
