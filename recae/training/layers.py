"""The two layers that touch every item: sparse rows in, and outputs only where there is a target.

Their gradients are added straight to `weight.grad`: a fresh array of the layer's size, page by page, costs more
than the products themselves.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.training.sparse import SparseRows, add_column_sums, row_sums_of


class SparseLinear(nn.Module):
    """x @ weight + bias for sparse x: only the rows of the weight that x has entries for are read."""

    def __init__(self, n_columns: int, latent: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_columns, latent, generator)
        self.bias = small_bias(latent, generator)

    def forward(self, x: SparseRows) -> Tensor:
        """(n_rows, latent) for x (n_rows, n_columns)."""
        product: Tensor = _SparseLinear.apply(self.weight, x)
        return product + self.bias


class ObservedLinear(nn.Module):
    """hidden @ weight.T + bias, computed only at given entries while training."""

    def __init__(self, latent: int, n_columns: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_columns, latent, generator)
        self.bias = small_bias(n_columns, generator)

    def at(self, hidden: Tensor, pattern: SparseRows) -> Tensor:
        """(nnz,) the outputs at the entries of `pattern`, for hidden (n_rows, latent)."""
        product: Tensor = _ObservedProduct.apply(hidden, self.weight, pattern)
        return product + self.bias[pattern.indices]

    def forward(self, hidden: Tensor) -> Tensor:
        """(n_rows, n_columns) for hidden (n_rows, latent)."""
        return torch.addmm(self.bias, hidden, self.weight.T)


class Dense(nn.Module):
    """hidden @ weight.T + bias between two small layers."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(outputs, inputs, generator)
        self.bias = small_bias(outputs, generator)

    def forward(self, hidden: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """(n_rows, outputs) float32 for hidden (n_rows, inputs); the product, there and back, runs in `dtype`."""
        if dtype == torch.float32:
            return torch.addmm(self.bias, hidden, self.weight.T)
        return functional.linear(hidden.to(dtype), self.weight.to(dtype)).float() + self.bias


def xavier(rows: int, columns: int, generator: torch.Generator) -> nn.Parameter:
    """(rows, columns) uniform by Glorot and Bengio (2010), as the networks' authors start theirs."""
    weight = torch.empty(rows, columns, device=generator.device)
    bound = (6 / (rows + columns)) ** 0.5
    return nn.Parameter(weight.uniform_(-bound, bound, generator=generator))


def small_bias(size: int, generator: torch.Generator) -> nn.Parameter:
    """(size,) normal with standard deviation 0.001."""
    return nn.Parameter(torch.empty(size, device=generator.device).normal_(0, 0.001, generator=generator))


def gradient_of(parameter: Tensor) -> Tensor:
    """The parameter's gradient, made of zeros where there is none yet."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


class _SparseLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: SparseRows) -> Tensor:
        ctx.weight, ctx.x = weight, x
        return row_sums_of(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None]:
        add_column_sums(ctx.x, gradient, gradient_of(ctx.weight))
        return None, None


class _ObservedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, pattern: SparseRows) -> Tensor:
        ctx.save_for_backward(hidden)
        ctx.weight, ctx.pattern = weight, pattern
        chunk = max(1, _CHUNK_FLOATS // hidden.shape[1])
        return torch.cat(
            [
                torch.linalg.vecdot(hidden[rows], weight[columns])
                for rows, columns in zip(pattern.rows.split(chunk), pattern.indices.split(chunk), strict=True)
            ]
        )

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None]:
        (hidden,) = ctx.saved_tensors
        errors = ctx.pattern.with_values(gradient)
        if ctx.needs_input_grad[1]:
            add_column_sums(errors, hidden, gradient_of(ctx.weight))
        return row_sums_of(errors, ctx.weight) if ctx.needs_input_grad[0] else None, None, None


_CHUNK_FLOATS = 1 << 21
