"""Groups for colours: every item in one, and labels that say which."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recae.insight.colouring import BANDS, NAMED, REST, by_amount, by_values


def test_an_item_with_several_values_takes_the_rarest_of_those_shown():
    found = by_values("genres", [["Drama", "War"], ["Drama"], ["Drama", "Comedy"], ["Comedy"], ["Comedy"], ["Comedy"]])
    assert found.labels == ("Comedy", "Drama", "War")
    assert [found.labels[group] for group in found.group] == ["War", "Drama", "Drama", "Comedy", "Comedy", "Comedy"]


def test_rare_values_and_none_at_all_are_the_rest():
    many = [[f"g{number}"] * 2 for number in range(NAMED)] * 3 + [["rare"], []]
    found = by_values("genres", many)
    assert len(found.labels) == NAMED + 1
    assert [found.labels[group] for group in found.group[-2:]] == [REST, REST]
    assert REST not in by_values("genres", [["a"], ["b"]]).labels


def test_bands_hold_about_as_many_items_each():
    found = by_amount("users", np.arange(1.0, 1_001))
    assert found.labels[0] == "1\N{EN DASH}200"
    assert found.labels[-1] == "801\N{EN DASH}1,000"
    assert np.bincount(found.group).tolist() == [200] * BANDS


def test_years_have_no_separators_and_what_is_missing_is_the_rest():
    years = np.array([1950, 1960, 1970, 1980, 1990, 1990, 2000, np.nan])
    found = by_amount("year", years, separators=False)
    assert found.labels[-1] == REST
    assert found.group[-1] == len(found.labels) - 1
    assert all("," not in label for label in found.labels)


@given(st.lists(st.one_of(st.just(np.nan), st.floats(-1e6, 1e6).map(lambda x: round(x, 2))), max_size=60))
def test_every_amount_is_in_the_band_that_names_it(amounts):
    values = np.array(amounts, dtype=float)
    found = by_amount("x", values)
    assert len(found.group) == len(values)
    assert len(found.labels) <= BANDS + 1
    assert set(found.group.tolist()) == set(range(len(found.labels)))
    known = np.isfinite(values)
    order = np.argsort(values[known], kind="stable")
    assert (np.diff(found.group[known][order]) >= 0).all()
