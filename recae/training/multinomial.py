"""The multinomial output layer: likelihood and gradient in blocks of items, logits never kept whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.training.layers import gradient_of, small_bias, xavier
from recae.training.sparse import SparseRows

# Blocks of this many logits stay in the processor's cache, and the allocator gives their memory back at once.
_BLOCK_LOGITS = 1 << 21


class MultinomialOutput(nn.Module):
    """logits = hidden @ weight.T + bias, with the multinomial log-likelihood of sparse targets.

    Liang et al. 2018, "Variational Autoencoders for Collaborative Filtering", equation 2:
    log p(x | logits) = sum_i x_i log softmax(logits)_i, summed over items.
    """

    def __init__(self, latent: int, n_items: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_items, latent, generator)
        self.bias = small_bias(n_items, generator)

    def negative_log_likelihood(self, hidden: Tensor, target: SparseRows, dtype: torch.dtype) -> Tensor:
        """Scalar: the mean over rows of -log p(target | hidden), for hidden (n_rows, latent).

        Large products run in `dtype`; sums, softmax and gradients of the weights are float32.
        """
        loss: Tensor = _MultinomialLoss.apply(hidden, self.weight, self.bias, target, dtype)
        return loss

    def forward(self, hidden: Tensor) -> Tensor:
        """(n_rows, n_items) float32 logits."""
        return torch.addmm(self.bias, hidden, self.weight.T)


class _MultinomialLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: SparseRows, dtype: torch.dtype
    ) -> Tensor:
        narrow = hidden.to(dtype)
        log_sum = torch.full((len(hidden),), -torch.inf, device=hidden.device)
        likelihood = hidden.new_zeros(())
        for block in item_blocks(len(weight), len(hidden)):
            logits = _logits(narrow, weight, bias, block, dtype)
            log_sum = torch.logaddexp(log_sum, logits.logsumexp(dim=1))
            inside, rows, columns = entries_in(target, block)
            likelihood += (target.values[inside] * logits[rows, columns]).sum()
        mass = target.row_sums(target.values)
        ctx.save_for_backward(narrow, log_sum, mass)
        ctx.weight, ctx.bias, ctx.target, ctx.dtype = weight, bias, target, dtype
        return (torch.dot(mass, log_sum) - likelihood) / len(hidden)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        narrow, log_sum, mass = ctx.saved_tensors
        scale = upstream / len(narrow)
        to_hidden = torch.zeros(narrow.shape, device=narrow.device)
        hidden_moves, weight_moves, bias_moves, *_ = ctx.needs_input_grad
        for block in item_blocks(len(ctx.weight), len(narrow)):
            # d loss / d logits = (mass softmax(logits) - target) / n_rows
            errors = _logits(narrow, ctx.weight, ctx.bias, block, ctx.dtype).sub_(log_sum[:, None]).exp_()
            errors.mul_((mass * scale)[:, None])
            inside, rows, columns = entries_in(ctx.target, block)
            errors.index_put_((rows, columns), -ctx.target.values[inside] * scale, accumulate=True)
            if bias_moves:
                gradient_of(ctx.bias)[block] += errors.sum(dim=0)
            errors = errors.to(ctx.dtype)
            if weight_moves:
                gradient_of(ctx.weight)[block] += errors.T @ narrow
            if hidden_moves:
                to_hidden += errors @ ctx.weight[block].to(ctx.dtype)
        return to_hidden if hidden_moves else None, None, None, None, None


def item_blocks(n_items: int, n_rows: int) -> Iterator[slice]:
    """Slices over the items, of which `n_rows` logits each fit into a processor's cache."""
    size = max(256, _BLOCK_LOGITS // max(1, n_rows))
    for start in range(0, n_items, size):
        yield slice(start, min(start + size, n_items))


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor, block: slice, dtype: torch.dtype) -> Tensor:
    return functional.linear(hidden, weight[block].to(dtype)).float().add_(bias[block])


def entries_in(target: SparseRows, block: slice) -> tuple[Tensor, Tensor, Tensor]:
    """The targets in a block of items: which entries they are, their rows, and their columns within the block."""
    inside = ((target.indices >= block.start) & (target.indices < block.stop)).nonzero().squeeze(1)
    return inside, target.rows[inside], target.indices[inside] - block.start
