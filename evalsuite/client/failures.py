"""What went wrong, as data: exceptions of the transport and error replies -> `Failure`."""

import re
from collections.abc import Iterable

import orjson

from evalsuite.types import JSON, Failure

EXCERPT = 300  # characters of a server's own words that are kept

_CONTEXT = (
    r"context (length|window|size)|max_model_len|context_length_exceeded|prompt is too long"
    r"|input is too long|(prompt|input) .{0,60}longer than|exceeds? the .{0,40}(context|token)"
)
_NO_MODEL = re.compile(r"model_not_found|model.{0,200}(does not exist|not found)", re.I | re.S)
# 408 and 425 ask for another try; 409 is how some gateways say "loading".
_TRANSIENT_4XX = frozenset({408, 409, 425, 429})
# A server that ran out of memory refuses one request, not its kind.
MEMORY = re.compile(r"out of memory|outofmemory|memoryerror|cannot allocate", re.IGNORECASE)
_FINAL_5XX = frozenset({501, 505})


def is_absent(status: int | None) -> bool:
    """Whether a status says that a server does not have (or offer) a path."""
    return status in (403, 404, 405, 501)


def one_line(text: str, limit: int = EXCERPT) -> str:
    """A server's words made safe to print: printable, one line, at most `limit` characters."""
    printable = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    words = " ".join(printable.split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def of_status(status: int, body: bytes) -> Failure:
    """The failure that an HTTP error reply describes.

    Kinds: `context` (the prompt and answer do not fit), `model` (not served here), `status`.
    """
    words = _words(body)
    text = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    # The code is searched beside the words: OpenAI names the cause only there.
    evidence = body[:4096].decode("utf-8", "replace")
    if status in (400, 413, 422) and re.search(_CONTEXT, evidence, re.IGNORECASE):
        return Failure(kind="context", message=text, transient=False, status=status)
    if status in (400, 404) and _NO_MODEL.search(evidence):
        return Failure(kind="model", message=text, transient=False, status=status)
    transient = status in _TRANSIENT_4XX or (status >= 500 and status not in _FINAL_5XX)
    transient = transient or bool(MEMORY.search(evidence))
    return Failure(kind="status", message=text, transient=transient, status=status)


def malformed(problem: str, body: bytes = b"") -> Failure:
    """The failure of a 200 whose body is not what the API promises; worth asking again."""
    shown = one_line(body[:400].decode("utf-8", "replace"), 80)
    text = f"{problem}: {shown}" if shown else problem
    return Failure(kind="malformed", message=text, transient=True, status=200)


def empty(problem: str) -> Failure:
    """The failure of a well-formed 200 that holds no answer."""
    return Failure(kind="empty", message=problem, transient=True, status=200)


def misnamed(name: str, models: Iterable[str]) -> Failure:
    """The failure of an answer that another model gave; a gateway may do better next time."""
    asked = ", ".join(f"'{one}'" for one in sorted(models))
    text = f"the answer names the model '{one_line(name, 80)}', asked was {asked}"
    return Failure(kind="model", message=text, transient=True, status=200)


def _words(body: bytes) -> str:
    """The message in an error body, whichever of the usual shapes it has."""
    try:
        found: JSON = orjson.loads(body)
    except orjson.JSONDecodeError:
        return one_line(body[: 8 * EXCERPT].decode("utf-8", "replace"))
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return one_line(found if isinstance(found, str) else orjson.dumps(found).decode())
