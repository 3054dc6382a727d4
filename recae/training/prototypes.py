"""The two layers that touch every item where items are in groups: part of a history in, mixture of codes out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.bags import bag_sums
from recae.training.gradients import gradient_of
from recae.training.layers import small_bias, xavier
from recae.training.multinomial import entries_in, item_blocks
from recae.training.sparse import SparseRows


class GroupedLinear(nn.Module):
    """For each group k: normalised(x * groups[:, k]) @ weight + bias, for sparse x and one weight for all groups."""

    def __init__(self, n_items: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_items, hidden, generator)
        self.bias = small_bias(hidden, generator)

    def forward(self, x: SparseRows, groups: Tensor, dropout: float, generator: torch.Generator | None) -> Tensor:
        """(n_groups, n_rows, hidden) for x (n_rows, n_items) and groups (n_items, n_groups).

        Each group's part of a row is scaled to length 1 and corrupted afterwards, as the authors do it.
        """
        squares = groups[x.indices].square() * x.values.square()[:, None]
        lengths = torch.zeros(x.n_rows, groups.shape[1], device=groups.device).index_add(0, x.rows, squares)
        parts = [x if generator is None else x.dropped(dropout, generator) for _ in range(groups.shape[1])]
        sums: Tensor = _GroupedSums.apply(self.weight, groups, parts)
        return sums / lengths.clamp(min=1e-24).sqrt().T[:, :, None] + self.bias


class PrototypeOutput(nn.Module):
    """p(item) ~ sum over k of groups[item, k] exp(code_k . item / temperature), all vectors of length 1.

    An item's probability of being in group k is softmax over k of (prototype_k . item / temperature).
    """

    def __init__(
        self, n_items: int, latent: int, prototypes: int, temperature: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.weight = xavier(n_items, latent, generator)
        self.prototypes = xavier(prototypes, latent, generator)

    def log_groups(self, items: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(n_items, prototypes) log probabilities; with a generator a relaxed draw from them (Gumbel softmax)."""
        logits = items @ functional.normalize(self.prototypes, dim=1).T / self.temperature
        if generator is not None:
            # The smallest positive number keeps log(0) out; -log of an exponential number is Gumbel's.
            waiting = torch.empty_like(logits).exponential_(generator=generator)
            logits = logits - waiting.clamp_(min=torch.finfo(torch.float32).tiny).log()
        return functional.log_softmax(logits, dim=1)

    def negative_log_likelihood(
        self, codes: Tensor, items: Tensor, log_groups: Tensor, target: SparseRows, dtype: torch.dtype
    ) -> Tensor:
        """Scalar: the mean over rows of -log p(target), for codes (prototypes, n_rows, latent).

        Works through blocks of items twice; (prototypes, n_rows, n_items) is never kept whole.
        """
        loss: Tensor = _MixtureLoss.apply(codes / self.temperature, items, log_groups, target, dtype)
        return loss

    def logits(self, codes: Tensor, items: Tensor, log_groups: Tensor) -> Tensor:
        """(n_rows, n_items) log of the unnormalised probabilities."""
        found = torch.empty(codes.shape[1], len(items), device=codes.device)
        codes, groups = codes / self.temperature, log_groups.exp()
        for block in item_blocks(len(items), codes.shape[0] * codes.shape[1]):
            found[:, block] = _shares(codes, items, groups, block).sum(dim=0).log_()
        return found


class _GroupedSums(torch.autograd.Function):
    """(n_groups, n_rows, hidden): parts[k] @ (groups[:, k] * weight); the parts differ in their values only."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, groups: Tensor, parts: list[SparseRows]) -> Tensor:
        ctx.save_for_backward(groups)
        ctx.weight, ctx.parts = weight, parts
        sums = [
            bag_sums(x.indices, weight, x.indptr[:-1], x.values * groups[x.indices, k]) for k, x in enumerate(parts)
        ]
        return torch.stack(sums)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None]:
        (groups,) = ctx.saved_tensors
        to_weight, to_groups = gradient_of(ctx.weight), torch.zeros_like(groups)
        order = torch.argsort(ctx.parts[0].indices, stable=True)
        columns, counts = torch.unique_consecutive(ctx.parts[0].indices[order], return_counts=True)
        rows, starts = ctx.parts[0].rows[order], counts.cumsum(0) - counts
        read, total = ctx.weight[columns], torch.zeros(len(columns), ctx.weight.shape[1], device=groups.device)
        for k, x in enumerate(ctx.parts):
            pulled = bag_sums(rows, gradient[k].contiguous(), starts, x.values[order])
            to_groups[columns, k] = torch.linalg.vecdot(pulled, read)
            total.addcmul_(pulled, groups[columns, k, None])
        to_weight.index_add_(0, columns, total)
        return None, to_groups, None


class _MixtureLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, codes: Tensor, items: Tensor, log_groups: Tensor, target: SparseRows, dtype: torch.dtype
    ) -> Tensor:
        codes, items, groups = codes.to(dtype), items.to(dtype), log_groups.exp()
        total = torch.zeros(codes.shape[1], device=codes.device)
        likelihood = total.new_zeros(())
        for block in item_blocks(len(items), codes.shape[0] * codes.shape[1]):
            masses = _shares(codes, items, groups, block).sum(dim=0)
            total += masses.sum(dim=1)
            inside, rows, columns = entries_in(target, block)
            likelihood += (target.values[inside] * masses[rows, columns].log()).sum()
        wanted = target.row_sums(target.values)
        ctx.save_for_backward(codes, items, groups, wanted / total)
        ctx.target = target
        return (torch.dot(wanted, total.log()) - likelihood) / codes.shape[1]

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        codes, items, groups, per_mass = ctx.saved_tensors
        scale = upstream / codes.shape[1]
        flat = codes.flatten(0, 1)
        to_codes = torch.zeros(flat.shape, device=codes.device)
        to_items = torch.empty(items.shape, device=codes.device)
        to_groups = torch.empty_like(groups)
        for block in item_blocks(len(items), codes.shape[0] * codes.shape[1]):
            # d loss / d log share = share x (sum of targets / sum of all shares - target / the item's shares)
            shares = _shares(codes, items, groups, block)
            inside, rows, columns = entries_in(ctx.target, block)
            pulls = (per_mass * scale)[:, None].expand(shares.shape[1:]).contiguous()
            found = ctx.target.values[inside] * scale / shares[:, rows, columns].sum(dim=0)
            pulls.index_put_((rows, columns), -found, accumulate=True)
            shares.mul_(pulls)
            to_groups[block] = shares.sum(dim=1).T
            narrow = shares.flatten(0, 1).to(codes.dtype)
            to_codes += narrow @ items[block]
            to_items[block] = (narrow.T @ flat).float()
        return to_codes.unflatten(0, codes.shape[:2]), to_items, to_groups, None, None


def _shares(codes: Tensor, items: Tensor, groups: Tensor, block: slice) -> Tensor:
    """(prototypes, n_rows, block) float32 share of each group in an item's unnormalised probability.

    No maximum is taken out before the exponential: cosines over the lowest temperature stay within its range.
    """
    cosines = (codes.flatten(0, 1) @ items[block].T).unflatten(0, codes.shape[:2])
    return cosines.float().exp_().mul_(groups[block].T.contiguous()[:, None, :])
