"""The hyperbolic tangent against torch's own."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from recae.training.activation import tanh

FLOATS = arrays("float32", array_shapes(min_dims=1, max_dims=2, min_side=0), elements=st.floats(width=32))


@settings(deadline=None)
@given(FLOATS)
def test_it_is_torchs_to_the_last_digits(numbers) -> None:
    x = torch.from_numpy(numbers)
    torch.testing.assert_close(tanh(x), torch.tanh(x), rtol=3e-7, atol=1e-45, equal_nan=True)


def test_its_gradient_is_that_of_the_formula() -> None:
    x = torch.linspace(-4, 4, 90).reshape(9, 10).T.requires_grad_()
    weights = torch.arange(90.0).reshape(10, 9)
    (found,) = torch.autograd.grad((weights * tanh(x)).sum(), x)
    exact = weights.double() * (1 - torch.tanh(x.detach().double()).square())
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)


def test_other_types_are_left_to_torch() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        x = torch.linspace(-3, 3, 50).to(dtype)
        assert torch.equal(tanh(x), torch.tanh(x))


def test_rows_are_the_same_alone() -> None:
    """So that what a network says of a user depends neither on the others in the block nor on its size."""
    x = torch.randn(37, 23, generator=torch.Generator().manual_seed(3))
    assert torch.equal(tanh(x), torch.cat([tanh(row[None]) for row in x]))
