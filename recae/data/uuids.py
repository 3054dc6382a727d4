"""UUIDs as Arrow's own type, also by releases of Arrow that do not make it of Python's UUIDs (before 24)."""

from __future__ import annotations

import uuid
from collections.abc import Sized
from typing import Any

import pandas as pd
import pyarrow as pa


def as_uuids(values: Any) -> pa.Array | None:
    """Python's UUIDs, None and NaN and the like among them, as an Arrow array; None where `values` are something else.

    >>> as_uuids([uuid.UUID(int=7), None]).type
    UuidType(extension<arrow.uuid>)
    """
    if not isinstance(values, Sized):  # what was read once is gone
        return None
    stored: list[bytes | None] = []
    for value in values:  # type: ignore[attr-defined] # tables' columns have no common type
        if isinstance(value, uuid.UUID):
            stored.append(value.bytes)
        elif is_missing(value):
            stored.append(None)
        else:
            return None
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(stored, pa.binary(16)))


def is_missing(value: Any) -> bool:
    """Whether it stands for no value: None, NaN, or pandas' NA and NaT."""
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))
