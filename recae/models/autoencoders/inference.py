"""How networks are run to score: the first layer and sparse rows without what training needs."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recae.training.layers import SparseLinear
from recae.training.sparse import SparseRows, row_sums_of


def shown(histories: sparse.csr_array, device: torch.device, positions: np.ndarray | None, *, ones: bool) -> SparseRows:
    """The histories as a network is shown them, with `ones` in place of their values where it takes no ratings.

    Nothing is sorted by column: that is for gradients.
    """
    values = np.ones(histories.nnz, dtype=np.float32) if ones else histories.data.astype(np.float32)
    parts = histories.indptr.astype(np.int64), histories.indices.astype(np.int64), values
    indptr, indices, entries = (torch.from_numpy(part).to(device) for part in parts)
    rows = None if positions is None else torch.from_numpy(positions.astype(np.int64)).to(device)
    return SparseRows(indptr, indices, entries, histories.shape[1], rows)


def encoded(encoder: SparseLinear, rows: SparseRows) -> Tensor:
    """(n_rows, latent) what the encoder gives, without gradients, in memory of its own."""
    return row_sums_of(rows, encoder.weight.detach()).add_(encoder.bias.detach())
