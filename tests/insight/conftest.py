"""Vectors and logs whose neighbourhoods are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.read import read
from recae.jobs.known import write_sample_to


@pytest.fixture(scope="session")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors in twelve bunches of 20, and the bunch of each."""
    random = np.random.default_rng(3)
    middles = random.normal(size=(12, 16))
    bunch = np.repeat(np.arange(12), 20)
    return middles[bunch] + 0.3 * random.normal(size=(240, 16)), bunch


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Interactions:
    """The log of the generated sample."""
    log, _ = write_sample_to(tmp_path_factory.mktemp("sample") / "sample")
    return read(log)


@pytest.fixture(scope="session")
def tastes() -> Interactions:
    """120 users and 40 items: even users like the first half of the items, odd users the second."""
    random = np.random.default_rng(7)
    taste = (np.arange(120)[:, None] % 2) == (np.arange(40) >= 20)
    likes = random.random((120, 40)) < np.where(taste, 0.5, 0.02)
    likes[np.arange(120), np.where(np.arange(120) % 2 == 0, 0, 20)] = True
    users = IdIndex.of([f"u{row:03d}" for row in range(120)])
    items = IdIndex.of([f"i{column:03d}" for column in range(40)])
    return Interactions(sparse.csr_array(likes, dtype=np.float32), users, items)
