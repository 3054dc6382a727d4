"""Names of metrics: what is understood, and what is refused in a sentence that helps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recae.errors import ConfigError
from recae.evaluation.metrics import (
    DEFAULT_METRICS,
    FURTHER,
    LOWER_IS_BETTER,
    NO_DIRECTION,
    WITHOUT_CUTOFF,
    Metric,
    definition,
    metric_names,
    parse_metrics,
)
from recae.evaluation.ranking_metrics import OF_ALL_LISTS, OF_EACH_LIST
from recae.evaluation.rating_metrics import OF_RATINGS


def test_names_become_metrics_in_their_order() -> None:
    assert parse_metrics(["ndcg@10", "rmse", "coverage@5"]) == [
        Metric("ndcg", 10),
        Metric("rmse"),
        Metric("coverage", 5),
    ]


def test_the_greatest_cutoff_is_a_million() -> None:
    assert parse_metrics(["ndcg@1000000"]) == [Metric("ndcg", 1_000_000)]
    with pytest.raises(ConfigError, match="from 1 to 1000000"):
        parse_metrics(["ndcg@1000001"])


def test_spelling_does_not_matter_and_repeats_are_dropped() -> None:
    assert [str(metric) for metric in parse_metrics([" NDCG@10 ", "ndcg@10", "ndcg@010"])] == ["ndcg@10"]


def test_the_defaults_are_metrics_and_a_ranking_metric_selects() -> None:
    first = parse_metrics(DEFAULT_METRICS)[0]
    assert str(first) == "ndcg@10"
    assert not first.lower_is_better


def test_errors_are_better_when_lower() -> None:
    assert [metric.lower_is_better for metric in parse_metrics(["rmse", "mae", "ndcg@1"])] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ndgc@10", r"did you mean ndcg@10\?"),
        ("recal@20", r"did you mean recall@20\? The metrics are auc, coverage, entropy"),
        ("recal", r"did you mean recall@10\?"),
        ("hr@5", r"did you mean hit@5\?"),
        ("rsme", r"did you mean rmse\?"),
        ("quality@10", "the metrics are auc, coverage, entropy"),
        ("", "There is no metric ''"),
        ("@10", "There is no metric '@10'"),
        ("ndcg", "needs a cut-off, e.g. ndcg@10"),
        ("ndcg@", "whole number from 1"),
        ("ndcg@0", "whole number from 1"),
        ("ndcg@-5", "whole number from 1"),
        ("ndcg@ten", "whole number from 1"),
        ("ndcg@1.5", "whole number from 1"),
        ("ndcg@10@20", "whole number from 1"),
        ("ndcg@99999999", "whole number from 1"),
        ("ndcg@²", "whole number from 1"),
        ("rmse@10", "takes no cut-off"),
        ("auc@10", "takes no cut-off"),
        ("rprecision@10", "takes no cut-off"),
        ("diversity@10", r"did you mean ild@10\?"),
        ("rprec@10", r"did you mean rprecision\?"),
    ],
)
def test_names_that_cannot_be_meant_are_refused(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_metrics(["recall@20", name])


def test_no_metric_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one metric"):
        parse_metrics([])


def test_every_metric_says_what_it_is_with_formula_and_source() -> None:
    assert list(metric_names()) == [*OF_EACH_LIST, *OF_ALL_LISTS, *OF_RATINGS, *FURTHER]
    for name, function in (OF_EACH_LIST | OF_ALL_LISTS | OF_RATINGS).items():
        formula = name if name in OF_RATINGS else f"{name}@K"
        assert metric_names()[name].endswith((".", ":"))
        assert f"{formula} = " in (function.__doc__ or "")
        assert any(
            year in (function.__doc__ or "") for year in ("1999", "2002", "2004", "2008", "2010", "2015", "2018")
        )


def test_every_further_metric_says_what_it_is_with_formula_and_source() -> None:
    for name, function in FURTHER.items():
        said = definition(function)
        formula = name if name in WITHOUT_CUTOFF else "rbpP@K" if name.startswith("rbp") else f"{name}@K"
        assert formula in said
        assert re.search(r"\b(19|20)\d\d\b", said)
        assert said.partition("\n")[0].endswith(".")
        assert len(said.partition("\n")[0]) <= 120


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name in metric_names():
        assert f"| `{name if name in (*OF_RATINGS, *WITHOUT_CUTOFF) else f'{name}@K'}` |" in page


def test_a_metric_is_described_by_one_line() -> None:
    assert metric_names()["recall"] == "Hits among the first K, divided by R."
    assert not any("\n" in line for line in metric_names().values())


def test_metrics_say_what_they_need_and_to_whom_they_belong() -> None:
    metrics = [Metric(name, None if name in (*OF_RATINGS, *WITHOUT_CUTOFF) else 5) for name in metric_names()]
    features = ["ild", "unexpectedness", "serendipity", "miscalibration"]
    assert [metric.name for metric in metrics if metric.needs_features] == features
    overall = ["coverage", "rmse", "mae", "popularity-lift", "gini", "entropy", "personalisation"]
    assert [metric.name for metric in metrics if metric.overall] == [*overall, "ndcg-gap", "recall-gap", "hit-gap"]
    counts = ["novelty", "psp", "npsp", "popularity", "popularity-lift"]
    assert [metric.name for metric in metrics if metric.needs_counts] == counts
    assert [metric.name for metric in metrics if metric.needs_scores] == ["auc"]


def test_metrics_say_which_side_is_better() -> None:
    lower = [str(m) for m in parse_metrics(["miscalibration@5", "ndcg-gap@5", "rmse", "auc"]) if m.lower_is_better]
    assert lower == ["miscalibration@5", "ndcg-gap@5", "rmse"]
    assert not NO_DIRECTION & LOWER_IS_BETTER
