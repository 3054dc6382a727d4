"""Where models work: the slices of several models side by side, and who leads where in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recae.counted import counted
from recae.evaluation.slices import LEAST_USERS, Estimate, Slice, SliceGroup
from recae.reports.comparison import Comparison
from recae.reports.wording import DASH, lower_is_better, metric_label, score

TITLES = {"history": "By history length", "popularity": "By item popularity", "time": "By time of last activity"}
MOST_NAMED = 3
"""Groups in which another model is ahead that are named one by one."""


@dataclass(frozen=True)
class SliceRow:
    """One group; untrusted label."""

    label: str
    users: int
    targets: int
    certain: bool
    values: dict[str, Estimate]
    """Model -> its figure; without the models that have none."""


@dataclass(frozen=True)
class SliceTable:
    """One slice of several models by one metric; the first row is everything."""

    title: str
    definition: str
    of: str
    """"users" or "targets"."""
    metric: str
    models: tuple[str, ...]
    """In the order of the columns."""
    rows: tuple[SliceRow, ...]

    def leader(self, row: SliceRow) -> str | None:
        """The model with the best figure of a row; None where it is one among one, or shared."""
        if len(self.models) < 2 or not row.values:
            return None
        values = {model: one.value for model, one in row.values.items()}
        best = (min if lower_is_better(self.metric) else max)(values.values())
        leading = [model for model, value in values.items() if value == best]
        return leading[0] if len(leading) == 1 else None

    def counted(self, row: SliceRow) -> str:
        """`"25 users"`, or `"667 targets"` where items are in groups, and whether they are too few."""
        count = counted(row.users, "user") if self.of == "users" else counted(row.targets, "target")
        few = "" if row.certain else f", uncertain (fewer than {LEAST_USERS} users)"
        return count + few


def slice_tables(slices: Mapping[str, Sequence[Slice]], metrics: Sequence[str]) -> tuple[SliceTable, ...]:
    """The slices of the models side by side, each by the first of `metrics` that it has, or by the targets found.

    `slices` names the models in the order of the columns; groups are those of the first model that has the slice.
    """
    by_name: dict[str, dict[str, Slice]] = {}
    for model, own in slices.items():
        for one in own:
            by_name.setdefault(one.name, {})[model] = one
    found = (_table(name, of_models, metrics) for name, of_models in by_name.items())
    return tuple(table for table in found if table is not None)


def tables_of(comparison: Comparison) -> tuple[SliceTable, ...]:
    """The slices of a comparison, models best first."""
    return slice_tables({run.name: run.evaluation.slices for run in comparison.leaderboard()}, comparison.metrics)


def leaders(table: SliceTable, name: Callable[[str], str] = str) -> str:
    """Who leads where, in a sentence; empty for one model.

    `"ease leads in every group."`, `"ease leads over all; item-knn leads clearly for 1-12 items (0.3120 against
    0.2390); in 2 groups another model is ahead, but the intervals overlap."` Groups of few users do not count.
    """
    everything, groups = table.rows[0], [row for row in table.rows[1:] if row.certain]
    first = table.leader(everything)
    if first is None or not groups:
        return ""
    others = [(row, leader) for row in groups if (leader := table.leader(row)) not in (first, None)]
    if not others:
        every = all(table.leader(row) == first for row in groups)
        return (
            f"{name(first)} leads in every group."
            if every
            else f"{name(first)} leads, in some groups level with others."
        )
    clear = [(row, leader) for row, leader in others if leader is not None and _clearly(row, leader, first)]
    told = [
        f"{name(leader)} leads clearly for {row.label} ({_against(row, leader, first)})"
        for row, leader in clear[:MOST_NAMED]
    ]
    if len(clear) > MOST_NAMED:
        told.append(f"other models lead clearly in {counted(len(clear) - MOST_NAMED, 'more group')}")
    if unclear := len(others) - len(clear):
        told.append(f"in {counted(unclear, 'group')} another model is ahead, but the intervals overlap")
    return f"{name(first)} leads over all; {'; '.join(told)}."


def _against(row: SliceRow, leader: str, first: str) -> str:
    return " against ".join(score(row.values[model].value) for model in (leader, first))


def _clearly(row: SliceRow, leader: str, first: str) -> bool:
    """Whether the intervals do not even overlap: more than it takes, for the same users are behind both."""
    return first in row.values and _apart(row.values[leader], row.values[first])


def _apart(one: Estimate, other: Estimate) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low > other.high or other.low > one.high


def span(estimate: Estimate) -> str:
    """The interval, shorter than the figures: `"0.312-0.345"` with a dash; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.3f}{DASH}{estimate.high:.3f}"


def note(table: SliceTable) -> str:
    """What the figures of a slice are."""
    if table.of == "targets":
        return f"{metric_label(table.metric)}: of all hidden items in the group, the share that is in its user's list."
    return f"Mean {metric_label(table.metric)} over the users of the group."


def _table(name: str, of_models: Mapping[str, Slice], metrics: Sequence[str]) -> SliceTable | None:
    one = next(iter(of_models.values()))
    known = {metric for part in of_models.values() for group in part.groups for metric in group.values}
    wanted = metrics if one.of == "users" else sorted(known)
    metric = next((metric for metric in wanted if metric in known), None)
    if metric is None:
        return None
    rows = tuple(_row(group, of_models, metric) for group in one.groups)
    title = TITLES.get(name, f"By {name}")
    return SliceTable(title, one.definition, one.of, metric, tuple(of_models), rows)


def _row(group: SliceGroup, of_models: Mapping[str, Slice], metric: str) -> SliceRow:
    values = {}
    for model, part in of_models.items():
        own = next((other for other in part.groups if other.label == group.label), None)
        if own is not None and metric in own.values:
            values[model] = own.values[metric]
    return SliceRow(group.label, group.users, group.targets, group.certain, values)
