"""RDLAE with a low-pass filter is the sum of two models that are tested by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from recae.errors import CapacityError
from recae.models.registry import create
from recae.options import RunOptions

SHARED = {"l2": 10.0, "dropout": 0.4, "relaxation": 0.2, "user_power": 0.5, "item_power": 0.1}
OPTIONS = RunOptions(seed=3)


def off_diagonal(weights: np.ndarray) -> np.ndarray:
    return weights - np.diag(np.diag(weights))


@pytest.mark.parametrize("low_pass", [0.3, 1.0])
def test_the_weights_are_those_of_rdlae_and_of_svd_ae_for_an_average_history(tastes, low_pass):
    rdlae = create("rdlae", **SHARED).fit(tastes, options=OPTIONS).weights()["weights"]
    filtered = create("svd-ae", rank_share=0.1, l2=0.01).fit(tastes, options=OPTIONS).weights()
    both = create("rdlae-low-pass", **SHARED, low_pass=low_pass, rank_share=0.1, filter_l2=0.01)
    expected = filtered["encoder"] @ filtered["decoder"] / np.sqrt(tastes.nnz / tastes.n_users)
    np.testing.assert_allclose(
        both.fit(tastes, options=OPTIONS).weights()["weights"], rdlae + low_pass * off_diagonal(expected), atol=1e-5
    )


def test_without_the_filter_it_is_rdlae(tastes):
    plain = create("rdlae", **SHARED).fit(tastes, options=OPTIONS)
    without = create("rdlae-low-pass", **SHARED, low_pass=0).fit(tastes, options=OPTIONS)
    np.testing.assert_array_equal(without.weights()["weights"], plain.weights()["weights"])


def test_a_filter_that_would_not_fit_is_refused_before_the_inverse_is_taken(make_log):
    """Few items and many users: the inverse is small, the singular vectors of the users are not."""
    log = make_log([(user, item) for user in range(3000) for item in range(user % 5, user % 5 + 8)])
    wide = create("rdlae-low-pass", rank_share=1.0)
    with pytest.raises(CapacityError, match=r"the filter of rdlae-low-pass on 3000 users .* a smaller rank_share"):
        wide.fit(log, options=RunOptions(max_memory=1_000_000))
    with pytest.raises(CapacityError, match=r"^rdlae-low-pass on 12 items"):
        create("rdlae-low-pass", low_pass=0).fit(log, options=RunOptions(max_memory=1_000_000))
