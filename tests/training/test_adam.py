"""Adam by blocks is torch's Adam: the same numbers, whether a gradient is handed over in rows or dense."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from recae.training import adam, gradients
from recae.training.adam import BlockAdam
from recae.training.gradients import ColumnSums, expect_no_more, hand_over
from recae.training.sparse import SparseRows

RATE, L2 = 0.05, 0.1


def batch(seed: int) -> tuple[SparseRows, torch.Tensor]:
    """Rows that read a few of 40 columns, and what stands above them."""
    generator = torch.Generator().manual_seed(seed)
    columns = torch.randint(0, 12, (15,), generator=generator) * 3
    return SparseRows(torch.arange(6) * 3, columns, torch.rand(15, generator=generator), 40), torch.randn(
        5, 7, generator=generator
    )


def dense(x: SparseRows) -> torch.Tensor:
    return torch.zeros(x.n_rows, x.n_columns).index_put_((x.rows, x.indices), x.values, accumulate=True)


@pytest.mark.parametrize("elements", [1, 1 << 6, 1 << 20])
@pytest.mark.parametrize("also_dense", [False, True])
def test_handed_over_gradients_move_a_table_as_torch_does(
    monkeypatch: pytest.MonkeyPatch, elements: int, also_dense: bool
) -> None:
    """All rows move, those without a gradient too: by their moments and by the penalty."""
    monkeypatch.setattr(gradients, "_CACHE_ELEMENTS", elements)
    start = torch.randn(40, 7, generator=torch.Generator().manual_seed(9))
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    by_blocks = BlockAdam([{"params": [ours], "weight_decay": L2}], lr=RATE)
    reference = torch.optim.Adam([theirs], lr=RATE, weight_decay=L2)
    for seed in range(6):
        x, above = batch(seed)
        hand_over(ours, ColumnSums(x, above))
        theirs.grad = dense(x).T @ above
        if also_dense:
            hand_over(ours, ColumnSums(x, above))
            ours.grad = torch.full_like(ours, 0.3)
            theirs.grad = 2 * theirs.grad + 0.3
        by_blocks.step()
        reference.step()
        assert ours.grad is None, "a second step would take it again"
    torch.testing.assert_close(ours, theirs)


def test_without_the_private_kernel_the_numbers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "_CACHE_ELEMENTS", 1 << 6)
    moved = []
    for kernel in (adam._KERNEL, None):
        monkeypatch.setattr(adam, "_KERNEL", kernel)
        table, bias = nn.Parameter(torch.ones(40, 7)), nn.Parameter(torch.ones(7))
        by_blocks = BlockAdam([{"params": [table, bias], "weight_decay": L2}], lr=RATE)
        for seed in range(3):
            hand_over(table, ColumnSums(*batch(seed)))
            bias.grad = torch.arange(7.0)
            by_blocks.step()
        moved.append((table, bias))
    for first, second in zip(*moved, strict=True):
        assert torch.equal(first, second)


def test_a_table_may_change_between_handed_over_and_plain_gradients() -> None:
    start = torch.randn(40, 7, generator=torch.Generator().manual_seed(9))
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    by_blocks = BlockAdam([{"params": [ours]}], lr=RATE)
    reference = torch.optim.Adam([theirs], lr=RATE)
    for seed in range(6):
        x, above = batch(seed)
        theirs.grad = dense(x).T @ above
        if seed % 2:
            hand_over(ours, ColumnSums(x, above))
        else:
            ours.grad = theirs.grad.clone()
        by_blocks.step()
        reference.step()
        by_blocks.zero_grad()
    torch.testing.assert_close(ours, theirs)


def test_where_no_optimizer_waits_the_gradient_is_made_at_once() -> None:
    table = nn.Parameter(torch.zeros(40, 7))
    BlockAdam([{"params": [table]}], lr=RATE)
    expect_no_more(table)
    x, above = batch(0)
    hand_over(table, ColumnSums(x, above))
    torch.testing.assert_close(table.grad, dense(x).T @ above)
