"""Item vectors in the type they are multiplied in, and how far the products can be from the exact ones."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from recae.ranking.rounding import Norms, error_bounds
from recae.workers import ALONE, Workers

BLOCK_NUMBERS = 2**18
"""Of the vectors that are rounded, and whose norms are taken, at a time: they stay in the processor's cache."""


class NarrowVectors:
    """The vectors (n_items, d) and biases of items, rounded to `dtype`; nothing is copied for fp32.

    In bf16 the bias takes two more columns, what bf16 keeps of it and what is left, against ones in the queries.
    Barred items have a bias of -inf. `pool` shares the rounding.
    """

    def __init__(
        self,
        vectors: torch.Tensor,
        bias: torch.Tensor | None,
        barred: np.ndarray | None,
        dtype: torch.dtype,
        pool: Workers = ALONE,
    ) -> None:
        self.dtype = dtype
        self._exact, self._bias = vectors, bias
        self._barred = None if barred is None or not barred.any() else torch.from_numpy(barred)
        self._has_bias = bias is not None or self._barred is not None
        self._norms = Norms(np.zeros(len(vectors)), np.zeros(len(vectors)))
        self._length = n_columns = vectors.shape[1] + 2 * self._has_bias
        self._rounded = vectors if dtype == torch.float32 else torch.empty(len(vectors), n_columns, dtype=dtype)
        step = max(1, BLOCK_NUMBERS // max(1, n_columns))
        for _ in pool.in_order(self._round, (slice(start, start + step) for start in range(0, len(vectors), step))):
            pass

    def _round(self, rows: slice) -> None:
        wanted = self._exact[rows]
        if self._has_bias:
            bias = torch.zeros(len(wanted)) if self._bias is None else self._bias[rows]
            kept = bias.bfloat16().float()
            wanted = torch.column_stack((wanted, kept, bias - kept))
        rounded = wanted.to(self.dtype)
        norms = Norms.of(wanted, rounded)
        free = slice(None) if self._barred is None else ~self._barred[rows].numpy()
        self._norms.own[rows][free], self._norms.lost[rows][free] = norms.own[free], norms.lost[free]
        if self.dtype != torch.float32:
            if self._barred is not None:
                rounded[self._barred[rows]] = 0
                rounded[self._barred[rows], -1] = -torch.inf
            self._rounded[rows] = rounded

    def scores(self, queries: torch.Tensor, out: torch.Tensor) -> tuple[torch.Tensor, Norms]:
        """Rounded scores of `queries` (n_rows, d), and the norms that say how far they can be from the exact ones.

        Args:
            out: (n_rows, n_items) of the type, to write to.

        Returns:
            `out`, -inf for barred items, and the norms of the queries.
        """
        exact = functional.pad(queries, (0, 2), value=1.0) if self._has_bias else queries
        rounded = exact.to(self.dtype)
        if self.dtype == torch.float32:
            torch.mm(queries, self._rounded.T, out=out)
            if self._bias is not None:
                out += self._bias
            if self._barred is not None:
                out.masked_fill_(self._barred, -torch.inf)
        else:
            torch.mm(rounded, self._rounded.T, out=out)
        return out, Norms.of(exact, rounded)

    def bounds(self, queries: Norms) -> np.ndarray:
        """(n_rows,) float64 as `error_bounds` gives them: for each query and whatever item."""
        own, lost = (float(norms.max(initial=0)) for norms in (self._norms.own, self._norms.lost))
        return error_bounds(queries, own, lost, self._length)

    def bounds_of_pairs(self, queries: Norms, row: np.ndarray, item: np.ndarray) -> np.ndarray:
        """(n,) float64: the same for the query of a row and an item."""
        norms = Norms(queries.own[row], queries.lost[row])
        return error_bounds(norms, self._norms.own[item], self._norms.lost[item], self._length)
