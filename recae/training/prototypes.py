"""The output layer of items in groups: a multinomial over a mixture of codes, in blocks of items."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.training.layers import xavier
from recae.training.multinomial import entries_in, item_blocks
from recae.training.sparse import SparseRows


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
