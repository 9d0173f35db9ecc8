"""tau-bench's database as one conversation changes it, and the calls that are made on it.

The tables are shared by every conversation of a run and never written to: an entry is copied
when it is first changed, so a fresh world costs nothing and its changes are all it holds.

Rules: https://github.com/sierra-research/tau-bench (MIT), written anew.
"""

import ast
import copy
import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalsuite.types import JSON

Entry = dict[str, Any]
Tables = Mapping[str, Mapping[str, Entry]]
Tool = Callable[..., str]
_OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_ARITHMETIC = frozenset("0123456789+-*/(). ")


class Refused(Exception):
    """A tool does not do what was asked; the text is what the model is told after `Error:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One of the benchmark's worlds."""

    name: str  # its folder in the repository
    tables: tuple[str, ...]
    functions: Mapping[str, Tool]  # called as function(world, **arguments)
    schemas: tuple[Mapping[str, JSON], ...]  # the same, as OpenAI's `tools`
    ending: frozenset[str] = frozenset({"transfer_to_human_agents"})  # these end the talk


class World:
    """The tables with the changes of one conversation."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._own: dict[str, dict[str, Entry]] = {name: {} for name in tables}

    def table(self, name: str) -> Mapping[str, Entry]:
        """A table that never changes, whole."""
        return self._tables[name]

    def entries(self, table: str) -> Iterator[tuple[str, Entry]]:
        """Every entry of a table with its key, changed ones as they are now."""
        for key, entry in self._tables[table].items():
            yield key, self._own[table].get(key, entry)

    def has(self, table: str, key: str) -> bool:
        """Whether an entry is there."""
        return key in self._own[table] or key in self._tables[table]

    def read(self, table: str, key: str, missing: str) -> Entry:
        """An entry, to be looked at only.

        Raises:
            Refused: with the text `missing` where it is not there.
        """
        if not self.has(table, key):
            raise Refused(missing)
        own = self._own[table]
        return own[key] if key in own else self._tables[table][key]

    def edit(self, table: str, key: str, missing: str) -> Entry:
        """An entry, to be changed; see `read`."""
        found = self.read(table, key, missing)
        if key not in self._own[table]:
            self._own[table][key] = copy.deepcopy(found)
        return self._own[table][key]

    def put(self, table: str, key: str, entry: Entry) -> None:
        """Add an entry."""
        self._own[table][key] = entry

    def changes(self) -> dict[str, str]:
        """What differs from the tables: "table/key" -> the entry as canonical JSON.

        Two worlds over the same tables are in the same state where these are equal: 5 and 5.0
        differ, as in the hash of tau-bench; the order of keys does not count.
        """
        return {
            f"{table}/{key}": text
            for table, entries in self._own.items()
            for key, entry in entries.items()
            if (text := _canonical(entry)) != _canonical(self._tables[table].get(key))
        }

    def call(self, domain: Domain, name: str, arguments: Mapping[str, JSON]) -> str:
        """What a tool says; whatever goes wrong in it is told to the model, as upstream."""
        if name not in domain.functions:
            return f"Unknown action {name}"
        try:
            return domain.functions[name](self, **arguments)
        except Exception as failure:  # arguments may be anything: each failure is an answer
            return f"Error: {failure}"


def replayed(tables: Tables, domain: Domain, actions: list[Entry]) -> World:
    """A fresh world after actions ({name, kwargs}); those that end a talk change nothing."""
    world = World(tables)
    for action in actions:
        if action["name"] not in domain.ending:
            world.call(domain, action["name"], action["kwargs"])
    return world


def _canonical(value: JSON) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def tool(name: str, description: str, properties: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """A tool in the OpenAI form, every argument required."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


def transfer(world: World, summary: str) -> str:
    """Hand the customer over; the conversation ends."""
    return "Transfer successful"


def think(world: World, thought: str) -> str:
    """Nothing but a place for thoughts."""
    return ""


def calculate(world: World, expression: str) -> str:
    """The value of an arithmetic expression, rounded to two places.

    Raises:
        Refused: it is none, or has a power in it.
    """
    if not _ARITHMETIC.issuperset(expression):
        raise Refused("invalid characters in expression")
    return str(round(float(_value(ast.parse(expression.strip(), mode="eval").body)), 2))


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    raise Refused("expected numbers, + - * / and parentheses")


SHARED: Mapping[str, Tool] = {
    "calculate": calculate,
    "think": think,
    "transfer_to_human_agents": transfer,
}
SHARED_SCHEMAS = (
    tool(
        "calculate",
        "Compute an arithmetic expression: numbers, + - * / and parentheses.",
        {"expression": {"type": "string", "description": "For example '3 * (120 + 45)'."}},
    ),
    tool(
        "think",
        "Write a thought down. Looks nothing up and changes nothing.",
        {"thought": {"type": "string", "description": "The thought."}},
    ),
    tool(
        "transfer_to_human_agents",
        "Hand the user over to a human agent. Only where the user asks for one, or where these "
        "tools cannot do what is needed.",
        {"summary": {"type": "string", "description": "What the user's issue is."}},
    ),
)
