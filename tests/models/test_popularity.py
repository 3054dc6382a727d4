from __future__ import annotations

import numpy as np
from scipy import sparse

from recae.models.registry import create


def test_items_are_scored_by_their_users_whatever_the_history(make_log):
    log = make_log([(1, "a", 5.0), (1, "b", 1.0), (2, "b", 1.0), (3, "b", 2.0), (3, "c", 5.0)])
    scores = create("popularity").fit(log).score(sparse.csr_array(np.eye(3, dtype=np.float32)))
    np.testing.assert_array_equal(scores, [[1, 3, 1]] * 3)
    assert scores.dtype == np.float32


def test_each_row_is_its_own_memory(make_log):
    model = create("popularity").fit(make_log([(1, "a"), (1, "b")]))
    scores = model.score(sparse.csr_array((2, 2), dtype=np.float32))
    scores[0] = -np.inf  # as ranking does it for seen items
    np.testing.assert_array_equal(scores[1], [1, 1])
