"""Layer normalisation that is the same with any number of threads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LayerNorm(nn.LayerNorm):
    """torch's own, with gradients of weight and bias that do not depend on the number of threads.

    torch adds them up in each thread and then over the threads. Where such a sum is zero but for rounding, Adam makes
    a whole step of it, and with other threads the weights would go other ways.
    """

    def forward(self, hidden: Tensor) -> Tensor:
        """As many rows and columns as `hidden`."""
        plain = functional.layer_norm(hidden, self.normalized_shape, eps=self.eps)
        return torch.addcmul(self.bias, plain, self.weight)
