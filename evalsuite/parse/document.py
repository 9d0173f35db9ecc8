"""A parsed file that knows on which line each of its fields stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalsuite.errors import EvalsuiteError, TaskError

Where = tuple[str | int, ...]  # a place in a document: keys and list positions from the top


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file and where its fields stand.

    `lines` maps a place to the line (from 1) of its key or list item; `texts` maps a place that
    holds text to the line of the text's own first line (for a block scalar the one after `|`).
    """

    path: Path
    value: Any
    lines: Mapping[Where, int] = field(default_factory=dict)
    texts: Mapping[Where, int] = field(default_factory=dict)
    error: type[EvalsuiteError] = TaskError

    def line(self, where: Where = ()) -> int | None:
        """Line of `where`, or of the nearest place around it that has one; None: unknown."""
        for size in range(len(where), 0, -1):
            if where[:size] in self.lines:
                return self.lines[where[:size]]
        return 1 if self.lines else None

    def wrong(self, where: Where, message: str) -> EvalsuiteError:
        """Build (not raise) the error for `where`: `file:line: message`."""
        return self.error(f"{place(self.path, self.line(where))}: {message}")


def place(path: Path, line: int | None = None) -> str:
    """`file:line` as a person would type it: relative where the file is below the cwd."""
    try:
        shown = path.absolute().relative_to(Path.cwd())
    except (ValueError, OSError):
        shown = path
    return f"{shown}:{line}" if line else str(shown)


def dotted(where: Where) -> str:
    """`("fewshot", "examples", 0)` -> `fewshot.examples[0]`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read(path: Path, error: type[EvalsuiteError] = TaskError) -> str:
    """Text of a UTF-8 file (a byte order mark is dropped).

    Raises:
        EvalsuiteError: of class `error`: it is missing, a folder, or not UTF-8 (line named).
    """
    try:
        data = path.read_bytes()
    except OSError as failure:
        raise error(f"{place(path)}: {failure.strerror or failure}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        line = data.count(b"\n", 0, failure.start) + 1
        raise error(f"{place(path, line)}: not UTF-8: {failure.reason}") from None


def lines(path: Path, error: type[EvalsuiteError] = TaskError) -> Iterator[str]:
    """The lines of a UTF-8 file without their line feeds, read one by one; as `read`.

    Raises:
        EvalsuiteError: as for `read`.
    """
    try:
        with path.open("rb") as file:
            for number, data in enumerate(file, start=1):
                try:
                    line = data.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as failure:
                    at = place(path, number)
                    raise error(f"{at}: not UTF-8: {failure.reason}") from None
                yield line.removesuffix("\n")
    except OSError as failure:
        raise error(f"{place(path)}: {failure.strerror or failure}") from None
