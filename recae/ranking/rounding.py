"""How far a score that was computed in bf16 can be from the exact one: proven, not measured.

Let u and v be vectors of length d, u' and v' what bf16 keeps of them, and |.| the Euclidean norm. Then

    |u v - u' v'| = |(u - u') v + u' (v - v')| <= |u - u'| |v| + |u'| |v - v'|       (Cauchy and Schwarz)

where the norms on the right are computed, not bounded. Sums of d products in fp32, in whatever order, are wrong by
at most gamma |u| |v| with gamma = d 2^-24 / (1 - d 2^-24) (Higham 2002, Accuracy and stability of numerical
algorithms, section 3.1); twice that, as some processors round products in pairs. The result, rounded to bf16, is
wrong by half a unit in its last place, 2^-8 of it. Numbers below 2^-126 may count as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

HALF_UNIT = {torch.float32: 0.0, torch.bfloat16: 2.0**-8}
"""Relative error of a result in this type; that of fp32 is among those of the sum."""
HUGE = 2.0**100
"""Beyond such norms products may overflow, and nothing is promised."""


@dataclass(frozen=True, eq=False)
class Norms:
    """Of some vectors: their own norms and those of what rounding took from them, float64, a little too large."""

    own: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, vectors: torch.Tensor, narrow: torch.Tensor) -> Norms:
        """(n,) each, for vectors (n, d) float32 and what was kept of them; `own` is that of the longer of both."""
        own = _norms(vectors)
        if narrow.dtype == vectors.dtype:
            return cls(own, np.zeros(len(vectors)))
        lost = _norms(vectors - narrow)  # exact: bf16 has fp32's exponents
        return cls(own + lost, lost)


def _norms(vectors: torch.Tensor) -> np.ndarray:
    """(n,) float64: at least the norm of each of `vectors` (n, d) float32, in which it is summed.

    d squares and sums are off by d + 2 roundings at most, of which a root leaves half, and each square that is too
    small to be kept is below 2^-126: together they are less than the second part. Doubling that, and taking twice the
    roundings, covers any order of the sums and the root's own rounding.
    """
    length = vectors.shape[1]
    summed = torch.linalg.vector_norm(vectors, dim=1).numpy().astype(np.float64)
    return summed * (1 + (length + 8) * 2.0**-23) + 2 * length**0.5 * 2.0**-63


def error_bounds(queries: Norms, own: float | np.ndarray, lost: float | np.ndarray, length: int) -> np.ndarray:
    """(n,) how far computed scores of each query can be from the fp32 ones, the rounding of the result left out.

    `own` and `lost` are the greatest norms of any item vector, or (n,) those of one item for each query; both sums, in
    bf16 and in fp32, are of `length` terms. NaN where nothing can be promised.
    """
    gamma = (length + 8) * 2.0**-24 / (1 - (length + 8) * 2.0**-24)
    with np.errstate(invalid="ignore", over="ignore"):
        products = queries.own * own
        tiny = length * 2.0**-124 * (1 + queries.own + own)
        bounds = queries.lost * own + queries.own * lost + 4 * gamma * products + tiny
    promised = (queries.own < HUGE) & (own < HUGE) & (products < HUGE)
    return np.where(promised, bounds, np.nan)


def least_score(kth: np.ndarray, bounds: np.ndarray, half_unit: float) -> np.ndarray:
    """(n,) float32: rounded scores below this belong to items that cannot be among the k best.

    Where k items have rounded scores of `kth` (n,) or more, the exact k-th score is at least kth - bound -
    half_unit |kth|, and an item whose rounded score a is less than the returned one has an exact score of at most
    a + bound + half_unit |a|, which is less than that.
    """
    kth = np.maximum(kth.astype(np.float64), np.finfo(np.float32).min)  # -inf where fewer than k may be listed
    exact = kth - bounds - half_unit * np.abs(kth)
    reach = exact - bounds
    least = np.where(reach >= 0, reach / (1 + half_unit), reach / (1 - half_unit))
    with np.errstate(over="ignore"):  # to -inf
        return np.nextafter((least - 1e-12 * np.abs(least)).astype(np.float32), np.float32(-np.inf))


def still_possible(
    scores: np.ndarray, errors: np.ndarray, least: np.ndarray, bounds: np.ndarray, half_unit: float
) -> np.ndarray:
    """(n,) bool: whose exact score can be as great as the k-th, by the bounds of the pairs themselves.

    `least_score` takes a score for possible from what exceeds the k-th by `bounds`, which is one bound for all items
    of a row: least + half_unit |least| + bound is no greater than the exact k-th score.

    Args:
        scores: (n,) rounded scores.
        errors: (n,) how far each can be from the exact one, the rounding of the result left out.
        least: (n,) what `least_score` gave for its row, or something less.
        bounds: (n,) what it was given for its row.
    """
    scores, least = scores.astype(np.float64), least.astype(np.float64)
    with np.errstate(invalid="ignore"):  # where nothing is promised, nothing is left out
        reach = scores + half_unit * np.abs(scores) + errors
        kth = least + half_unit * np.abs(least) + bounds
        return ~(reach < kth - 1e-12 * np.abs(kth))
