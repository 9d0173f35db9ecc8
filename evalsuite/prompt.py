"""Templates over a row: jinja2 in a sandbox, where an undefined name is an error with its line.

A template that is exactly one `{{ expression }}` gives the native value (a list stays a list);
anything else gives text. One newline at a template's end is dropped, as jinja2 does: it is the
one that YAML's `prompt: |` puts there, and a prompt that ends in "Answer:" means just that.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evalsuite import parse
from evalsuite.errors import TaskError, nearest
from evalsuite.types import JSON, Message, ToolCall

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

Row = Mapping[str, JSON]
_FILE = "<evalsuite template>"  # names our templates in tracebacks
_NAME = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\n?")
_WORDS = {"true", "false", "none", "and", "or", "not", "in", "is", "if", "else"}  # no names
_MESSAGE_KEYS = {"role", "content", "reasoning", "tool_calls", "tool_call_id"}


class Field(NamedTuple):
    """A template and where it stands, so that an error can say so."""

    text: str
    path: Path
    where: parse.Where  # ("fewshot", "answer")

    def wrong(self, message: str, line: int = 1) -> TaskError:
        """Build the error for line `line` (from 1) of the template."""
        return TaskError(f"{locate(self.path, self.where, line)}: {message}")


def locate(path: Path, where: parse.Where, line: int = 1) -> str:
    """`file:line` of line `line` of the text at `where`, read again from the file.

    Only errors need this, so tasks carry no line numbers around.
    """
    try:
        document = parse.yaml(path)
    except TaskError:
        return parse.place(path)
    for size in range(len(where), 0, -1):
        if where[:size] in document.texts:
            return parse.place(path, document.texts[where[:size]] + line - 1)
        if where[:size] in document.lines:
            return parse.place(path, document.lines[where[:size]])
    return parse.place(path)


# --- rendering ---------------------------------------------------------------------------


def value(field: Field, row: Row) -> JSON:
    """Evaluate a template over a row: its native value where it is one expression, else text.

    Raises:
        TaskError: not a template, a name the row lacks (nearest named), or it fails.
    """
    name = _bare(field.text)
    if name in row:  # a third of all rendering, and a hundredth of the time
        return row[name]
    from jinja2 import Undefined, UndefinedError

    template, native = _compiled(field)
    try:
        if not native:
            return template.render(row)
        context = template.new_context(dict(row))
        for _ in template.root_render_func(context):
            pass
        found = context.vars["result"]
        if isinstance(found, Undefined):
            str(found)  # raises what a use of the name raises
        return list(found) if isinstance(found, Iterator) else found  # map() and its like
    except UndefinedError as failure:
        line = _line(failure, template if native else None)
        raise field.wrong(_undefined(field, str(failure), row), line) from None
    except Exception as failure:
        line = _line(failure, template if native else None)
        said = f"{parse.dotted(field.where)}: the template fails: {type(failure).__name__}"
        raise field.wrong(f"{said}: {failure}", line) from None


def text(field: Field, row: Row) -> str:
    """Evaluate a template over a row to text.

    Raises:
        TaskError: as for `value`, or it is one expression that gives null, a list or a mapping:
            printed into a prompt these are a mistake that nobody sees.
    """
    return _as_text(field, value(field, row))


def _as_text(field: Field, found: JSON) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, bool | int | float):
        return str(found)
    name, kind = parse.dotted(field.where), "null" if found is None else type(found).__name__
    raise field.wrong(f"{name}: expected text, found {kind}")


def structure(field: Field, row: Row) -> JSON:
    """Evaluate a template that stands for a list or a mapping (tools, choices, a schema).

    The field is one expression, or JSON text whose strings are templates themselves (which is
    how a list or mapping written out in YAML arrives here), or a template that renders JSON.

    Raises:
        TaskError: as for `value`, or what is rendered is not JSON.
    """
    written = _literal(field.text)
    if written is not None:
        return _rendered(field, written, row)
    found = value(field, row)
    if isinstance(found, str) and found.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(found)
        except json.JSONDecodeError as failure:
            name = parse.dotted(field.where)
            raise field.wrong(f"{name}: renders what is not JSON: {failure.msg}") from None
    return found


@lru_cache(maxsize=1024)
def _literal(text: str) -> JSON:
    """A list or mapping written out as JSON; None where the text is a template."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, list | dict) else None


def _rendered(field: Field, part: JSON, row: Row) -> JSON:
    if isinstance(part, str):
        inner = Field(text=part, path=field.path, where=field.where)
        return value(inner, row) if "{" in part else part
    if isinstance(part, list):
        return [_rendered(field, item, row) for item in part]
    if isinstance(part, dict):
        return {key: _rendered(field, item, row) for key, item in part.items()}
    return part


