"""Text that a model (or a task file) wrote, made fit to be shown: nothing hides, nothing runs.

Every character that is invisible, moves the cursor, or turns the reading direction becomes a
visible sign. That alone keeps XML valid and terminals whole; HTML is escaped by the templates,
Markdown by `inline` and `fence`.
"""

import re

# Controls but tab and newline, bidi embeddings, overrides and isolates, byte-order and
# annotation marks, line and paragraph separators, non-characters, surrogates, tag characters.
_HIDDEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}"
        for plane in range(1 << 16, 0x110000, 1 << 16)
    )
    + "]"
)
_ANSI = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    "|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?"  # titles, links
    "|\x1b[PX^_][^\x1b]*(?:\x1b\\\\)?"  # device control and other strings
    "|\x1b[ -/]*[0-~]?"
    "|\x9b[0-?]*[ -/]*[@-~]"
)
_SPACES = re.compile(r"\s+")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|~&$!]")
_BLOCK = re.compile(
    r"^(?:[#+=-]+(?=\s|$|[=-])|\d+(?=[.)](?:\s|$)))"
)  # opens a block at a line's start
_LINKS = re.compile(r"@|#(?=\d)|(?<=:)//|(?<=www)\.", re.IGNORECASE)
_JOINER = "\N{WORD JOINER}"  # invisible, and breaks what a renderer would link


def visible(text: str) -> str:
    r"""Show what would hide: ESC becomes "␛", an override "⟨U+202E⟩"; tabs and newlines stay.

    The result encodes as UTF-8 and is valid in XML 1.0.
    """
    if text.isprintable():  # as nearly all is: the long pattern need not even be compiled
        return text
    return re.sub(_HIDDEN, _sign, text.replace("\r\n", "\n"))


def _sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def line(text: str, limit: int = 200) -> str:
    """A text as one visible line of at most `limit` characters."""
    short = text[: 4 * limit]  # a megabyte need not be searched for what nobody will see
    flat = _SPACES.sub(" ", visible(short)).strip()
    cut = len(flat) > limit or len(short) < len(text)
    return f"{flat[: limit - 1]}…" if cut else flat


def terminal(text: str, limit: int = 400) -> str:
    """A text as one line for a terminal: escape sequences are taken out, the rest is shown."""
    return line(_ANSI.sub("", text[: 8 * limit]), limit)


def inline(text: str) -> str:
    """A text inside a line or table cell of Markdown, where nothing in it is markup.

    Addresses, mentions and issue numbers, which renderers link by themselves, are broken by an
    invisible joiner.
    """
    flat = _SPACES.sub(" ", visible(text)).strip()
    escaped = _BLOCK.sub(_unblocked, _MARKDOWN.sub(r"\\\g<0>", flat))
    return _LINKS.sub(_unlinked, escaped)


def _unblocked(match: re.Match[str]) -> str:
    found = match.group()
    return f"{found}\\" if found.isdigit() else f"\\{found}"


def _unlinked(match: re.Match[str]) -> str:
    found = match.group()
    return f"{_JOINER}{found}" if found in ("//", ".") else f"{found}{_JOINER}"


def code(text: str) -> str:
    """A text as a code span of Markdown that also holds in a table cell."""
    flat = _SPACES.sub(" ", visible(text)).strip().replace("|", "\u2502")  # a bar ends a cell
    if not flat:
        return ""
    ticks = "`" * (_longest(flat, "`") + 1)
    pad = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def fence(text: str) -> str:
    """A text as a fenced code block of Markdown that nothing in it can close."""
    body = visible(text)
    ticks = "`" * max(3, _longest(body, "`") + 1)
    return f"{ticks}text\n{body}\n{ticks}"


def _longest(text: str, sign: str) -> int:
    """Length of the longest row of a sign."""
    return max((len(run) for run in re.findall(f"{re.escape(sign)}+", text)), default=0)
