"""YAML, TOML, JSON and JSONL: text -> plain values with their lines."""

import json as _json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from evalsuite.errors import EvalsuiteError, TaskError
from evalsuite.parse.document import Document, Where, dotted, lines, place, read

# --- YAML --------------------------------------------------------------------------------

_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_DEEPEST = 100  # lists and mappings inside one another
_DIGITS = 400
_RESOLVERS = (  # the YAML 1.2 core schema in its JSON part; PyYAML's own is YAML 1.1
    (_NULL, r"(?:~|null|Null|NULL|)$", "~nN\0"),
    (_BOOL, r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    (_INT, r"[-+]?(?:0|[1-9][0-9_]*)$", "-+0123456789"),
    (
        _FLOAT,
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
)


@cache
def _yaml_loader() -> Any:  # noqa: ANN401  (PyYAML's C loader has no useful type)
    """Make the loader class: C where PyYAML has it, with our resolvers only."""
    import yaml

    parent = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("_Loader", (parent,), {"yaml_implicit_resolvers": {}})
    for tag, pattern, first in _RESOLVERS:
        starts = ["" if letter == "\0" else letter for letter in first]
        loader.add_implicit_resolver(tag, re.compile(pattern), starts)
    return loader


class _YamlReader:
    """One walk over a node tree: values, key lines and text lines."""

    def __init__(self, path: Path, error: type[EvalsuiteError]) -> None:
        self.path, self.error = path, error
        self.lines: dict[Where, int] = {(): 1}
        self.texts: dict[Where, int] = {}
        self._open: set[int] = set()  # nodes being read: an alias to one of them has no end

    def wrong(self, node: Any, message: str) -> EvalsuiteError:  # noqa: ANN401
        return self.error(f"{place(self.path, node.start_mark.line + 1)}: {message}")

    def value(self, node: Any, where: Where) -> Any:  # noqa: ANN401
        if node.id == "scalar":
            return self._scalar(node, where)
        if id(node) in self._open:
            raise self.wrong(node, f"{dotted(where)} contains itself")
        if len(self._open) == _DEEPEST:
            raise self.wrong(node, f"nested more than {_DEEPEST} deep")
        self._open.add(id(node))
        found = self._sequence(node, where) if node.id == "sequence" else self._map(node, where)
        self._open.discard(id(node))
        return found

    def _scalar(self, node: Any, where: Where) -> Any:  # noqa: ANN401
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return node.value.lower() == "true"
        if node.tag == _INT:
            if len(node.value) > _DIGITS:
                raise self.wrong(node, f"{dotted(where)}: a number of {len(node.value)} digits")
            return int(node.value.replace("_", ""))
        if node.tag == _FLOAT:
            return float(node.value)
        self.texts[where] = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
        return node.value

    def _sequence(self, node: Any, where: Where) -> list[Any]:  # noqa: ANN401
        for index, item in enumerate(node.value):
            self.lines[(*where, index)] = item.start_mark.line + 1
        return [self.value(item, (*where, index)) for index, item in enumerate(node.value)]

    def _map(self, node: Any, where: Where) -> dict[str, Any]:  # noqa: ANN401
        found: dict[str, Any] = {}
        for key, item in node.value:
            if key.id != "scalar":
                raise self.wrong(key, "a key must be text")
            name = key.value
            if name in found:
                first = self.lines[(*where, name)]
                raise self.wrong(key, f"'{name}' is given twice (first on line {first})")
            self.lines[(*where, name)] = key.start_mark.line + 1
            found[name] = self.value(item, (*where, name))
        return found


def yaml(path: Path, *, error: type[EvalsuiteError] = TaskError) -> Document:
    """Read a YAML file of one document.

    Raises:
        EvalsuiteError: of class `error`: unreadable, not YAML, a key given twice; line named.
    """
    return yaml_text(read(path, error), path, error=error)


def yaml_text(text: str, path: Path, *, error: type[EvalsuiteError] = TaskError) -> Document:
    """Read YAML text; `path` is only named in errors.

    Raises:
        EvalsuiteError: as for `yaml`.
    """
    import yaml as _yaml

    try:
        node = _yaml.compose(text, Loader=_yaml_loader())
    except _yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        problem = failure.problem or "it cannot be read"
        # At the text's end libyaml points past it.
        line = min(mark.line + 1, len(text.splitlines())) if mark else None
        hint = " (text with ': ' in it needs quotes)" if "mapping values" in problem else ""
        raise error(f"{place(path, line)}: not YAML: {problem}{hint}") from None
    except _yaml.reader.ReaderError as failure:
        line = text.count("\n", 0, failure.position) + 1
        raise error(f"{place(path, line)}: not YAML: {failure.reason}") from None
    reader = _YamlReader(path, error)
    value = None if node is None else reader.value(node, ())
    return Document(path=path, value=value, lines=reader.lines, texts=reader.texts, error=error)


# --- TOML, JSON, JSONL -------------------------------------------------------------------

_TOML_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_TOML_KEYS = rf"{_TOML_KEY}(?:\s*\.\s*{_TOML_KEY})*"
_TOML_LINE = (
    rf"\s*(?:\[\[\s*(?P<array>{_TOML_KEYS})\s*\]\]|\[\s*(?P<table>{_TOML_KEYS})\s*\]"
    rf"|(?P<key>{_TOML_KEYS})\s*=(?P<rest>.*))"
)


def _toml_keys(text: str) -> Where:
    """Split a dotted TOML key, quotes taken off."""
    import tomllib

    parts = re.findall(_TOML_KEY, text)
    return tuple(next(iter(tomllib.loads(f"{part} = 0"))) for part in parts)


def _toml_code(text: str) -> Iterator[tuple[int, str]]:
    """Lines that do not begin inside a multi-line string, numbered from 1."""
    closing = ""  # the quotes that end the string we are in
    for number, line in enumerate(text.split("\n"), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        yield number, line
        opened = re.search(r"\"\"\"|'''", line)
        if opened and line.count(opened.group()) % 2:
            closing = opened.group()


def _toml_lines(text: str) -> dict[Where, int]:
    """Line of every table and key."""
    lines: dict[Where, int] = {(): 1}
    table: Where = ()
    counts: dict[Where, int] = {}
    for number, line in _toml_code(text):
        match = re.match(_TOML_LINE, line)
        if match is None:
            continue
        where = _toml_keys(match["array"] or match["table"] or match["key"])
        if match["array"]:
            counts[where] = counts.get(where, -1) + 1
            lines.setdefault(where, number)
            where = (*where, counts[where])
        if match["key"]:
            where = table + where
        else:
            table = where
        for size in range(1, len(where) + 1):
            lines.setdefault(where[:size], number)
    return lines


def toml(path: Path, *, error: type[EvalsuiteError] = TaskError) -> Document:
    """Read a TOML file.

    Raises:
        EvalsuiteError: of class `error`: unreadable, not TOML, a key given twice; line named.
    """
    import tomllib

    text = read(path, error)
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        message = str(failure)
        found = re.search(r" \(at line (\d+), column \d+\)", message)
        line = int(found[1]) if found else max(1, len(text.splitlines()))
        said = message.replace(found[0], "") if found else message
        raise error(f"{place(path, line)}: not TOML: {said}") from None
    return Document(path=path, value=value, lines=_toml_lines(text), error=error)


def json(path: Path, *, error: type[EvalsuiteError] = TaskError) -> Document:
    """Read a JSON file; NaN, Infinity and keys given twice are refused.

    Raises:
        EvalsuiteError: of class `error`: unreadable or not JSON; line named.
    """
    text = read(path, error)
    value = json_text(text, path, error=error)
    try:  # JSON is YAML but for tabs and a few escapes; without lines the file is still named
        lines = dict(yaml_text(text, path, error=error).lines)
    except EvalsuiteError:
        lines = {}
    return Document(path=path, value=value, lines=lines, error=error)


def jsonl(path: Path, *, error: type[EvalsuiteError] = TaskError) -> Iterator[tuple[int, Any]]:
    """Yield `(line number from 1, value)` for every line that is not blank.

    Raises:
        EvalsuiteError: of class `error`: unreadable, or a line is not JSON; line named.
    """
    # Not splitlines(): JSON text may hold U+2028 and U+0085 unescaped inside a string.
    for number, line in enumerate(lines(path, error), start=1):
        if line.strip():
            yield number, json_text(line, path, line=number, error=error)


def json_text(
    text: str,
    path: Path,
    *,
    line: int | None = None,
    error: type[EvalsuiteError] = TaskError,
) -> Any:  # noqa: ANN401
    """Load JSON text; `path` and `line` (of a JSONL file; None: the text's own) are for errors.

    Raises:
        EvalsuiteError: of class `error`: not JSON, NaN or Infinity, or a key given twice.
    """
    try:
        return _DECODER.decode(text)
    except _json.JSONDecodeError as failure:
        raise error(f"{place(path, line or failure.lineno)}: not JSON: {failure.msg}") from None
    except ValueError as failure:
        raise error(f"{place(path, line)}: not JSON: {failure}") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"'{twice}' is given twice")
    return found


def _constant(name: str) -> Any:  # noqa: ANN401
    raise ValueError(f"{name} is no JSON number")


# Made once: `json.loads` makes one for every text, which takes as long as to read a short row.
_DECODER = _json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
