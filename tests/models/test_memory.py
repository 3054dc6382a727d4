"""Fitting and scoring take memory for non-zeros, parameters and one block, never for users x items."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small import SMALL, TALL

from recae.models.registry import model_class, model_names

PARTS = 3

TALL_LOG = """
import contextlib, ctypes, gc, json, sys, time
import numpy as np
from scipy import sparse
from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.errors import CapacityError
from recae.models.cost import Shape
from recae.models.registry import create
from recae.options import RunOptions
import torch, implicit.cpu.als, implicit.cpu.bpr, scipy.sparse.linalg

torch.optim.Adam([torch.nn.Parameter(torch.ones(1))])  # loads code that is no model's own, of some builds a lot

def now(field):
    status = open("/proc/self/status").read()
    return int(status.partition(field + ":")[2].split()[0]) // 1024

def peak():
    return now("VmHWM")

def forget_peak():
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what earlier models gave back should not count for the next one
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")

def fit_and_score(name, settings):
    model = create(name, **settings)
    cost = model.cost(Shape.of(log))
    foretold = cost.fit_bytes >> 20
    try:
        model.fit(log, options=RunOptions(device="cpu", max_memory=LIMIT << 20))
    except CapacityError:
        return None
    model.score(matrix[:256], log.users.subset(np.arange(256)))
    return max(foretold, cost.lists_bytes(Shape.of(log), 1 << 20) >> 20)

users, items, LIMIT = 200_000, 1_000, 400  # 800 MB if it were dense
rng = np.random.default_rng(0)
columns = np.sort(rng.integers(0, items // 4, (users, 4)) + np.arange(4) * (items // 4), axis=1).ravel()
stars = rng.integers(1, 6, len(columns)).astype(np.float32)
matrix = sparse.csr_array((stars, columns.astype(np.int32), np.arange(users + 1) * 4), shape=(users, items))
log = Interactions(matrix, IdIndex.range(users), IdIndex.range(items), columns=Columns(value="r", value_kind="rating"))
before = peak()
for name, settings in json.load(sys.stdin).items():
    started = time.perf_counter()
    gc.collect()
    forget_peak()
    there = now("VmRSS")  # more than at first: code that was loaded since
    foretold = fit_and_score(name, settings)
    seconds = round(time.perf_counter() - started, 1)
    print(json.dumps([name, peak() - before, peak() - there, foretold, seconds]), flush=True)
"""


LARGE = {"slim", "sansa"}
"""Models that say they would take more than the limit, for what they take beside anything that depends on the log."""


def quick(name: str) -> dict[str, Any]:
    """The little settings with one epoch of large batches, and what an entry of TALL says."""
    fields = model_class(name).Config.model_fields
    once = {"epochs": 1, "batch_users": 2000, "patience": 0}
    return SMALL.get(name, {}) | {key: value for key, value in once.items() if key in fields} | TALL.get(name, {})


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize("part", range(PARTS))
def test_no_model_ever_makes_a_tall_log_dense(part):
    """Every registered model, several in one process; a model may also refuse, where it says that it would not fit."""
    settings = {name: quick(name) for name in model_names()[part::PARTS]}
    done = subprocess.run(
        [sys.executable, "-c", TALL_LOG], input=json.dumps(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    peaks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, *_ in peaks] == list(settings)
    above = {name: peak for name, peak, *_ in peaks if peak >= 400}
    assert not above, f"MB beyond the log itself, which would be 800 MB if it were dense: {above}"
    foretold = {name: (taken, told) for name, _, taken, told, _ in peaks if told is not None}
    assert settings.keys() - foretold.keys() <= LARGE, "a model that would fit is refused"
    wrong = {name: pair for name, pair in foretold.items() if pair[0] > pair[1]}
    assert not wrong, f"MB taken and foretold: {wrong}"
