"""Dense float32 products, whichever library takes them."""

from __future__ import annotations

import pytest
import torch

from recae.models.linear import product


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1030, 5), (40, 7, 64)])
def test_products_are_those_of_float64(shape, onednn, monkeypatch):
    if onednn and not torch.backends.mkldnn.is_available():
        pytest.skip("this PyTorch was built without oneDNN")
    monkeypatch.setattr(product, "_onednn", lambda: onednn)
    rows, columns, inner = shape
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.randn(n, inner, generator=generator) for n in (rows, columns))
    exact = left.double() @ right.double().T
    torch.testing.assert_close(product.times_transposed(left, right).double(), exact, rtol=1e-5, atol=1e-5)
    around = torch.randn(rows, columns + 2, generator=generator)
    target, before = around[:, 1:-1], around.clone()
    product.subtract_product(target, left, right)
    torch.testing.assert_close(target.double(), before[:, 1:-1].double() - exact, rtol=1e-5, atol=1e-5)
    assert torch.equal(around[:, [0, -1]], before[:, [0, -1]])
