"""Scales, ticks and places of labels."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.reports.plots import (
    cost_plot,
    cutoff_plots,
    interval_plot,
    series_of,
    spread_plot,
    tail_plot,
    with_list_lengths,
)
from recae.reports.svg import Drawing, Scale, spread

numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(numbers, st.floats(1e-3, 1e6), st.integers(2, 8))
@settings(max_examples=50, deadline=None)
def test_ticks_lie_within_the_scale_and_are_round(low, width, about):
    scale = Scale(low, low + width, 0, 100)
    ticks = scale.ticks(about)

    assert 1 <= len(ticks) <= 3 * about
    assert ticks == sorted(set(ticks))
    slack = width * 1e-6
    assert all(low - slack <= tick <= low + width + slack for tick in ticks)


def test_ticks_known():
    assert Scale(0, 1, 0, 1).ticks(5) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Scale(0.23, 0.52, 0, 1).ticks(3) == [0.3, 0.4, 0.5]
    assert Scale(0.004, 20, 0, 1, log=True).ticks() == [0.01, 0.1, 1, 10]


def test_scales_run_from_end_to_end():
    assert [Scale(2, 4, 10, 20)(v) for v in (2, 3, 4)] == [10, 15, 20]
    assert [Scale(1, 100, 0, 50, log=True)(v) for v in (1, 10, 100)] == pytest.approx([0, 25, 50])
    assert Scale(1, 1, 0, 10)(1) == 5


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_labels_are_pushed_apart_in_their_order(wanted):
    placed = spread(wanted, 10, 0, 200)
    ordered = [placed[i] for i in sorted(range(len(wanted)), key=lambda i: wanted[i])]

    assert all(later - earlier >= 10 - 1e-9 for earlier, later in itertools.pairwise(ordered))


def test_labels_with_room_stay_where_they_are():
    assert spread([50, 10, 90], 10, 0, 100) == [50, 10, 90]


def test_texts_are_escaped():
    drawing = Drawing(10, 10, 'a "label" & <b>')
    drawing.text((1, 2), "<i>&")
    drawing.dot((3, 4), "s1", 2, "<script>")

    svg = drawing.render()

    assert 'aria-label="a &quot;label&quot; &amp; &lt;b&gt;"' in svg
    assert "&lt;i&gt;&amp;" in svg
    assert "<title>&lt;script&gt;</title>" in svg


def test_the_best_has_the_accent_and_popularity_is_grey(comparison):
    assert series_of(comparison) == {"ease": "s1", "ials": "s2", "mult-vae": "s3", "popularity": "s0"}


def test_a_metric_by_list_length_needs_three_lengths(comparison):
    assert [plot.title for plot in cutoff_plots(comparison)] == ["Recall by list length"]


def test_list_lengths_join_behind_what_was_asked_for():
    metrics = with_list_lengths(("map@10", "ndcg@10"))

    assert metrics[:2] == ("map@10", "ndcg@10")
    assert set(metrics[2:]) == {f"ndcg@{k}" for k in (1, 5, 20, 50, 100)}


def test_the_long_tail_says_how_few_items_hold_half(compared):
    plot = tail_plot(compared(popularity_curve=(100, *[1] * 100)))

    assert plot is not None
    assert "0% of the items" in plot.svg
    assert tail_plot(compared(popularity_curve=())) is None


def test_all_values_equal_can_be_drawn(compared, run):
    same = run("ease", 0.2)
    twins = compared((same, run("twin", 0.2, evaluation=same.evaluation, fit_seconds=same.fit_seconds)))

    for plot in (interval_plot(twins), cost_plot(twins), spread_plot(twins)):
        assert plot is not None
        assert "nan" not in plot.svg
