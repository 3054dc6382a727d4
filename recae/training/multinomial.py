"""The multinomial output layer: likelihood and gradient in blocks of items, logits never kept whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self
from weakref import finalize

import torch
from torch import Tensor, nn

from recae.training.gradients import gradient_of, hand_over, power_of_two, row_blocks
from recae.training.layers import small_bias, xavier
from recae.training.sparse import SparseRows, add_column_sums, row_sums_of

# Blocks of this many logits stay in the processor's cache.
_BLOCK_LOGITS = 1 << 20
_GPU_BLOCK_LOGITS = 1 << 25
# What a batch's exponentials may take between forward and backward; beyond that they are computed twice.
_KEPT_BYTES = 1 << 28
_CPU = torch.device("cpu")


class MultinomialOutput(nn.Module):
    """logits = hidden @ weight.T + bias, with the multinomial log-likelihood of sparse targets.

    Liang et al. 2018, "Variational Autoencoders for Collaborative Filtering", equation 2:
    log p(x | logits) = sum_i x_i log softmax(logits)_i, summed over items.
    """

    def __init__(self, latent: int, n_items: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_items, latent, generator)
        self.bias = small_bias(n_items, generator)
        self.spare = Spare()

    def train(self, mode: bool = True) -> Self:
        """As for every module; what training alone needs is let go at its end."""
        if not mode:
            self.spare = Spare()
        return super().train(mode)

    def negative_log_likelihood(self, hidden: Tensor, target: SparseRows, dtype: torch.dtype) -> Tensor:
        """Scalar: the mean over rows of -log p(target | hidden), for hidden (n_rows, latent).

        Large products run in `dtype`; sums, softmax and gradients of the weights are float32.
        """
        return multinomial_loss(hidden, self.weight, self.bias, target, dtype, self.spare)

    def forward(self, hidden: Tensor) -> Tensor:
        """(n_rows, n_items) float32 logits."""
        return torch.addmm(self.bias, hidden, self.weight.T)


def multinomial_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: SparseRows, dtype: torch.dtype, spare: Spare
) -> Tensor:
    """As above, for a weight and a bias that are parameters or computed from some."""
    loss: Tensor = _MultinomialLoss.apply(hidden, weight, bias, target, dtype, spare)
    return loss


class _MultinomialLoss(torch.autograd.Function):
    """One pass over blocks of items finds the likelihood and the gradient of `hidden`.

    With e = exp(logits - shift), the shift being the largest logit of the row so far, the sums of e and of
    e x weights over the items give both, as nothing but a row's scale is missing until its last block.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: SparseRows, dtype: torch.dtype, spare: Spare
    ) -> Tensor:
        rows = _Exponentials(hidden, weight, bias, dtype, spare)
        log_sum, pulled = rows.sums()
        mass, wanted = target.row_sums(target.values), row_sums_of(target, weight)
        likelihood = torch.linalg.vecdot(hidden, wanted).sum() + torch.dot(target.values, bias[target.indices])
        ctx.rows, ctx.weight, ctx.bias, ctx.target = rows, weight, bias, target
        # d loss / d hidden = (mass x the mean weight under softmax - the sum of the targets' weights) / n_rows
        ctx.save_for_backward(mass, log_sum, pulled.mul_(mass[:, None]).sub_(wanted))
        return (torch.dot(mass, log_sum) - likelihood) / len(hidden)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None]:
        mass, log_sum, to_hidden = ctx.saved_tensors
        scale = upstream / len(mass)
        hidden_moves, weight_moves, bias_moves, *_ = ctx.needs_input_grad
        errors = _Errors(ctx.rows, ctx.target.with_values(-scale * ctx.target.values), mass * scale, log_sum)
        to_weight = to_bias = None
        if bias_moves:
            to_bias = None if ctx.bias.is_leaf else torch.zeros_like(ctx.bias)
            errors.add_sums(gradient_of(ctx.bias) if to_bias is None else to_bias)
        if weight_moves and ctx.weight.is_leaf:
            hand_over(ctx.weight, errors)
        elif weight_moves:
            to_weight = torch.empty_like(ctx.weight)
            for rows in row_blocks(len(to_weight), to_weight.shape[1], to_weight.device):
                errors.add_rows(rows, to_weight[rows], first=True)
        return to_hidden * scale if hidden_moves else None, to_weight, to_bias, None, None, None


