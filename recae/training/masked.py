"""What a layer's outputs bring through a mask to the next layer, in blocks of items; the outputs are never kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from recae.training.gradients import gradient_of

# Blocks of this many outputs stay in the processor's cache.
_BLOCK_OUTPUTS = 1 << 21


def masked_product(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    reader: Tensor,
    shown: Tensor,
    zeros: Tensor | None,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """(outputs * shown) @ reader and the sum of squares of outputs * zeros, for outputs = hidden @ weight.T + bias.

    For masks that show most of a batch, as in generative adversarial training: products over all items are then far
    cheaper than a list of entries. They are taken in blocks of items, and the outputs are never kept.

    Args:
        hidden: (n_rows, latent).
        weight: (n_items, latent).
        bias: (n_items,).
        reader: (n_items, width).
        shown: (n_rows, n_items) bool.
        zeros: (n_rows, n_items) bool, or None for no sum.
        dtype: of the large products.
    """
    found: tuple[Tensor, Tensor] = _MaskedProduct.apply(hidden, weight, bias, reader, shown, zeros, dtype)
    return found


class _MaskedProduct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        reader: Tensor,
        shown: Tensor,
        zeros: Tensor | None,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        narrow = hidden.to(dtype)
        product = torch.zeros(len(hidden), reader.shape[1], device=hidden.device)
        squares = torch.zeros((), device=hidden.device)
        for block in _blocks(len(weight), len(hidden)):
            outputs = _outputs(narrow, weight, bias, block)
            if zeros is not None:
                squares += (outputs * zeros[:, block]).square_().sum()
            product += outputs.mul_(shown[:, block]).to(dtype) @ reader[block].to(dtype)
        ctx.save_for_backward(narrow)
        ctx.weight, ctx.bias, ctx.reader, ctx.shown, ctx.zeros = weight, bias, reader, shown, zeros
        return product, squares

    @staticmethod
    def backward(ctx: Any, to_product: Tensor, to_squares: Tensor) -> tuple[Tensor | None, *tuple[None, ...]]:
        (narrow,) = ctx.saved_tensors
        hidden_moves, weight_moves, bias_moves, reader_moves, *_ = ctx.needs_input_grad
        upstream = to_product.to(narrow.dtype)
        to_hidden = torch.zeros(narrow.shape, device=narrow.device) if hidden_moves else None
        for block in _blocks(len(ctx.weight), len(narrow)):
            outputs, shown = _outputs(narrow, ctx.weight, ctx.bias, block), ctx.shown[:, block]
            if reader_moves:
                gradient_of(ctx.reader)[block] += (outputs * shown).to(narrow.dtype).T @ upstream
            if not (hidden_moves or weight_moves or bias_moves):
                continue
            errors = (upstream @ ctx.reader[block].T.to(narrow.dtype)).float().mul_(shown)
            if ctx.zeros is not None:
                errors += outputs.mul_(ctx.zeros[:, block]).mul_(2 * to_squares)
            if bias_moves:
                gradient_of(ctx.bias)[block] += errors.sum(dim=0)
            errors = errors.to(narrow.dtype)
            if weight_moves:
                gradient_of(ctx.weight)[block] += errors.T @ narrow
            if to_hidden is not None:
                to_hidden += errors @ ctx.weight[block].to(narrow.dtype)
        return to_hidden, None, None, None, None, None, None


def _blocks(n_items: int, n_rows: int) -> Iterator[slice]:
    size = max(256, _BLOCK_OUTPUTS // max(1, n_rows))
    for start in range(0, n_items, size):
        yield slice(start, min(start + size, n_items))


def _outputs(hidden: Tensor, weight: Tensor, bias: Tensor, block: slice) -> Tensor:
    return functional.linear(hidden, weight[block].to(hidden.dtype)).float().add_(bias[block])
