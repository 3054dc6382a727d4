"""The nearest vectors by cosine, the nearest points of a plane, and how well one keeps the other."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

BLOCK_BYTES = 64 << 20


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float64: the rows scaled to length 1; a row of zeros stays one."""
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = rows / np.where(lengths > 0, lengths, 1)
    return unit


def nearest(unit: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The `k` others of highest cosine for each unit vector, best first, ties in the order of rows.

    Returns:
        (n, k) int64 rows and (n, k) float64 cosines.
    """
    n = len(unit)
    rows, cosines = np.empty((n, k), dtype=np.int64), np.empty((n, k))
    block = max(1, BLOCK_BYTES // (8 * max(n, 1)))
    for start in range(0, n, block):
        near = unit[start : start + block] @ unit.T
        near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf
        found = np.argpartition(-near, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(near, found, axis=1)
        order = np.lexsort((found, -values), axis=1)
        rows[start : start + block] = np.take_along_axis(found, order, axis=1)
        cosines[start : start + block] = np.take_along_axis(values, order, axis=1)
    return rows, cosines


def kept_neighbours(vectors: np.ndarray, places: np.ndarray, k: int, within: int) -> float:
    """Share of each vector's `k` nearest that are among the `within` nearest points of its place, on average.

    `places` is (n, 2). NaN where there are no more than `k` others.
    """
    n = len(vectors)
    if n <= k:
        return float("nan")
    near, _ = nearest(unit_rows(vectors), k)
    _, around = cKDTree(places).query(places, k=min(within + 1, n))
    around = np.where(around == np.arange(n)[:, None], -1, around)[:, : within + 1]
    return float((near[:, :, None] == around[:, None, :]).any(axis=2).mean())
