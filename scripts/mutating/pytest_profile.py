"""For pytest -p: property tests draw the same few examples for every mutant, and tests of speed are left out."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

SHARE = 10
"""One of so many examples, and two at least: a survivor meets every test, and these would take most of the time."""
OF_SPEED = ("_quick", "_make_ranking_slow")
"""In the names of tests that a busy machine fails, whatever the mutant."""

settings.register_profile(
    "mutation", database=None, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each property test fewer examples."""
    items[:] = [item for item in items if not any(part in item.name for part in OF_SPEED)]
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None:
            test._hypothesis_internal_use_settings = settings(own, max_examples=max(2, own.max_examples // SHARE))
