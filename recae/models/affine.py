"""Products of rows and small matrices in fp32, where nothing is learnt."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def affine(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(n_rows, outputs) float32: hidden @ weight.T + bias without gradients, a row's numbers alike beside any others.

    On processors by oneDNN, which takes half the time of the BLAS that torch brings on some of them.
    """
    if hidden.device.type != "cpu" or not torch.backends.mkldnn.is_available() or len(hidden) == 0:
        return torch.addmm(bias, hidden, weight.T)
    # A row that is alone would be multiplied in another order.
    rows = hidden if len(hidden) > 1 else hidden.expand(2, -1)
    layer = weight.detach().contiguous().to_mkldnn(), bias.detach().contiguous().to_mkldnn()
    found: Tensor = functional.linear(rows.detach().contiguous().to_mkldnn(), *layer).to_dense()
    return found[: len(hidden)]
