"""Random numbers that stay the same on every machine and under every NumPy release."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri


class Dice:
    """Everything is drawn from the uniform doubles of PCG64.

    NumPy promises no stable stream for `normal`, `choice` or `shuffle`; the bit generator and the 53-bit
    doubles made from it have never changed, so all else is derived from them here.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))

    def uniform(self, *shape: int) -> np.ndarray:
        """float64 of this shape, in the open interval (0, 1)."""
        return (self._generator.random(shape) + 2.0**-54).clip(max=1 - 2.0**-53)

    def one(self) -> float:
        """A single number in (0, 1)."""
        return float(self.uniform(1)[0])

    def normal(self, *shape: int) -> np.ndarray:
        """float64 of this shape, standard normal, by the inverse distribution function."""
        return ndtri(self.uniform(*shape))

    def gumbel(self, *shape: int) -> np.ndarray:
        """float64 of this shape, standard Gumbel: adding it to log-weights and sorting draws without replacement."""
        return -np.log(-np.log(self.uniform(*shape)))

    def below(self, limit: int, *shape: int) -> np.ndarray:
        """int64 of this shape, 0 ... limit-1."""
        return np.floor(self.uniform(*shape) * limit).astype(np.int64)

    def weighted(self, weights: np.ndarray, count: int) -> np.ndarray:
        """(count,) int64 positions drawn with replacement, in proportion to `weights`."""
        edges = np.cumsum(weights) / np.sum(weights)
        return np.searchsorted(edges, self.uniform(count)).clip(max=len(weights) - 1)

    def pick(self, values: Sequence[str]) -> str:
        """One of `values`."""
        return values[int(self.below(len(values), 1)[0])]
