"""The two layers that touch every item: sparse rows in, and outputs only where there is a target.

The gradients of their weights are never whole: the optimizer asks for some rows at a time (`training.gradients`).
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.training.gradients import ColumnSums, hand_over
from recae.training.sparse import SparseRows, add_column_sums, row_sums_of


class SparseLinear(nn.Module):
    """x @ weight + bias for sparse x: only the rows of the weight that x has entries for are read."""

    def __init__(self, n_columns: int, latent: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_columns, latent, generator)
        self.bias = small_bias(latent, generator)

    def forward(self, x: SparseRows) -> Tensor:
        """(n_rows, latent) for x (n_rows, n_columns)."""
        return sparse_product(x, self.weight) + self.bias


class ObservedLinear(nn.Module):
    """hidden @ weight.T + bias, computed only at given entries while training."""

    def __init__(self, latent: int, n_columns: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_columns, latent, generator)
        self.bias = small_bias(n_columns, generator)

    def at(self, hidden: Tensor, pattern: SparseRows) -> Tensor:
        """(nnz,) the outputs at the entries of `pattern`, for hidden (n_rows, latent)."""
        return observed_product(hidden, self.weight, pattern) + self.bias[pattern.indices]

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


_WORTH_LEAVING_OUT = 32
"""Columns of the weight from which on an entry costs more to read than to leave out."""


def small_bias(size: int, generator: torch.Generator) -> nn.Parameter:
    """(size,) normal with standard deviation 0.001."""
    return nn.Parameter(torch.empty(size, device=generator.device).normal_(0, 0.001, generator=generator))


def sparse_product(x: SparseRows, weight: Tensor) -> Tensor:
    """(n_rows, latent) = x @ weight, for a weight (n_columns, latent) that is a parameter or computed from some."""
    if x.values.device.type == "cpu" and weight.shape[1] >= _WORTH_LEAVING_OUT:
        # What dropout has set to zero is read neither here nor for the gradient. A GPU would be waited for to count it.
        x = x.without_zeros()
    product: Tensor = _SparseProduct.apply(weight, x)
    return product


def observed_product(hidden: Tensor, weight: Tensor, pattern: SparseRows) -> Tensor:
    """(nnz,) entries of hidden @ weight.T where `pattern` has some; weight (n_columns, latent) as above."""
    product: Tensor = _ObservedProduct.apply(hidden, weight, pattern)
    return product


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: SparseRows) -> Tensor:
        ctx.weight, ctx.x = weight, x
        return row_sums_of(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None]:
        return _weight_gradient(ctx.x, gradient, ctx.weight), None


class _ObservedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, pattern: SparseRows) -> Tensor:
        ctx.save_for_backward(hidden)
        ctx.weight, ctx.pattern = weight, pattern
        if len(pattern.indices) > pattern.n_rows * pattern.n_columns:
            # Entries that repeat so often are more than a sparse product takes, and the dense one is the smaller.
            return (hidden @ weight.T)[pattern.rows, pattern.indices]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            entries = torch.sparse_csr_tensor(
                pattern.indptr,
                pattern.indices,
                torch.zeros(len(pattern.indices), dtype=hidden.dtype, device=hidden.device),
                size=(pattern.n_rows, pattern.n_columns),
                check_invariants=False,
            )
        return torch.sparse.sampled_addmm(entries, hidden.detach(), weight.detach().T, beta=0.0).values()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (hidden,) = ctx.saved_tensors
        errors = ctx.pattern.with_values(gradient)
        to_weight = _weight_gradient(errors, hidden, ctx.weight) if ctx.needs_input_grad[1] else None
        return row_sums_of(errors, ctx.weight) if ctx.needs_input_grad[0] else None, to_weight, None


def _weight_gradient(x: SparseRows, dense: Tensor, weight: Tensor) -> Tensor | None:
    """x.T @ dense: handed over to the optimizer of a parameter, handed on where the weight is computed."""
    if weight.is_leaf:
        hand_over(weight, ColumnSums(x, dense))
        return None
    total = torch.zeros_like(weight)
    add_column_sums(x, dense, total)
    return total
