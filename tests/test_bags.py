"""Sums over bags of rows: equal to a sparse product, to the bit whatever the blocks and the other bags."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.nn import functional

from recae import bags
from recae.bags import LARGE, WIDTH, WORTH, bag_sums


def a_matrix(n_rows: int, n_items: int, density: float, seed: int = 0) -> sparse.csr_array:
    matrix = sparse.random_array((n_rows, n_items), density=density, format="csr", rng=np.random.default_rng(seed))
    return sparse.csr_array(matrix.astype(np.float32))


def parts(matrix: sparse.csr_array) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    entries, starts = (torch.from_numpy(array.astype(np.int64)) for array in (matrix.indices, matrix.indptr[:-1]))
    return entries, starts, torch.from_numpy(matrix.data)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("width", [1, WIDTH, WIDTH + 1, 3 * WIDTH, 5 * WIDTH + 77])
def test_equal_to_a_sparse_product(width, apart, monkeypatch):
    if apart:
        monkeypatch.setattr(bags, "LARGE", 0)
    dense = a_matrix(300, 40, 0.6).toarray()
    dense[[0, 7, 299]] = 0
    matrix = sparse.csr_array(dense)
    table = torch.randn(40, width, generator=torch.Generator().manual_seed(1))
    entries, starts, values = parts(matrix)
    assert len(entries) > WORTH * len(table)
    weighted, plain = bag_sums(entries, table, starts, values), bag_sums(entries, table, starts)
    np.testing.assert_allclose(weighted, matrix @ table.double().numpy(), atol=1e-4)
    np.testing.assert_allclose(plain, (matrix != 0).astype(np.float64) @ table.numpy(), atol=1e-4)
    assert not weighted[[0, 7, 299]].any()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_bag_alone_sums_to_the_same_bits(weighted, monkeypatch):
    """Few bags take the wide rows whole, many take their columns apart."""
    monkeypatch.setattr(bags, "LARGE", 0)
    matrix = a_matrix(400, 50, 0.5)
    table = torch.randn(50, 4 * WIDTH + 33, generator=torch.Generator().manual_seed(2))
    entries, starts, values = parts(matrix)
    together = bag_sums(entries, table, starts, values if weighted else None)
    assert torch.equal(
        together,
        functional.embedding_bag(entries, table, starts, mode="sum", per_sample_weights=values if weighted else None),
    )
    for row in (0, 17, 399):
        own, start, value = parts(matrix[[row]])
        assert len(own) < WORTH * len(table)
        assert torch.equal(bag_sums(own, table, start, value if weighted else None)[0], together[row])


def test_a_large_table_gives_the_same_bits_as_a_part_of_it():
    matrix = a_matrix(30, 40, 0.8)
    table = torch.randn(40, LARGE // 40 + WIDTH, generator=torch.Generator().manual_seed(3))
    entries, starts, values = parts(matrix)
    assert len(entries) > WORTH * len(table)
    assert table.numel() > LARGE
    part = slice(WIDTH + 5, WIDTH + 25)
    whole = bag_sums(entries, table, starts, values)
    assert torch.equal(whole[:, part], bag_sums(entries, table[:, part].contiguous(), starts, values))


def test_notes_no_gradient():
    table = torch.ones(3, 2, requires_grad=True)
    assert not bag_sums(torch.tensor([0, 2]), table, torch.tensor([0])).requires_grad
