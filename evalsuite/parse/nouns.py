"""A document -> a frozen dataclass, through pydantic; its errors in the file's own words."""

import json as _json
from collections import abc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from evalsuite.errors import EvalsuiteError, nearest
from evalsuite.parse.document import Document, Where, dotted

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

# pydantic's error types -> what a person would call the thing that was expected.
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "dataclass_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "path_type": "a path",
    "none_required": "null",
}
_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
_MISSING_KEY = {"missing", "missing_argument", "missing_keyword_only_argument"}


_ADAPTERS: dict[type, "TypeAdapter[Any]"] = {}  # building one takes milliseconds


def _adapter(kind: type) -> "TypeAdapter[Any]":
    from pydantic import ConfigDict, TypeAdapter

    # A dataclass takes no configuration from its own adapter, but from one around it.
    if kind not in _ADAPTERS:
        config = ConfigDict(extra="forbid", strict=True)
        around: Any = tuple.__class_getitem__(kind)
        _ADAPTERS[kind] = TypeAdapter(around, config=config)
    return _ADAPTERS[kind]


def noun(
    document: Document,
    kind: type[T],
    *,
    given: Mapping[str, Any] | None = None,
    aliases: Mapping[Where, str] | None = None,
) -> T:
    """Validate a document's mapping into a frozen dataclass.

    Args:
        document: what was read.
        kind: a dataclass, nested as deep as needed; unknown keys are refused at every level.
        given: top-level fields that the file may not set (its name, its path) and their values.
        aliases: place in the file -> field of the noun: `{("fewshot", "as"): "shape"}`.

    Raises:
        EvalsuiteError: of the document's class: `file:line: ` and the first thing wrong.
    """
    given, aliases = dict(given or {}), dict(aliases or {})
    if not isinstance(document.value, dict):
        raise document.wrong((), f"expected a mapping, found {_found(document.value)}")
    for key in document.value:
        if key in given:
            known = _known(kind, (), aliases) - set(given)
            raise document.wrong((key,), f"unknown key '{key}'.{nearest(key, known)}")
    _check_aliases(document, kind, aliases)
    whole = _renamed(document.value, aliases) | given
    try:
        built: T = _built(kind, whole)
    except _Unclear:  # then pydantic decides, and says what is wrong
        return _validated(document, kind, whole, (aliases, given))
    return built


class _Unclear(Exception):
    """A value that is not plainly what a field takes."""


def _built(hint: Any, value: Any) -> Any:  # noqa: ANN401
    """What pydantic would make of a value, where that is beyond doubt.

    Files are nearly always right, and importing pydantic and building its validators takes
    0.1 s, a tenth of a whole run.

    Raises:
        _Unclear: anything else.
    """
    origin, arms = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _first_built(arms, value)
    if _is_plain(hint, value):
        return value
    if hint is float and type(value) is int:
        return float(value)
    if is_dataclass(hint) and type(value) is dict:
        return _built_noun(hint, value)
    if origin is tuple and type(value) in (list, tuple) and arms[1:] == (...,):
        return tuple(_built(arms[0], item) for item in value)
    if origin is abc.Mapping and type(value) is dict and all(type(key) is str for key in value):
        return {key: _built(arms[1], item) for key, item in value.items()}
    raise _Unclear


def _is_plain(hint: Any, value: Any) -> bool:  # noqa: ANN401
    """Whether a value is taken as it is."""
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if hint is Path:
        return isinstance(value, Path)
    return hint is Any or (hint in (str, int, float, bool, NoneType) and type(value) is hint)


def _first_built(arms: Sequence[Any], value: Any) -> Any:  # noqa: ANN401
    """The value as the only arm of a union that plainly takes it.

    Raises:
        _Unclear: none does, or more than one.
    """
    found = []
    for arm in arms:
        with suppress(_Unclear):
            found.append(_built(arm, value))
    if len(found) != 1:
        raise _Unclear
    return found[0]


def _built_noun(kind: Any, value: dict[str, Any]) -> Any:  # noqa: ANN401
    hints = _hints(kind)
    if not value.keys() <= hints.keys():
        raise _Unclear
    made = {key: _built(hints[key], item) for key, item in value.items()}
    try:
        return kind(**made)
    except TypeError:  # a field without a default is missing
        raise _Unclear from None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _validated(
    document: Document,
    kind: type[T],
    whole: Mapping[str, Any],
    names: tuple[Mapping[Where, str], Mapping[str, Any]],
) -> T:
    """Validate by pydantic; its errors in the file's own words."""
    from pydantic import ValidationError

    aliases, given = names
    # JSON mode is strict about types and still reads a list as a tuple, text as a path.
    text = _json.dumps([whole], default=str)
    try:
        checked: T = _adapter(kind).validate_json(text)[0]
    except ValidationError as failure:
        raise _explained(document, kind, failure.errors(), aliases, given) from None
    return checked