def check(field: Field) -> None:
    """See that a template compiles; one that is nothing but a name does.

    Raises:
        TaskError: it does not; the line is named.
    """
    if _bare(field.text):
        return
    written = _literal(field.text)
    if written is None:
        _compiled(field)
        return
    todo = [written]
    while todo:
        part = todo.pop()
        if isinstance(part, str):
            _compiled(Field(text=part, path=field.path, where=field.where))
        elif isinstance(part, list | dict):
            todo.extend(part.values() if isinstance(part, dict) else part)


def expression(text: str) -> str:
    """`level > 1` -> `{{ level > 1 }}`; a template stays what it is."""
    return text if "{{" in text or "{%" in text else "{{ " + text + " }}"


# --- jinja2 ------------------------------------------------------------------------------


@cache
def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    for name in ("lipsum", "cycler", "joiner"):
        del made.globals[name]
    del made.filters["random"]  # a prompt must be the same twice
    # jinja2's own escapes <, > and & for HTML; a prompt is no HTML.
    made.filters["tojson"] = _tojson
    return made


def _tojson(value: JSON, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    """The name in a template that is nothing but one name, else ""."""
    found = _NAME.fullmatch(text)
    return found[1] if found and found[1].lower() not in _WORDS else ""


@lru_cache(maxsize=4096)
def _compile(text: str) -> "tuple[Template, bool]":
    """Compile a template; the flag says that it is one expression, left in `result`."""
    from jinja2 import nodes
    from jinja2.environment import Template

    env = _environment()
    tree = env.parse(text)
    outputs = [node for node in tree.body if isinstance(node, nodes.Output)]
    parts = outputs[0].nodes if len(outputs) == len(tree.body) == 1 else []
    native = len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData)
    if native:
        target = nodes.Name("result", "store", lineno=parts[0].lineno)
        tree = nodes.Template(
            [nodes.Assign(target, parts[0], lineno=parts[0].lineno)], lineno=1
        )
        tree.set_environment(env)
    code = env.compile(tree, filename=_FILE)
    return Template.from_code(env, code, dict(env.globals)), native


def _compiled(field: Field) -> "tuple[Template, bool]":
    from jinja2 import TemplateSyntaxError

    try:
        return _compile(field.text)
    except TemplateSyntaxError as failure:
        name = parse.dotted(field.where)
        said = (failure.message or "").replace("'end of print statement'", "end")
        raise field.wrong(f"{name}: {said}", failure.lineno) from None


def _line(failure: BaseException, raw: "Template | None") -> int:
    """Line of the template on which rendering failed (1 where nothing says).

    `render` maps a traceback's lines to the template's; for code run by ourselves `raw` does.
    """
    line = 1
    trace = failure.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = raw.get_corresponding_lineno(trace.tb_lineno) if raw else trace.tb_lineno
        trace = trace.tb_next
    return line


def _undefined(field: Field, said: str, row: Row) -> str:
    name = parse.dotted(field.where)
    found = re.fullmatch(r"'(.+)' is undefined", said)
    if found is None:
        return f"{name}: {said}"
    return f"{name}: the row has no field '{found[1]}'.{nearest(found[1], map(str, row))}"


# --- messages ----------------------------------------------------------------------------


def messages(field: Field, row: Row) -> tuple[Message, ...]:
    """Evaluate `prompt`: text is one user message, a list of mappings is a conversation.

    Raises:
        TaskError: as for `value`, or an item of the list is no message.
    """
    found = value(field, row)
    if isinstance(found, list) and found:
        return tuple(_message(field, item, number) for number, item in enumerate(found))
    return (Message(role="user", content=_as_text(field, found)),)


def _message(field: Field, item: JSON, number: int) -> Message:
    name = f"{parse.dotted(field.where)}[{number}]"
    if not isinstance(item, Mapping) or not isinstance(item.get("role"), str):
        raise field.wrong(f"{name}: expected a message with a role and content")
    unknown = sorted(set(item) - _MESSAGE_KEYS)
    if unknown:
        known = nearest(unknown[0], _MESSAGE_KEYS)
        raise field.wrong(f"{name}: a message has no key '{unknown[0]}'.{known}")
    calls: Sequence[Any] = item.get("tool_calls") or ()
    return Message(
        role=item["role"],
        content=item.get("content"),
        reasoning=item.get("reasoning"),
        tool_calls=tuple(_tool_call(field, name, call) for call in calls),
        tool_call_id=item.get("tool_call_id"),
    )


def _tool_call(field: Field, name: str, call: JSON) -> ToolCall:
    """Read a call in OpenAI's form or flat; arguments may be text or a mapping."""
    inner = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(inner, Mapping) or "name" not in inner:
        raise field.wrong(f"{name}: a tool call needs a name and arguments")
    arguments = inner.get("arguments", "{}")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(name=inner["name"], arguments=arguments, id=str(call.get("id", "")))
