"""Fitting and scoring take memory for non-zeros, parameters and one block, never for users x items."""

from __future__ import annotations

import json
import subprocess
import sys

TALL = """
import json, resource
import numpy as np
from scipy import sparse
from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.registry import create
import torch, implicit.cpu.als, implicit.cpu.bpr, scipy.sparse.linalg

users, items = 400_000, 1_000  # 1.6 GB if it were dense
rng = np.random.default_rng(0)
columns = np.sort(rng.integers(0, items // 4, (users, 4)) + np.arange(4) * (items // 4), axis=1).ravel()
indptr = np.arange(users + 1) * 4
matrix = sparse.csr_array((np.ones(len(columns), np.float32), columns.astype(np.int32), indptr), shape=(users, items))
log = Interactions(matrix, IdIndex.range(users), IdIndex.range(items))
settings = {
    "popularity": {}, "item-knn": {}, "pure-svd": {"factors": 4}, "ease": {},
    "ials": {"factors": 8, "epochs": 1}, "bpr": {"factors": 8, "epochs": 1},
}
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before, peaks = peak(), {}
for name, values in settings.items():
    model = create(name, **values).fit(log)
    model.score(matrix[:256], log.users.subset(np.arange(256)))
    peaks[name] = peak() - before
print(json.dumps(peaks))
"""


def test_a_tall_log_is_never_made_dense():
    done = subprocess.run([sys.executable, "-c", TALL], capture_output=True, text=True, check=True)
    peaks = json.loads(done.stdout)
    assert len(peaks) == 6
    assert max(peaks.values()) < 400, f"MB beyond the log itself, which would be 1600 MB if it were dense: {peaks}"
