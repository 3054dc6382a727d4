"""Item vectors in the type they are multiplied in, and how far the products can be from the exact ones."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from recae.ranking.rounding import Norms, error_bounds

BLOCK_NUMBERS = 2**18
"""Of the vectors that are rounded, and whose norms are taken, at a time: they stay in the processor's cache."""


class NarrowVectors:
    """The vectors (n_items, d) and biases of items, rounded to `dtype`; nothing is copied for fp32.

    In bf16 the bias takes two more columns, what bf16 keeps of it and what is left, against ones in the queries.
    Barred items have a bias of -inf.
    """

    def __init__(
        self, vectors: torch.Tensor, bias: torch.Tensor | None, barred: np.ndarray | None, dtype: torch.dtype
    ) -> None:
        self.dtype = dtype
        self._exact, self._bias = vectors, bias
        self._barred = None if barred is None or not barred.any() else torch.from_numpy(barred)
        self._has_bias = bias is not None or self._barred is not None
        self._own, self._lost = 0.0, 0.0
        n_columns = vectors.shape[1] + 2 * self._has_bias
        self._rounded = vectors if dtype == torch.float32 else torch.empty(len(vectors), n_columns, dtype=dtype)
        step = max(1, BLOCK_NUMBERS // max(1, n_columns))
        for start in range(0, len(vectors), step):
            self._round(slice(start, start + step))

    def _round(self, rows: slice) -> None:
        wanted = self._exact[rows]
        if self._has_bias:
            bias = torch.zeros(len(wanted)) if self._bias is None else self._bias[rows]
            kept = bias.bfloat16().float()
            wanted = torch.column_stack((wanted, kept, bias - kept))
        rounded = wanted.to(self.dtype)
        norms = Norms.of(wanted, rounded)
        if self._barred is not None:
            free = ~self._barred[rows].numpy()
            norms = Norms(norms.own[free], norms.lost[free])
        self._own = float(np.max(norms.own, initial=self._own))
        self._lost = float(np.max(norms.lost, initial=self._lost))
        if self.dtype != torch.float32:
            if self._barred is not None:
                rounded[self._barred[rows]] = 0
                rounded[self._barred[rows], -1] = -torch.inf
            self._rounded[rows] = rounded

    def scores(self, queries: torch.Tensor, out: torch.Tensor) -> tuple[torch.Tensor, np.ndarray]:
        """Rounded scores of `queries` (n_rows, d), and how far they can be from the exact ones.

        Args:
            out: (n_rows, n_items) of the type, to write to.

        Returns:
            `out`, -inf for barred items, and (n_rows,) float64 bounds as `error_bounds` gives them.
        """
        exact = functional.pad(queries, (0, 2), value=1.0) if self._has_bias else queries
        rounded = exact.to(self.dtype)
        bounds = error_bounds(Norms.of(exact, rounded), self._own, self._lost, exact.shape[1])
        if self.dtype == torch.float32:
            torch.mm(queries, self._rounded.T, out=out)
            if self._bias is not None:
                out += self._bias
            if self._barred is not None:
                out.masked_fill_(self._barred, -torch.inf)
        else:
            torch.mm(rounded, self._rounded.T, out=out)
        return out, bounds
