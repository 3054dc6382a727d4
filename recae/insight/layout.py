"""A plane on which like vectors lie near each other: t-distributed stochastic neighbour embedding (t-SNE).

van der Maaten, Hinton (2008): Visualizing data using t-SNE. JMLR 9. The repulsion of all pairs is found on a grid by
Fourier transforms: Linderman et al. (2019): Fast interpolation-based t-SNE for improved visualization of single-cell
RNA-seq data. Nature Methods 16. Some thousand points take a second or two, the same bits every time.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, sparse

from recae.insight.nearness import nearest, unit_rows
from recae.progress import SILENT, Progress

PERPLEXITY = 30.0
"""How many neighbours a point attends to, softly."""
EXAGGERATED, STEPS = 100, 300
"""Steps of gradient descent: the first, in which neighbours attract each other `EXAGGERATION` times, and all."""
EXAGGERATION = 12.0
LEAST_POINTS = 40
"""Fewer are placed by their two widest directions: too few attract each other to keep together."""
LONGEST_STEP = 5.0
"""How far a point moves in one step at most; longer ones can throw few points apart for ever, as a higher rate can."""
CELL, LEAST_CELLS, MOST_CELLS = 1.0, 32, 512
"""Width of the grid's cells in the units of the plane, and how many of them a side has."""


def lay_out(vectors: np.ndarray, *, seed: int = 0, progress: Progress = SILENT) -> np.ndarray:
    """Place the (n, d) `vectors` on a plane so that those of high cosine come to lie near each other.

    Returns:
        (n, 2) float64: centred on 0, its widest direction along the first axis. The same for the same seed.
    """
    unit = unit_rows(vectors)
    n = len(unit)
    if n < 3:
        return np.stack([np.arange(n) - (n - 1) / 2, np.zeros(n)], axis=1)
    if n < LEAST_POINTS:
        return _turned(100 * _start(unit, seed))
    with progress.task("Laying out the map", STEPS, "step") as task:
        pull = attraction(unit, min(PERPLEXITY, (n - 1) / 3))
        spread, velocity = _start(unit, seed), np.zeros((n, 2))
        gain, rate = np.ones((n, 2)), n / EXAGGERATION / 4
        for step in range(STEPS):
            early = step < EXAGGERATED
            force = (EXAGGERATION if early else 1.0) * _attract(pull, spread) - repulsion(spread)
            agrees = np.sign(force) == np.sign(velocity)
            gain = np.maximum(np.where(agrees, 0.8 * gain, gain + 0.2), 0.01)
            velocity = (0.5 if early else 0.8) * velocity - 4 * rate * gain * force
            velocity /= np.maximum(np.linalg.norm(velocity, axis=1, keepdims=True) / LONGEST_STEP, 1.0)
            spread = spread + velocity
            spread -= spread.mean(axis=0)
            task.advance()
    return _turned(spread)


def attraction(unit: np.ndarray, perplexity: float) -> sparse.csr_array:
    """(n, n): p_ij of t-SNE, symmetric with sum 1, over the 3 * `perplexity` nearest of every unit vector."""
    n = len(unit)
    k = min(n - 1, max(1, int(3 * perplexity)))
    neighbours, cosines = nearest(unit, k)
    far = 2 - 2 * cosines.astype(np.float64)
    far -= far[:, :1]
    share = _shares(far, np.log(min(perplexity, k)))
    near = sparse.csr_array((share.ravel(), neighbours.ravel(), np.arange(n + 1) * k), shape=(n, n))
    both = sparse.csr_array(near + near.T)
    both.sort_indices()
    both.data /= both.data.sum()
    return both


def _shares(far: np.ndarray, entropy: float) -> np.ndarray:
    """Rows exp(-b far), scaled to sum 1, with b such that each row has this entropy (bisection)."""
    low, high = np.zeros(len(far)), np.full(len(far), np.inf)
    b = np.full(len(far), 1 / max(float(far.mean()), 1e-12))
    for _ in range(60):
        weight = np.exp(-far * b[:, None])
        total = weight.sum(axis=1)
        too_even = np.log(total) + b * (far * weight).sum(axis=1) / total > entropy
        low, high = np.where(too_even, b, low), np.where(too_even, high, b)
        b = np.where(np.isinf(high), np.minimum(2 * b, 1e12), (low + high) / 2)
    weight = np.exp(-far * b[:, None])
    shares: np.ndarray = weight / weight.sum(axis=1, keepdims=True)
    return shares


