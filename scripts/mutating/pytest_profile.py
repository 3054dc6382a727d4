"""For pytest -p: property tests draw the same few examples for every mutant, and none is shrunk when it fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import Phase, settings

SHARE = 10
"""One of so many examples, and two at least: a survivor meets every test, and these would take most of the time."""

settings.register_profile(
    "mutation", database=None, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give each property test fewer examples."""
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None:
            test._hypothesis_internal_use_settings = settings(own, max_examples=max(2, own.max_examples // SHARE))
