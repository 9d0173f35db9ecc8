"""What vLLM's /metrics says of how busy a server is; one small part of a long page of text."""

import re
from dataclasses import dataclass

_LINE = re.compile(
    rb"^vllm:(num_requests_running|num_requests_waiting|kv_cache_usage_perc"
    rb"|generation_tokens_total)(?:\{[^\n]*\})? ([^ \n]+)",
    re.MULTILINE,
)
_LARGEST = "kv_cache_usage_perc"  # of several engines the fullest counts, else their sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """How busy a server is.

    Args:
        running: requests that it works on.
        waiting: requests that it holds back.
        cache: share of the key-value cache in use, in [0, 1].
        tokens: generated since it started; None where it does not say.
    """

    running: float = 0.0
    waiting: float = 0.0
    cache: float = 0.0
    tokens: float | None = None


def read(page: bytes) -> Gauges | None:
    """The gauges on a page of metrics, or None where it holds none of vLLM's.

    A server of several engines writes a line for each.
    """
    found: dict[str, float] = {}
    for line in _LINE.finditer(page):
        try:
            name, value = line[1].decode(), float(line[2])
        except ValueError:
            return None
        before = found.get(name, 0.0)
        found[name] = max(before, value) if name == _LARGEST else before + value
    if "num_requests_waiting" not in found:
        return None
    return Gauges(
        running=found.get("num_requests_running", 0.0),
        waiting=found["num_requests_waiting"],
        cache=found.get(_LARGEST, 0.0),
        tokens=found.get("generation_tokens_total"),
    )