def _start(unit: np.ndarray, seed: int) -> np.ndarray:
    """Small: the two widest directions, and some noise, so that equal vectors do not stay one point for ever."""
    centred = unit - unit.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    plane = centred @ directions[:, -2:][:, ::-1]
    if plane.shape[1] < 2:
        plane = np.column_stack([plane, np.zeros(len(plane))])
    plane *= np.where(plane[np.abs(plane).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    noise = np.random.default_rng(seed).normal(size=plane.shape)
    return 1e-2 * (plane / max(float(plane[:, 0].std()), 1e-12) * (values[-1] > 1e-12) + 1e-2 * noise)


def _attract(pull: sparse.csr_array, spread: np.ndarray) -> np.ndarray:
    x, y = spread.T
    each = np.diff(pull.indptr)
    across, up = np.repeat(x, each) - x[pull.indices], np.repeat(y, each) - y[pull.indices]
    weighted = sparse.csr_array((pull.data / (1 + across * across + up * up), pull.indices, pull.indptr), pull.shape)
    sums = weighted @ np.column_stack([np.ones(len(spread)), spread])
    force: np.ndarray = spread * sums[:, :1] - sums[:, 1:]
    return force


def repulsion(spread: np.ndarray) -> np.ndarray:
    """(n, 2): sum_j q_ij (1 + |y_i - y_j|^2)^-1 (y_i - y_j), to the accuracy of the grid.

    Points are charges that are shared among the four corners of their cell; the field of all corners is a
    convolution with 1 / (1 + r^2), or with its square, and is read at the points in the same way.
    """
    corner = spread.min(axis=0)
    width = max(float((spread.max(axis=0) - corner).max()), 1e-9)
    cells = int(np.clip(np.ceil(width / CELL), LEAST_CELLS, MOST_CELLS))
    step = width / cells
    side = fft.next_fast_len(2 * (cells + 1), real=True)
    place = (spread - corner) / step
    cell = np.minimum(place.astype(np.int64), cells - 1)
    part = place - cell
    weights = [
        (part[:, 0] if right else 1 - part[:, 0]) * (part[:, 1] if upper else 1 - part[:, 1])
        for right in (0, 1)
        for upper in (0, 1)
    ]
    corners = [(cell[:, 0] + right) * side + cell[:, 1] + upper for right in (0, 1) for upper in (0, 1)]
    charges = fft.rfft2(_charged(np.column_stack([np.ones(len(place)), place]), corners, weights, side))
    steps = np.minimum(np.arange(side), side - np.arange(side)) * step
    kernel = 1 / (1 + steps[:, None] ** 2 + steps**2)
    once, squared = fft.rfft2(np.stack([kernel, kernel * kernel]))
    fields = fft.irfft2(np.concatenate([charges * squared, charges[:1] * once]), s=(side, side)).reshape(4, -1)
    mass, across, up, near = sum(fields[:, at] * weight for at, weight in zip(corners, weights, strict=True))
    everything = max(float(near.sum()) - len(spread), 1e-12)
    force: np.ndarray = step * (place * mass[:, None] - np.column_stack([across, up])) / everything
    return force


def _charged(amounts: np.ndarray, corners: list[np.ndarray], weights: list[np.ndarray], side: int) -> np.ndarray:
    """(kinds, side, side): the amounts of every point on the corners of its cell."""
    at = np.concatenate(corners)
    return np.stack(
        [
            np.bincount(at, np.concatenate([kind * weight for weight in weights]), side * side).reshape(side, side)
            for kind in amounts.T
        ]
    )


def _turned(spread: np.ndarray) -> np.ndarray:
    """Turned so that it is widest along the first axis, and mirrored by a rule."""
    _, directions = np.linalg.eigh(spread.T @ spread)
    turned = spread @ directions[:, ::-1]
    turned *= np.where(turned[np.abs(turned).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    return turned
