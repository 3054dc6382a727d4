"""Dense products in float32 by the quicker of the two libraries that PyTorch brings."""

from __future__ import annotations

import torch
from torch.nn import functional

TILE = 1024
"""Columns of one product: what oneDNN returns then stays in the processor's cache until it was subtracted."""


def times_transposed(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """left @ right.T of (m, k) and (n, k) contiguous float32."""
    if not _onednn():
        return left @ right.T
    return functional.linear(left.to_mkldnn(), right).to_dense()


def subtract_product(target: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """target -= left @ right.T, in place, for (m, n), (m, k) and (n, k) float32; `left` and `right` contiguous."""
    if not _onednn():
        target.addmm_(left, right.T, alpha=-1)
        return
    packed = left.to_mkldnn()
    for start in range(0, len(right), TILE):
        columns = slice(start, start + TILE)
        target[:, columns].sub_(functional.linear(packed, right[columns]).to_dense())


def _onednn() -> bool:
    # MKL leaves the AVX-512 units of AMD's processors idle and is half as fast there; on Intel's the two are alike.
    return bool(torch.backends.mkldnn.is_available()) and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
