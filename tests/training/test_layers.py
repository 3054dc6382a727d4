"""The layers' hand-written gradients against autograd on the dense form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.training import multinomial
from recae.training import sparse as sparse_rows
from recae.training.layers import ObservedLinear, SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sparse import SparseRows, add_column_sums, column_sums_of

CPU = torch.device("cpu")


def random_rows(seed: int, n_rows: int, n_columns: int, density: float) -> tuple[SparseRows, torch.Tensor]:
    """The same random rows, sparse and dense; some rows may be empty."""
    rng = np.random.default_rng(seed)
    matrix = sparse.random_array((n_rows, n_columns), density=density, format="csr", dtype=np.float32, rng=rng)
    return SparseRows.of(matrix, CPU), torch.from_numpy(matrix.toarray())


shapes = st.tuples(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 40), st.floats(0, 0.6))


@settings(deadline=None, max_examples=40)
@given(shapes)
def test_sparse_linear_equals_its_dense_form(shape: tuple[int, int, int, float]) -> None:
    seed, n_rows, n_columns, density = shape
    x, dense = random_rows(seed, n_rows, n_columns, density)
    layer = SparseLinear(n_columns, 5, torch.Generator().manual_seed(seed))
    weight, bias = layer.weight.detach().clone().requires_grad_(), layer.bias.detach().clone().requires_grad_()
    upstream = torch.randn(n_rows, 5, generator=torch.Generator().manual_seed(seed))

    ours, theirs = layer(x), dense @ weight + bias
    (ours * upstream).sum().backward()
    (theirs * upstream).sum().backward()

    torch.testing.assert_close(ours, theirs)
    if x.indices.numel():
        torch.testing.assert_close(layer.weight.grad, weight.grad)
    torch.testing.assert_close(layer.bias.grad, bias.grad)


@settings(deadline=None, max_examples=40)
@given(shapes)
def test_observed_linear_equals_the_dense_form_at_its_entries(shape: tuple[int, int, int, float]) -> None:
    seed, n_rows, n_columns, density = shape
    pattern, dense = random_rows(seed, n_rows, n_columns, density)
    layer = ObservedLinear(5, n_columns, torch.Generator().manual_seed(seed))
    hidden = torch.randn(n_rows, 5, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    again = hidden.detach().clone().requires_grad_()
    weight, bias = layer.weight.detach().clone().requires_grad_(), layer.bias.detach().clone().requires_grad_()

    ours = layer.at(hidden, pattern)
    full = again @ weight.T + bias
    (ours - pattern.values).square().sum().backward()
    ((full - dense)[dense != 0]).square().sum().backward()

    torch.testing.assert_close(ours, full[pattern.rows, pattern.indices])
    torch.testing.assert_close(layer(hidden), full)
    torch.testing.assert_close(hidden.grad, again.grad, rtol=1e-4, atol=1e-4)
    if pattern.indices.numel():
        torch.testing.assert_close(layer.weight.grad, weight.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("repeats", [3, 30])
def test_entries_of_a_pattern_may_repeat_in_any_order(repeats: int) -> None:
    """As negatives that are drawn with replacement do; 30 of them are more than the matrix has cells."""
    generator = torch.Generator().manual_seed(0)
    columns = torch.randint(0, 7, (4 * repeats,), generator=generator)
    pattern = SparseRows(torch.arange(5) * repeats, columns, torch.zeros(4 * repeats), 7)
    layer = ObservedLinear(5, 7, generator)
    hidden = torch.randn(4, 5, generator=generator, requires_grad=True)
    again, weight = hidden.detach().clone().requires_grad_(), layer.weight.detach().clone().requires_grad_()

    ours = layer.at(hidden, pattern)
    theirs = (again @ weight.T + layer.bias)[pattern.rows, columns]
    ours.square().sum().backward()
    theirs.square().sum().backward()

    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(hidden.grad, again.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(layer.weight.grad, weight.grad, rtol=1e-4, atol=1e-4)


def test_gradients_add_up_when_a_layer_is_used_twice() -> None:
    x, dense = random_rows(3, 6, 20, 0.3)
    layer = SparseLinear(20, 4, torch.Generator().manual_seed(0))
    weight = layer.weight.detach().clone().requires_grad_()
    (layer(x).sum() + 2 * layer(x).sum()).backward()
    (3 * (dense @ weight).sum()).backward()
    torch.testing.assert_close(layer.weight.grad, weight.grad)


@pytest.mark.parametrize("block_logits", [1, 1 << 9, 1 << 21])
@pytest.mark.parametrize("density", [0.0, 0.05])
def test_multinomial_loss_equals_the_dense_form(
    monkeypatch: pytest.MonkeyPatch, block_logits: int, density: float
) -> None:
    monkeypatch.setattr(multinomial, "_BLOCK_LOGITS", block_logits)
    target, dense = random_rows(7, 11, 900, density)
    output = MultinomialOutput(6, 900, torch.Generator().manual_seed(1))
    hidden = torch.randn(11, 6, generator=torch.Generator().manual_seed(2), requires_grad=True)
    again = hidden.detach().clone().requires_grad_()
    weight, bias = output.weight.detach().clone().requires_grad_(), output.bias.detach().clone().requires_grad_()

    ours = output.negative_log_likelihood(hidden, target, torch.float32)
    theirs = -(dense * torch.log_softmax(again @ weight.T + bias, dim=1)).sum(dim=1).mean()
    (2 * ours).backward()
    (2 * theirs).backward()

    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(hidden.grad, again.grad)
    torch.testing.assert_close(output.weight.grad, weight.grad)
    torch.testing.assert_close(output.bias.grad, bias.grad)


@pytest.mark.parametrize("kept_bytes", [0, 1 << 28])
def test_multinomial_gradient_in_bf16_stays_close_to_fp32(monkeypatch: pytest.MonkeyPatch, kept_bytes: int) -> None:
    monkeypatch.setattr(multinomial, "_KEPT_BYTES", kept_bytes)
    target, _ = random_rows(5, 32, 500, 0.1)
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        output = MultinomialOutput(16, 500, torch.Generator().manual_seed(1))
        hidden = torch.randn(32, 16, generator=torch.Generator().manual_seed(2), requires_grad=True)
        output.negative_log_likelihood(hidden, target, dtype).backward()
        gradients.append(torch.cat([hidden.grad.flatten(), output.weight.grad.flatten()]))
    exact, rounded = gradients
    assert (rounded - exact).norm() < 0.01 * exact.norm()
    assert not torch.equal(rounded, exact), "bf16 was not used"


def test_rows_are_normalised_before_they_are_corrupted() -> None:
    rows = SparseRows.of(sparse.csr_array(np.array([[3.0, 0, 4.0], [0, 0, 0]], dtype=np.float32)), CPU)
    torch.testing.assert_close(rows.normalized().values, torch.tensor([0.6, 0.8]))
    generator = torch.Generator().manual_seed(0)
    dropped = torch.stack([rows.normalized().dropped(0.25, generator).values for _ in range(4000)])
    survivors = dropped[dropped > 0].unique()
    torch.testing.assert_close(survivors, torch.tensor([0.6, 0.8]) / 0.75)  # scaled by 1 / keep, not renormalised
    assert abs(float((dropped > 0).float().mean()) - 0.75) < 0.02


def test_entries_without_zeros_are_the_same_matrix() -> None:
    matrix = sparse.csr_array(np.array([[3.0, 0, 4.0], [0, 0, 0], [0, 5.0, 6.0]], dtype=np.float32))
    rows = SparseRows.of(matrix, CPU)
    hidden = rows.with_values(rows.values * torch.tensor([0.0, 1.0, 1.0, 0.0])).without_zeros()
    assert hidden.indptr.tolist() == [0, 1, 1, 2]
    assert (hidden.indices.tolist(), hidden.values.tolist()) == ([2, 1], [4.0, 5.0])


def test_a_copy_with_other_values_knows_the_order_of_its_entries() -> None:
    rows, dense = random_rows(3, 6, 5, 0.5)
    order = rows.by_column
    copy = rows.with_values(rows.values * 2)
    assert copy.by_column is order
    assert len(rows.with_values(rows.values * 0).without_zeros().by_column.order) == 0
    total = torch.zeros(5, 6)
    add_column_sums(copy, torch.eye(6), total)
    torch.testing.assert_close(total, 2 * dense.T)


@pytest.mark.parametrize("kept_bytes", [0, 300 * 11 * 4, 1 << 28])
def test_exponentials_that_are_not_kept_are_computed_again(monkeypatch: pytest.MonkeyPatch, kept_bytes: int) -> None:
    """Also where the largest logit comes late, and where logits are far beyond what exp can hold."""
    monkeypatch.setattr(multinomial, "_KEPT_BYTES", kept_bytes)
    monkeypatch.setattr(multinomial, "_BLOCK_LOGITS", 1)
    target, dense = random_rows(7, 11, 900, 0.05)
    output = MultinomialOutput(6, 900, torch.Generator().manual_seed(1))
    with torch.no_grad():
        output.bias[:256], output.bias[800:] = -200, 150
    hidden = torch.randn(11, 6, generator=torch.Generator().manual_seed(2), requires_grad=True)
    again = hidden.detach().clone().requires_grad_()
    weight, bias = output.weight.detach().clone().requires_grad_(), output.bias.detach().clone().requires_grad_()

    # Two losses at once: neither may take the memory of the other.
    (output.negative_log_likelihood(hidden, target, torch.float32) * 2).backward()
    ours = output.negative_log_likelihood(hidden, target, torch.float32)
    beside = output.negative_log_likelihood(2 * hidden.detach(), target, torch.float32)
    ours.backward()
    theirs = -(dense * torch.log_softmax(again @ weight.T + bias, dim=1)).sum(dim=1).mean()
    (3 * theirs).backward()

    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(hidden.grad, again.grad)
    torch.testing.assert_close(output.weight.grad, weight.grad)
    torch.testing.assert_close(output.bias.grad, bias.grad)
    assert torch.isfinite(beside)


def test_memory_of_the_exponentials_is_used_again_and_let_go_at_the_end_of_training() -> None:
    target, _ = random_rows(7, 11, 900, 0.05)
    output = MultinomialOutput(6, 900, torch.Generator().manual_seed(1))
    hidden = torch.zeros(11, 6, requires_grad=True)
    places = set()
    for _ in range(3):
        output.negative_log_likelihood(hidden, target, torch.bfloat16).backward()
        (memory,) = output.spare.free
        places.add(memory.data_ptr())
    assert len(places) == 1
    output.eval()
    assert not output.spare.free


@settings(deadline=None, max_examples=40)
@given(shapes, st.sampled_from(["scipy", "filtered", "within"]))
def test_the_order_by_column_is_that_of_a_fresh_sort(shape: tuple[int, int, int, float], kind: str) -> None:
    """From scipy, after entries were left out, and for the columns in use alone."""
    rows, _ = random_rows(*shape)
    if kind == "filtered":
        hidden = torch.rand(len(rows.values), generator=torch.Generator().manual_seed(shape[0])) < 0.5
        rows = rows.with_values(rows.values * ~hidden).without_zeros()
    elif kind == "within":
        rows = rows.within_columns_in_use(n_columns=len(rows.by_column.columns) + 3)
    fresh = SparseRows(rows.indptr, rows.indices, rows.values, rows.n_columns)
    for name in ("order", "rows", "columns", "indptr"):
        assert torch.equal(getattr(rows.by_column, name), getattr(fresh.by_column, name)), name
    assert rows.by_column.host_indptr.tolist() == fresh.by_column.host_indptr.tolist()
    assert rows.by_column.host_columns.tolist() == fresh.by_column.host_columns.tolist()
    assert torch.equal(rows.rows, fresh.rows)


@settings(deadline=None, max_examples=40)
@given(shapes, st.sampled_from([1, 16, 1000]), st.integers(1, 15))
def test_column_sums_of_a_block_are_those_rows_of_the_dense_product(
    shape: tuple[int, int, int, float], crowded: int, width: int
) -> None:
    """Whether the columns in use are many or few for their block."""
    x, dense = random_rows(*shape)
    above = torch.randn(x.n_rows, 3, generator=torch.Generator().manual_seed(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_rows, "_CROWDED", crowded)
        for start in range(0, x.n_columns, width):
            block = slice(start, min(start + width, x.n_columns))
            expected, total = dense[:, block].T @ above, torch.ones(block.stop - start, 3)
            add_column_sums(x, above, total, block)
            torch.testing.assert_close(column_sums_of(x, above, block), expected)
            torch.testing.assert_close(total, 1 + expected)
