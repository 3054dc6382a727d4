"""`inverse_in_place` against the float64 inverse, at every kind of edge between pivots and tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.models.linear.spd import inverse_in_place


def positive_definite(n: int, seed: int, smallest: float = 0.05) -> torch.Tensor:
    factor = np.random.default_rng(seed).standard_normal((n, n + 3)).astype(np.float32)
    return torch.from_numpy(factor @ factor.T / n + smallest * np.eye(n, dtype=np.float32))


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 33), pivot=st.integers(1, 35), tile=st.integers(1, 35), seed=st.integers(0, 5))
def test_every_division_into_pivots_and_tiles_gives_the_inverse(n, pivot, tile, seed):
    matrix = positive_definite(n, seed)
    expected = torch.linalg.inv(matrix.double())
    inverse_in_place(matrix, pivot=pivot, tile=tile)
    torch.testing.assert_close(matrix.double(), expected, rtol=0, atol=2e-5 * float(expected.abs().max()))
    assert torch.equal(matrix, matrix.T)


def test_the_default_sizes_agree_with_float64():
    matrix = positive_definite(1300, seed=1)
    expected = torch.linalg.inv(matrix.double())
    inverse_in_place(matrix)
    assert float((matrix - expected).abs().max()) < 5e-6 * float(expected.abs().max())


def test_only_the_lower_triangle_is_read():
    matrix = positive_definite(20, seed=2)
    expected = torch.linalg.inv(matrix.double())
    matrix[torch.triu(torch.ones(20, 20), 1) > 0] = float("nan")
    inverse_in_place(matrix, pivot=6, tile=7)
    torch.testing.assert_close(matrix.double(), expected, rtol=1e-4, atol=1e-4)


def test_an_ill_conditioned_gram_matrix_keeps_four_digits():
    # A popular pair of items that nearly always occur together: condition number about 10^5.
    matrix = torch.tensor([[20001.0, 20000.0, 3.0], [20000.0, 20001.0, 2.0], [3.0, 2.0, 5.0]])
    expected = torch.linalg.inv(matrix.double())
    inverse_in_place(matrix, pivot=1)
    torch.testing.assert_close(matrix.double(), expected, rtol=0, atol=5e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("spoil", [-1.0, 0.0, float("nan")])
@pytest.mark.parametrize("where", [0, 5, 11])
def test_a_matrix_that_is_not_positive_definite_is_refused(spoil, where):
    matrix = positive_definite(12, seed=3)
    matrix[where, where] = spoil
    with pytest.raises(ValueError, match="not positive definite"):
        inverse_in_place(matrix, pivot=4, tile=5)


def test_progress_adds_up_to_all_rows():
    heard = []
    inverse_in_place(positive_definite(10, seed=4), pivot=4, done=heard.append)
    assert heard == [4, 4, 2]
