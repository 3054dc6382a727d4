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


@pytest.mark.parametrize(
    ("own", "place", "names"),
    [
        ("0::/system.slice/nightly.service", "system.slice", ("memory.max", "memory.current", "inactive_file")),
        ("0::/a/b", "unified/a/b", ("memory.max", "memory.current", "inactive_file")),
        ("8:pids:/x\n4:cpu,memory:/docker/1f2e\n0::/", "memory/docker/1f2e",
         ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")),
        ("4:memory:/outside", "memory",
         ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")),
    ],
    ids=["a service", "both versions", "version 1", "version 1 in a container"],
)  # fmt: skip
def test_the_groups_around_a_process_limit_it(own, place, names, tmp_path, monkeypatch):
    monkeypatch.setattr(resident, "_CGROUP", tmp_path / "groups")
    monkeypatch.setattr(resident, "_OWN_GROUPS", tmp_path / "own")
    (tmp_path / "own").write_text(f"{own}\n")
    folder = tmp_path / "groups" / place
    folder.mkdir(parents=True)
    assert free_memory() > 1 << 20
    limit, used, cached = names
    (folder / limit).write_text("5000000\n")
    (folder / used).write_text("3000000\n")
    stat = {"inactive_file": 0, "total_inactive_file": 0} | {cached: 500_000}
    (folder / "memory.stat").write_text("".join(f"{name} {value}\n" for name, value in stat.items()))
    assert free_memory() == 2_500_000
