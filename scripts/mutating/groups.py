"""What is mutated, and the tests that have to notice."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import normpath


@dataclass(frozen=True)
class Group:
    """Modules and the test files that are about them; a mutant meets those tests that call its function."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


def _group(name: str, package: str, modules: str, folder: str, tests: str) -> Group:
    return Group(
        name,
        tuple(normpath(f"recae/{package}/{module}.py") for module in modules.split()),
        tuple(f"tests/{folder}/test_{test}.py" for test in tests.split()),
    )


GROUPS = {
    group.name: group
    for group in (
        _group(
            "metrics",
            "evaluation",
            "ranking_metrics further metrics background disparity evaluate exposure feature_metrics found full_ranking "
            "graded judge listed needs popularity_metrics rank_metrics rating_metrics result",
            "evaluation",
            "metrics ranking_metrics further_metrics further_by_formula metric_edges evaluate slices intervals",
        ),
        _group(
            "splits",
            "data",
            "splits strategies protocols split parts validation",
            "data",
            "splits splits_edges splits_validation splits_ready_made split_folder protocols last_seen",
        ),
        _group(
            "ranking",
            "ranking",
            "topk order rules groups rounding lists ../workers recommend products narrow pairs",
            "ranking",
            "candidates topk topk_edges recommend blocks products",
        ),
    )
}
