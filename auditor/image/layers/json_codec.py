"""JSON in the shape of our own types: what was written by a program that may be another one.

`converter` checks while it builds, so that nothing of another shape ever reaches a stage.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Converter = Callable[[Any], Any]

T = TypeVar("T")


@cache
def converter(kind: Any) -> Converter:  # noqa: ANN401 - any annotation
    """Return what turns parsed JSON into a value of the type `kind`.

    Knows strings, integers, booleans, None, enumerations, unions of them, lists, sets, tuples
    of any length, dictionaries with integers as keys, named tuples and dataclasses (both written as
    lists). The converter raises `ValueError` where the JSON has another shape.
    """
    if kind in {str, int, bool, NoneType}:
        return partial(_instance, kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return partial(_first_fit, [converter(one) for one in arguments])
    if origin in {list, tuple, set}:
        item = converter(arguments[0])
        return lambda value: origin(map(item, _instance(list, value)))
    if origin is dict:
        item = converter(arguments[1])
        return lambda value: {int(key): item(one) for key, one in _instance(dict, value).items()}
    if issubclass(kind, Enum):
        member: Converter = kind
        return member
    if issubclass(kind, tuple) or is_dataclass(kind):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)] if is_dataclass(kind) else kind._fields
        return partial(_record, kind, [converter(hints[name]) for name in names])
    raise TypeError(kind)


def as_list(value: object) -> list[object]:
    """Return a dataclass or a set as a list, for `json.dumps(default=as_list)`."""
    if isinstance(value, set):
        return sorted(value)
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    raise TypeError(value)


def _instance(kind: type[T], value: object) -> T:
    if type(value) is not kind:
        raise ValueError(value)
    return value


def _first_fit(choices: Sequence[Converter], value: object) -> object:
    for choice in choices:
        try:
            return choice(value)
        except ValueError:
            continue
    raise ValueError(value)


def _record(kind: Callable[..., object], items: Sequence[Converter], value: Any) -> object:  # noqa: ANN401
    if type(value) is not list or len(value) != len(items):
        raise ValueError(value)
    return kind(*[item(one) for item, one in zip(items, value, strict=True)])