def _renamed(value: dict[str, Any], aliases: Mapping[Where, str]) -> dict[str, Any]:
    """Copy a document's mapping with the file's keys replaced by the fields' names."""
    found = dict(value)
    for where, name in aliases.items():
        if len(where) == 1 and where[0] in found:
            found[name] = found.pop(where[0])
    for head in {where[0] for where in aliases if len(where) > 1}:
        if isinstance(head, str) and isinstance(found.get(head), dict):
            below = {where[1:]: name for where, name in aliases.items() if where[0] == head}
            found[head] = _renamed(found[head], below)
    return found


def _check_aliases(document: Document, kind: type, aliases: Mapping[Where, str]) -> None:
    """Refuse the field's name where the file's key is another one."""
    for where, name in aliases.items():
        around: Any = document.value
        for part in where[:-1]:
            around = around.get(part) if isinstance(around, dict) else None
        if isinstance(around, dict) and name in around:
            wrong = (*where[:-1], name)
            raise document.wrong(wrong, f"unknown key '{name}'. Did you mean '{where[-1]}'?")


def _known(kind: type, where: Where, aliases: Mapping[Where, str]) -> set[str]:
    """Keys that a file may hold at `where`; empty where the noun takes any key."""
    here: Any = kind
    for part in where:
        if isinstance(part, int) or not is_dataclass(here):
            continue
        name = aliases.get((*where[: where.index(part)], part), part)
        hint = get_type_hints(here).get(str(name))
        here = next((arm for arm in (hint, *_arms(hint)) if is_dataclass(arm)), hint)
    if not is_dataclass(here):
        return set()
    back = {name: str(at[-1]) for at, name in aliases.items() if at[:-1] == where}
    return {back.get(item.name, item.name) for item in fields(here)}


def _arms(hint: Any) -> Iterator[Any]:  # noqa: ANN401
    """Types inside `X | None`, `tuple[X, ...]` and the like, all the way down."""
    for arm in get_args(hint):
        yield arm
        yield from _arms(arm)


def _explained(
    document: Document,
    kind: type,
    problems: Sequence[Any],
    aliases: Mapping[Where, str],
    given: Mapping[str, Any],
) -> EvalsuiteError:
    """Turn pydantic's list into one error: the first by line, in the file's own words."""
    back = {(*where[:-1], name): str(where[-1]) for where, name in aliases.items()}
    sorted_out: dict[tuple[Where, str], list[Any]] = {}
    for problem in problems:
        where, rest = _in_file(document.value, problem["loc"][1:], back)
        # An unknown or missing key is named by pydantic's last part, which the file may lack.
        kinds = ("unknown", _UNKNOWN_KEY), ("missing", _MISSING_KEY)
        what = next((name for name, types in kinds if problem["type"] in types), "wrong")
        if what == "missing":
            where = (*where, str(rest[-1]) if rest else "")
        sorted_out.setdefault((where, what), []).append(problem)
    for where, what in list(sorted_out):  # of a union's arms the one that fits further counts
        inner = any(len(w) > len(where) and w[: len(where)] == where for w, _ in sorted_out)
        if what == "wrong" and inner:
            del sorted_out[where, what]
    # A misspelt key is two problems, one unknown and one missing: the first is the helpful one.
    (where, what), first = min(
        sorted_out.items(),
        key=lambda item: (item[0][1] != "unknown", document.line(item[0][0]) or 0),
    )
    if what == "unknown":
        known = _known(kind, where[:-1], aliases) - (set(given) if len(where) == 1 else set())
        inside = f" in {dotted(where[:-1])}" if where[:-1] else ""
        return document.wrong(
            where, f"unknown key '{where[-1]}'{inside}.{nearest(str(where[-1]), known)}"
        )
    if what == "missing":
        inside = f" in {dotted(where[:-1])}" if where[:-1] else ""
        return document.wrong(where[:-1], f"missing key '{where[-1]}'{inside}")
    expected = " or ".join(dict.fromkeys(_expectation(problem) for problem in first))
    found = _found(_at(document.value, where))
    return document.wrong(where, f"{dotted(where)}: expected {expected}, found {found}")


def _in_file(
    value: Any,  # noqa: ANN401
    loc: Sequence[str | int],
    back: Mapping[Where, str],
) -> tuple[Where, list[str | int]]:
    """Split pydantic's location into the place in the file and what the file lacks of it.

    Parts that name an arm of a union stand in no file and are left out.
    """
    where: Where = ()
    rest: list[str | int] = []
    for part in loc:
        key = back.get((*where, part), part)
        inside = isinstance(value, dict) and key in value
        listed = isinstance(value, list) and isinstance(key, int) and key < len(value)
        if inside or listed:
            where, value, rest = (*where, key), value[key], []
        else:
            rest.append(key)
    return where, rest


def _at(value: Any, where: Where) -> Any:  # noqa: ANN401
    for part in where:
        value = value[part]
    return value


def _expectation(problem: Any) -> str:  # noqa: ANN401
    """What should have stood there, in words."""
    if problem["type"] == "literal_error":
        return str(problem["ctx"]["expected"])
    said = str(problem["msg"]).removeprefix("Input should be ")
    return _EXPECTED.get(problem["type"], said)


def _found(value: Any) -> str:  # noqa: ANN401
    """Name a value shortly: its kind and how it begins."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return f"a mapping with {', '.join(sorted(value)[:3]) or 'no keys'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = _json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
