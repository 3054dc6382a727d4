"""The hyperbolic tangent of a layer, by NumPy where that is several times faster."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def tanh(x: Tensor) -> Tensor:
    """tanh of every number, with its gradient.

    On a processor NumPy's vectorised loop is several times faster than torch's; both are within an ulp or two.
    """
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return torch.tanh(x)
    activated: Tensor = _Tanh.apply(x)
    return activated


class _Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        activated = torch.empty_like(x)
        np.tanh(x.detach().numpy(), out=activated.numpy())
        ctx.save_for_backward(activated)
        return activated

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (activated,) = ctx.saved_tensors
        # As a product this would take three arrays more.
        moved: Tensor = torch.ops.aten.tanh_backward(gradient, activated)
        return moved
