"""Nouns as plain JSON data, as the journal and the files of a run hold them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from typing import Any

from evalsuite.types import JSON

_PLAIN = frozenset((str, int, float, bool, type(None)))
_Fields = tuple[list[str], list[Any], Callable[[Any], Sequence[Any]]]
_FIELDS: dict[type, _Fields] = {}


def pack(value: Any) -> JSON:  # noqa: ANN401 - any noun, or JSON data already
    """A dataclass as plain JSON data, fields at their default left out, recursively."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    known = _FIELDS.get(kind)
    if known is not None:
        names, defaults, get = known
        return {
            name: item if type(item) in _PLAIN else pack(item)
            for name, default, item in zip(names, defaults, get(value), strict=True)
            if item is not default  # most defaults are None, with which comparing takes long
            and (default is None or default is MISSING or item != default)
        }
    if kind is tuple or isinstance(value, list | tuple):
        return [item if type(item) in _PLAIN else pack(item) for item in value]
    if kind is dict or isinstance(value, Mapping):
        return {k: v if type(v) in _PLAIN else pack(v) for k, v in value.items()}
    if is_dataclass(value):
        _FIELDS[kind] = _fields(kind)
        return pack(value)
    return value


def _fields(kind: type) -> _Fields:
    """Names and defaults of a noun's fields, and what reads them all at once."""
    names = [item.name for item in fields(kind)]
    if len(names) == 1:  # of one name attrgetter gives no tuple
        return names, [fields(kind)[0].default], lambda noun: (getattr(noun, names[0]),)
    return names, [item.default for item in fields(kind)], attrgetter(*names)
