"""Dataclasses as JSON objects: written key by field, read back by the types of the fields.

Reading is strict about types and tolerant about keys: a key that no field has is passed over,
and one may be missing whose field has a default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from auditor.report.escape import decodable
from auditor.wording import one_line

LONGEST = 128 * 1024 * 1024
"""Characters of a document that is read."""
_DEEPEST = 50  # levels of a value that no field's type describes
_LARGEST = 2**63 - 1
_WORDS = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


class JsonError(ValueError):
    """The text is not JSON, or JSON of another shape: one line that says where and why."""


def json_text(value: object) -> str:
    """Return a dataclass as one JSON document in ASCII, indented by two."""
    text = json.dumps(value, default=_as_object, indent=2)
    # Inside strings only, so JSON's own escape keeps the value and no CI runner that reads
    # the log takes `##[...` for a command.
    return text.replace("##", "#\\u0023") + "\n"


def parse_json(text: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Return the parsed document; raises `JsonError`."""
    if len(text) > LONGEST:
        raise JsonError(f"longer than {LONGEST:,} characters")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise JsonError("nested too deeply") from error
    except ValueError as error:  # also an integer of thousands of digits
        raise JsonError(f"not JSON: {one_line(str(error))}") from error


def value_of(kind: Any, value: Any, place: str = "") -> Any:  # noqa: ANN401 -- any annotation
    """Return parsed JSON as a value of the type `kind`; `place` is where it stands.

    Knows strings, integers from 0, booleans, enumerations, unions with None, tuples of any
    length, mappings of plain values, and dataclasses of all these. Raises `JsonError`.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else value_of(arguments[0], value, place)
    if origin is tuple:
        items = enumerate(_typed(list, value, place))
        return tuple(value_of(arguments[0], each, f"{place}[{at}]") for at, each in items)
    if origin is Mapping:
        return _plain(_typed(dict, value, place), place)
    if is_dataclass(kind):
        return _dataclass(kind, _typed(dict, value, place), place)
    return _scalar(kind, value, place)


def decodable_copy(value: Any) -> Any:  # noqa: ANN401 -- the same type as the value's
    r"""Return the value with every byte in it that was not UTF-8 escaped, as `\xff`."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return decodable(value)
    if isinstance(value, tuple):
        return tuple(map(decodable_copy, value))
    if not is_dataclass(value):
        return value
    given = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
    kind: Any = type(value)
    return kind(**{name: decodable_copy(each) for name, each in given.items()})


def _as_object(value: Any) -> dict[str, object]:  # noqa: ANN401 -- any dataclass
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


_hints = cache(get_type_hints)


def _dataclass(kind: Any, value: dict[str, Any], place: str) -> Any:  # noqa: ANN401
    hints = _hints(kind)
    given = {}
    for each in fields(kind):
        name = each.name
        if each.init and name in value:
            given[name] = value_of(hints[name], value[name], f"{place}.{name}" if place else name)
        elif each.init and each.default is MISSING:
            raise JsonError(f"{place or 'the document'} has no `{name}`")
    return kind(**given)


def _scalar(kind: Any, value: Any, place: str) -> Any:  # noqa: ANN401
    if issubclass(kind, Enum):
        for member in kind:
            if member.value == value and type(member.value) is type(value):
                return member
        choices = ", ".join(str(each.value) for each in kind)
        raise JsonError(f"{place} must be one of {choices}")
    _typed(kind, value, place)
    if kind is int and not 0 <= value <= _LARGEST:
        raise JsonError(f"{place} must be from 0 to {_LARGEST}")
    return decodable(value) if kind is str else value


def _plain(value: Any, place: str, level: int = 0) -> Any:  # noqa: ANN401
    """Return any JSON value with its strings decodable."""
    if level > _DEEPEST:
        raise JsonError(f"{place} is nested too deeply")
    if isinstance(value, dict):
        return {decodable(key): _plain(each, place, level + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, place, level + 1) for each in value]
    return decodable(value) if isinstance(value, str) else value


def _typed(kind: type, value: Any, place: str) -> Any:  # noqa: ANN401
    if type(value) is not kind:
        raise JsonError(f"{place or 'the document'} must be {_WORDS[kind]}")
    return value
