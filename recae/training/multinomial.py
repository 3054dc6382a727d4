"""The multinomial output layer: likelihood and gradient from one matrix of errors in the type of the products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self
from weakref import finalize

import torch
from torch import Tensor, nn

from recae.training.gradients import gradient_of, hand_over, power_of_two, row_blocks
from recae.training.layers import small_bias, xavier
from recae.training.sparse import SparseRows

# Weights of so many items are narrowed at a time that, with a batch's logits of them, they stay in the cache.
_BLOCK_LOGITS = 1 << 20
_GPU_BLOCK_LOGITS = 1 << 25
# What a batch's probabilities may take between forward and backward; beyond that they are computed twice.
_KEPT_BYTES = 1 << 28
_CPU = torch.device("cpu")
_TINY = 1e-30


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

        Logits, probabilities and the products with them are in `dtype`; sums and the gradients they end in are
        float32. The targets are counts: none is negative, and no row has two of one item.
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
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: SparseRows, dtype: torch.dtype, spare: Spare
    ) -> Tensor:
        errors = _Errors(hidden, weight, bias, target, dtype, spare)
        loss = hidden.new_zeros(())
        to_hidden, to_bias = torch.empty_like(hidden), torch.zeros_like(bias)
        for rows in errors.chunks():
            loss += errors.fill(rows)
            errors.pull(rows, to_hidden[rows])
            to_bias += errors.sums(rows)
        ctx.errors, ctx.weight, ctx.bias = errors, weight, bias
        ctx.save_for_backward(to_hidden, to_bias)
        return loss / len(hidden)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None]:
        to_hidden, to_bias = ctx.saved_tensors
        errors, scale = ctx.errors, upstream / len(to_hidden)
        hidden_moves, weight_moves, bias_moves, *_ = ctx.needs_input_grad
        to_weight = None
        if bias_moves and ctx.bias.is_leaf:
            gradient_of(ctx.bias).add_(to_bias * scale)
        if weight_moves:
            table = _TableGradient(errors, scale)
            if ctx.weight.is_leaf:
                hand_over(ctx.weight, table)
            else:
                to_weight = torch.empty_like(ctx.weight)
                for rows in row_blocks(len(to_weight), to_weight.shape[1], to_weight.device):
                    to_weight[rows] = table.of_rows(rows)
        return (
            to_hidden * scale if hidden_moves else None,
            to_weight,
            to_bias * scale if bias_moves and not ctx.bias.is_leaf else None,
            None,
            None,
            None,
        )


class _Errors:
    """softmax(logits) - targets / mass, (n_rows, n_items) in `dtype`, the mass being the sum of a row's targets.

    Times the mass it is n_rows x the gradient of the loss with respect to the logits. Made for some rows at a time
    where all of it would be too much; then the gradient of the weights makes it again for some items at a time.
    """

    def __init__(
        self, hidden: Tensor, weight: Tensor, bias: Tensor, target: SparseRows, dtype: torch.dtype, spare: Spare
    ) -> None:
        self.hidden, self.weight, self.bias, self.target = hidden.detach(), weight.detach(), bias.detach(), target
        self.narrow, self.narrow_bias = self.hidden.to(dtype), self.bias.to(dtype)
        self.mass = target.row_sums(target.values)
        self.wanted = target.values / self.mass.clamp(min=_TINY).index_select(0, target.rows)
        self.log_sum = hidden.new_empty(len(hidden))
        n_items = len(weight)
        self.at_once = max(1, min(len(hidden), _KEPT_BYTES // (self.narrow.element_size() * max(1, n_items))))
        self.whole = self.at_once == len(hidden)
        self.kept = spare.lend(self, self.at_once, n_items, self.narrow)

    def chunks(self) -> Iterator[slice]:
        """The rows that are made at a time; all of them where there is room."""
        for start in range(0, len(self.hidden), self.at_once):
            yield slice(start, min(start + self.at_once, len(self.hidden)))

    def fill(self, rows: slice) -> Tensor:
        """Make the errors of these rows; the sum of their losses."""
        made, entries = self._made(rows), self._entries(rows)
        for items, part in self._parts():
            torch.addmm(self.narrow_bias[items], self.narrow[rows], part.T, out=made[:, items])
        flat = made.view(-1)
        places = (self.target.rows[entries] - rows.start) * made.shape[1] + self.target.indices[entries]
        likelihood = torch.dot(self.target.values[entries], flat.index_select(0, places).float())
        top = made.amax(dim=1).float()
        torch.softmax(made, dim=1, out=made)
        # Of the largest probability, which never vanishes, the logarithm is known with the logit.
        log_sum = torch.sub(top, made.amax(dim=1).float().log_(), out=self.log_sum[rows])
        _subtract(flat, places, self.wanted[entries])
        return torch.dot(self.mass[rows], log_sum) - likelihood

    def pull(self, rows: slice, total: Tensor) -> None:
        """total = mass x errors @ weight for these rows, the last that were made."""
        made = self._made(rows)
        total.zero_()
        for items, part in self._parts():
            total.add_(made[:, items] @ part)
        total.mul_(self.mass[rows, None])

    def sums(self, rows: slice) -> Tensor:
        """(n_items,) the sum of mass x errors over these rows, the last that were made."""
        return (self.mass[None, rows].to(self.narrow.dtype) @ self._made(rows))[0]

    def of_items(self, items: slice) -> Tensor:
        """(n_rows, items) those of all rows."""
        if self.whole:
            return self.kept[:, items]
        part = self.weight[items].to(self.narrow.dtype)
        logits = torch.addmm(self.narrow_bias[items], self.narrow, part.T).float()
        made = logits.sub_(self.log_sum[:, None]).exp_().to(self.narrow.dtype)
        by = self.target.by_column
        inside = by.places(items)
        entries = by.order[inside]
        places = by.rows[inside] * made.shape[1] + (self.target.indices[entries] - items.start)
        _subtract(made.view(-1), places, self.wanted[entries])
        return made

    def _made(self, rows: slice) -> Tensor:
        return self.kept[: rows.stop - rows.start]

    def _entries(self, rows: slice) -> slice:
        if self.whole:
            return slice(None)
        return slice(*(int(end) for end in self.target.indptr[[rows.start, rows.stop]]))

    def _parts(self) -> Iterator[tuple[slice, Tensor]]:
        """The items in blocks, each with its weights in the type of the products until the next is asked for."""
        buffer = None
        for items in item_blocks(len(self.weight), len(self.hidden), self.hidden.device):
            if self.narrow.dtype == self.weight.dtype:
                yield items, self.weight[items]
                continue
            if buffer is None:
                buffer = self.narrow.new_empty(items.stop, self.weight.shape[1])
            yield items, buffer[: items.stop - items.start].copy_(self.weight[items])


class _TableGradient:
    """The gradient of the weights: scale x the errors, transposed, @ (mass x hidden)."""

    def __init__(self, errors: _Errors, scale: Tensor) -> None:
        self.errors = errors
        self.hidden = (errors.hidden * (errors.mass * scale)[:, None]).to(errors.narrow.dtype)

    def of_rows(self, rows: slice) -> Tensor:
        if self.errors.whole:
            return (self.errors.of_items(rows).T @ self.hidden).float()
        total = self.errors.weight.new_empty(rows.stop - rows.start, self.errors.weight.shape[1])
        for part in item_blocks(len(total), len(self.hidden), total.device):
            total[part] = self.errors.of_items(slice(rows.start + part.start, rows.start + part.stop)).T @ self.hidden
        return total


def _subtract(flat: Tensor, places: Tensor, values: Tensor) -> None:
    """flat[places] -= values, for places that differ; the difference is rounded once."""
    flat.index_copy_(0, places, (flat.index_select(0, places) - values).to(flat.dtype))


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
