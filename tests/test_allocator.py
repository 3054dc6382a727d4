"""Memory that a step frees is there for the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import numpy as np
{call}
def step() -> None:
    parts = [np.ones(1 << 17) for _ in range(8)]
def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
before = faults()
for _ in range(10):
    step()
print(faults() - before)
"""
KEEPING = "from recae.allocator import keep_freed_memory\nkeep_freed_memory()"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc hands memory back so soon")
def test_a_step_takes_the_pages_of_the_one_before() -> None:
    """Eight arrays of 1 MB, ten times: 256 pages for each array if all were fresh."""
    asked, untouched = (
        int(subprocess.run([sys.executable, "-c", STEPS.format(call=call)], capture_output=True, check=True).stdout)
        for call in (KEEPING, "")
    )
    assert asked < 256 < untouched
