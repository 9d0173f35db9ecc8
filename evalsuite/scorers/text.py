"""Making two texts comparable: which differences a scorer is told to ignore."""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from evalsuite.errors import TaskError, nearest
from evalsuite.types import JSON

_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def _without_accents(text: str) -> str:
    """Delete combining marks: é becomes e."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(char for char in parts if not unicodedata.combining(char))


def _without_punctuation(text: str) -> str:
    """Delete every character that Unicode calls punctuation or a symbol."""
    return "".join(char for char in text if unicodedata.category(char)[0] not in "PS")


# In this order: what a step leaves behind (double spaces, say) a later step removes.
_STEPS: dict[str, Callable[[str], str]] = {
    "width": lambda text: unicodedata.normalize("NFKC", text),
    "case": str.casefold,
    "accents": _without_accents,
    "punctuation": _without_punctuation,
    "articles": lambda text: _ARTICLES.sub(" ", text),
    "space": lambda text: " ".join(text.split()),
}


def normalise(text: str, ignore: Sequence[str]) -> str:
    """Remove from `text` the differences named in `ignore`.

    Args:
        text: any text.
        ignore: of `width` (full-width forms, ligatures: NFKC), `case`, `accents`,
            `punctuation` (symbols too), `articles` (English) and `space` (runs of white
            space become one space, none at the ends). Their order does not matter.

    Raises:
        TaskError: `ignore` holds another word.
    """
    for step in _steps(tuple(ignore)):
        text = step(text)
    return text


@cache  # asked for every row, of what a task file says
def _steps(ignore: tuple[str, ...]) -> tuple[Callable[[str], str], ...]:
    """What removes the differences named in `ignore`, in its order."""
    for word in ignore:
        if word not in _STEPS:
            raise TaskError(f"scorer option ignore: unknown '{word}'.{nearest(word, _STEPS)}")
    return tuple(step for word, step in _STEPS.items() if word in ignore)


def as_text(value: JSON) -> str:
    """Write a target as text: a string as it is, anything else as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_texts(value: JSON) -> list[str]:
    """Write a target as the list of texts that it allows: a list's entries, or itself."""
    return [as_text(entry) for entry in value] if isinstance(value, list) else [as_text(value)]
