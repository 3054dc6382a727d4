"""Plain values from JSON as what they were: frozen dataclasses, tuples and mappings, by their annotations."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_PLAIN = {str: "text", int: "a whole number", bool: "true or false"}


def restored(kind: Any, value: Any, where: str = "it") -> Any:
    """`value` as an instance of `kind`: what `dataclasses.asdict` and JSON made of it, the other way.

    null stands for NaN where a number is wanted. Keys that `kind` does not have are left out, and fields that `value`
    does not have take their defaults, so that neither an older nor a newer file of one version is refused.

    Raises:
        ValueError: something else stands there; the sentence names the place.
    """
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return restored_fields(kind, value, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, where)
    if origin is Literal:
        return value if value in inner else _refuse(where, f"one of {', '.join(map(str, inner))}")
    if origin is tuple:
        return _tuple(inner, value, where)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            _refuse(where, "an object")
        return {
            (int(key) if inner[0] is int else key): restored(inner[1], one, f"{where}.{key}")
            for key, one in value.items()
        }
    if kind is float:
        return float("nan") if value is None else _number(value, where)
    return _checked(value, (kind,), where, _PLAIN[kind])


def restored_fields(kind: type, value: Any, where: str, **given: Any) -> Any:
    """An instance of the dataclass `kind` from the object `value`; `given` fields are taken as they are.

    Raises:
        ValueError: a field is missing or wrong.
    """
    if not isinstance(value, dict):
        _refuse(where, "an object")
    hints, fields = get_type_hints(kind), [field for field in dataclasses.fields(kind) if field.init]
    found = {
        field.name: restored(hints[field.name], value[field.name], f"{where}.{field.name}")
        for field in fields
        if field.name in value and field.name not in given
    } | given
    needed = [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]
    if missing := [name for name in needed if name not in found]:
        raise ValueError(f"{where} has no {missing[0]}")
    return kind(**found)


def _tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _refuse(where, "a list")
    kinds = (inner[0],) * len(value) if len(inner) == 2 and inner[1] is Ellipsis else inner
    if len(kinds) != len(value):
        _refuse(where, f"a list of {len(kinds)}")
    return tuple(restored(kind, one, f"{where}[{at}]") for at, (kind, one) in enumerate(zip(kinds, value, strict=True)))


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return restored(kind, value, where)
        except ValueError:
            continue
    return restored(others[-1], value, where)


def _number(value: Any, where: str) -> float:
    try:
        return float(_checked(value, (int, float), where, "a number"))
    except OverflowError:
        return float(_refuse(where, "a number of 64 bits"))


def _checked(value: Any, kinds: tuple[type, ...], where: str, wanted: str) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        _refuse(where, wanted)
    return value


def _refuse(where: str, wanted: str) -> Any:
    raise ValueError(f"{where} should be {wanted}")
