"""Every model learns from a prepared log, whose arrays are mapped and read-only, what it learns from the log itself."""

from __future__ import annotations

import numpy as np
import pytest
from small import SMALL

from recae.data.prepared import open_log, write_log
from recae.models.registry import create, model_class, model_names
from recae.options import RunOptions

OPTIONS = RunOptions(seed=5, device="cpu")


@pytest.fixture(scope="module")
def mapped(tastes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    write_log(tastes, folder)
    return open_log(folder)


def quick(name):
    settings = dict(SMALL.get(name, {}))
    if "epochs" in model_class(name).Config.model_fields:
        settings["epochs"] = 1
    return create(name, **settings)


@pytest.mark.parametrize("name", model_names())
def test_a_fit_to_mapped_data_is_the_fit_to_the_data(name, tastes, mapped):
    expected, found = (quick(name).fit(log, options=OPTIONS) for log in (tastes, mapped))

    assert found.data_fingerprint == expected.data_fingerprint
    for key, weight in expected.weights().items():
        np.testing.assert_array_equal(found.weights()[key], weight, err_msg=key)
