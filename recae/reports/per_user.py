"""Every user's values as a table, and the table as evaluations again: what a report can be drawn from anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError
from recae.evaluation.metrics import parse_metrics
from recae.evaluation.rating_metrics import OF_RATINGS, RatingErrors
from recae.evaluation.result import Evaluation

MODEL, SPLIT = "model", "split"
ERRORS = {"squared_errors": "squared", "absolute_errors": "absolute", "ratings_judged": "count"}
"""Columns with the sums behind a user's RMSE and MAE -> their names in `RatingErrors`."""
_KNOWN = ("users", "per_user", "overall", "seconds", "rating_errors")


def user_column(name: str) -> str:
    """What the column of users is called: as in the input, where that is not the name of another column."""
    try:
        parse_metrics([name])
    except ConfigError:
        return f"{name}_id" if name in (MODEL, SPLIT, *ERRORS) else name
    return f"{name}_id"


def values_table(evaluation: Evaluation, users: str, model: str, split: int) -> pa.Table:
    """One row per user: model, split (from 1), the user, the value of each metric, and the sums behind RMSE and MAE."""
    table = evaluation.to_arrow(user_column(users))
    if evaluation.rating_errors is not None:
        for column, name in ERRORS.items():
            table = table.append_column(column, pa.array(getattr(evaluation.rating_errors, name)))
    table = table.add_column(0, SPLIT, pa.array(np.full(len(table), split, dtype=np.int32)))
    return table.add_column(0, MODEL, pa.array([model] * len(table), pa.string()))


def evaluation_of(
    table: pa.Table, metrics: tuple[str, ...], overall: Mapping[str, float], **more: Any
) -> Evaluation:  # fmt: skip
    """The evaluation of one model on one split, from its rows in the order in which they were written.

    `metrics` have values per user, `overall` has the others; `more` are further fields of `Evaluation`.

    Raises:
        ValueError: a column is missing or holds something else than numbers, or users occur twice.
    """
    names = [name for name in table.column_names if name not in (MODEL, SPLIT)]
    if not names or not len(table):
        raise ValueError("there are no users")
    try:
        users = IdIndex.of(table[names[0]].combine_chunks())
    except DataError as error:
        raise ValueError(str(error)) from error
    errors = None
    if set(ERRORS) <= set(table.column_names) and table[next(iter(ERRORS))].null_count == 0:
        errors = RatingErrors(**{name: _numbers(table, column) for column, name in ERRORS.items()})
    per_user = {name: _numbers(table, name) for name in metrics}
    return Evaluation(users, per_user, dict(overall), rating_errors=errors, **more)


def is_per_user(table: pa.Table, metric: str) -> bool:
    """Whether every user of `table` has a value; errors of ratings are pooled over all ratings all the same."""
    return metric in table.column_names and metric not in OF_RATINGS and not table[metric].null_count


def further_fields(evaluation: Evaluation) -> dict[str, Any]:
    """What an evaluation knows beside its values, by the names of its fields."""
    return {f.name: getattr(evaluation, f.name) for f in dataclasses.fields(evaluation) if f.name not in _KNOWN}


def further_field_names() -> tuple[str, ...]:
    """The fields of `Evaluation` beside its values."""
    return tuple(field.name for field in dataclasses.fields(Evaluation) if field.name not in _KNOWN)


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    if name not in table.column_names or not pa.types.is_floating(table.schema.field(name).type):
        raise ValueError(f"the column {name!r} should hold numbers")
    if table[name].null_count:
        raise ValueError(f"the column {name!r} has gaps")
    return table[name].to_numpy().astype(np.float64)
