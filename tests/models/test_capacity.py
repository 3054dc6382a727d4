from __future__ import annotations

import pytest

from recae import resident
from recae.errors import CapacityError
from recae.models.capacity import free_memory, require_memory


def test_what_fits_is_let_through():
    require_memory(10, limit=10, what="It", alternative="do less")
    require_memory(1, limit=None, what="It", alternative="do less")


def test_what_does_not_fit_is_refused_with_estimate_and_alternative():
    with pytest.raises(
        CapacityError, match=r"^It would take about 3\.0 GB of memory and 2\.0 GB may be used: do less\.$"
    ):
        require_memory(3_000_000_000, limit=2_000_000_000, what="It", alternative="do less")


def test_small_amounts_are_told_in_megabytes():
    with pytest.raises(CapacityError, match=r"about 78\.4 MB of memory and 1\.0 MB may be used"):
        require_memory(78_400_000, limit=1_000_000, what="It", alternative="do less")


def test_without_a_limit_the_machine_decides():
    with pytest.raises(CapacityError, match="1000000"):
        require_memory(10**15, limit=None, what="It", alternative="do less")


def test_a_container_may_allow_less_than_the_machine_has(tmp_path, monkeypatch):
    monkeypatch.setattr(resident, "_CGROUP", tmp_path)
    machine = free_memory()
    assert machine > 1 << 20
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 1000000\n")
    assert free_memory() == 3_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory() > 1 << 20