class _Exponentials:
    """exp(logits - shift) in `dtype`, items as rows: kept as far as there is room, computed again beyond."""

    def __init__(self, hidden: Tensor, weight: Tensor, bias: Tensor, dtype: torch.dtype, spare: Spare) -> None:
        self.hidden, self.weight, self.bias = hidden.detach(), weight.detach(), bias.detach()
        self.narrow = self.hidden.to(dtype)
        self.blocks = list(item_blocks(len(weight), len(hidden), hidden.device))
        self.shifts = hidden.new_empty(len(self.blocks), len(hidden))
        room = _KEPT_BYTES // (self.narrow.element_size() * max(1, len(hidden)))
        self.n_kept = max((block.stop for block in self.blocks if block.stop <= room), default=0)
        self.kept = spare.lend(self, self.n_kept, len(hidden), self.narrow)
        most = self.blocks[0].stop
        self.part, self.raw = self.narrow.new_empty(most, hidden.shape[1]), self.narrow.new_empty(most, len(hidden))
        self.logits = self.raw if dtype == torch.float32 else hidden.new_empty(most, len(hidden))

    def sums(self) -> tuple[Tensor, Tensor]:
        """Over all items, for each row: log of the sum of exp(logits), and the mean of weights under softmax."""
        total, pulled = self.hidden.new_zeros(len(self.hidden)), torch.zeros_like(self.hidden)
        shift = torch.full_like(total, -torch.inf)
        for block, top in zip(self.blocks, self.shifts, strict=True):
            logits, part = self._logits(block)
            torch.maximum(shift, logits.amax(dim=0), out=top)
            found = logits.sub_(top).exp_()
            back = (shift - top).exp_()
            total.mul_(back).add_(found.sum(dim=0))
            narrow = self._narrowed(found, block)
            pulled.mul_(back[:, None]).add_(narrow.T @ part)
            shift = top
        return shift + total.log(), pulled.div_(total[:, None])

    def in_block(self, number: int, inside: slice) -> Tensor:
        """(items, n_rows) those of some items of a block; to be read before the next are asked for."""
        if inside.stop <= self.n_kept:
            return self.kept[inside]
        logits, _ = self._logits(inside)
        return self._narrowed(logits.sub_(self.shifts[number]).exp_(), inside)

    def _logits(self, block: slice) -> tuple[Tensor, Tensor]:
        size = block.stop - block.start
        part, raw, logits = self.part[:size], self.raw[:size], self.logits[:size]
        part.copy_(self.weight[block])
        torch.mm(part, self.narrow.T, out=raw)
        # A sum of two types would first copy one of them to fresh memory. In fp32 the product is in its place already.
        return logits.copy_(raw).add_(self.bias[block, None]), part

    def _narrowed(self, found: Tensor, block: slice) -> Tensor:
        return (self.kept[block] if block.stop <= self.n_kept else self.raw[: len(found)]).copy_(found)


class _Errors:
    """d loss / d logits = mass x softmax(logits) - targets, as the weights' gradient and the bias's read it.

    Args:
        rows: the exponentials of all logits.
        target: the targets, scaled and negative.
        mass: (n_rows,) what each row's softmax is multiplied by.
    """

    def __init__(self, rows: _Exponentials, target: SparseRows, mass: Tensor, log_sum: Tensor) -> None:
        self.rows, self.target = rows, target
        self.shares = (rows.shifts - log_sum).exp_().mul_(mass)
        """(n_blocks, n_rows): what makes errors of exponentials."""
        self.scaled = (-1, rows.hidden)

    def add_rows(self, rows: slice, total: Tensor, first: bool = False) -> None:
        for number, inside in self._inside(rows):
            product = self.rows.in_block(number, inside) @ self._scaled(number)
            part = total[inside.start - rows.start : inside.stop - rows.start]
            part.copy_(product) if first else part.add_(product)
        add_column_sums(self.target, self.rows.hidden, total, rows)

    def add_sums(self, total: Tensor) -> None:
        """total += the sum of the errors over the rows, for total (n_items,)."""
        for number, inside in self._inside(slice(0, len(total))):
            total[inside].add_(self.rows.in_block(number, inside) @ self.shares[number].to(self.rows.narrow.dtype))
        total.index_add_(0, self.target.indices, self.target.values)

    def _scaled(self, number: int) -> Tensor:
        if self.scaled[0] != number:
            self.scaled = number, (self.rows.hidden * self.shares[number][:, None]).to(self.rows.narrow.dtype)
        return self.scaled[1]

    def _inside(self, rows: slice) -> Iterator[tuple[int, slice]]:
        for number, block in enumerate(self.rows.blocks):
            inside = slice(max(rows.start, block.start), min(rows.stop, block.stop))
            if inside.start < inside.stop:
                yield number, inside


class Spare:
    """Memory that training uses again at every step: fresh memory comes page by page, and slowly."""

    def __init__(self) -> None:
        self.free: list[Tensor] = []

    def lend(self, borrower: object, rows: int, columns: int, like: Tensor) -> Tensor:
        """(rows, columns) with the type and device of `like` and any content, for as long as the borrower lives."""
        flat = self.free.pop() if self.free else like.new_empty(0)
        if len(flat) < rows * columns or flat.dtype != like.dtype or flat.device != like.device:
            flat = like.new_empty(rows * columns)
        finalize(borrower, self.free.append, flat)
        return flat[: rows * columns].view(rows, columns)


def item_blocks(n_items: int, n_rows: int, device: torch.device = _CPU) -> Iterator[slice]:
    """Slices over the items, of which `n_rows` logits each fit into a processor's cache; larger ones for a GPU."""
    size = max(256, power_of_two((_GPU_BLOCK_LOGITS if device.type == "cuda" else _BLOCK_LOGITS) // max(1, n_rows)))
    for start in range(0, n_items, size):
        yield slice(start, min(start + size, n_items))


def entries_in(target: SparseRows, block: slice) -> tuple[Tensor, Tensor, Tensor]:
    """The targets in a block of items: which entries they are, their rows, and their columns within the block."""
    inside = ((target.indices >= block.start) & (target.indices < block.stop)).nonzero().squeeze(1)
    return inside, target.rows[inside], target.indices[inside] - block.start
