"""How much of the prompts a server could have known already, and how much it did."""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from evalsuite.client import Endpoint, metrics
from evalsuite.order import CHUNK, rendered
from evalsuite.types import JSON, Request, Response

BLOCK = 16  # tokens that vLLM keeps or forgets together where it does not say
_REMEMBERED = 2**17  # beginnings in each of two generations, some 10 MB each
_SECONDS = 2.0  # that a server's metrics may take
_COUNTER = re.compile(r"^vllm:prefix_cache_(queries|hits)(?:_total)?(?:\{.*\})? (\S+)", re.M)
_SIZE = re.compile(r'^vllm:cache_config_info\{.*\bblock_size="(\d+)"', re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What servers say of their prefix caches: tokens looked up and found since they began."""

    queries: float
    hits: float
    block: int | None = None  # tokens kept or forgotten together


def counters(endpoints: Sequence[Endpoint]) -> Counters | None:
    """The counters of vLLM servers, added up; None where one of them tells none."""
    found = {"queries": 0.0, "hits": 0.0}
    block = None
    for endpoint in endpoints:
        page = metrics(endpoint, seconds=_SECONDS) or ""
        lines = _COUNTER.findall(page)
        if not lines:
            return None
        for name, value in lines:
            found[name] += float(value)
        size = _SIZE.search(page)
        block = int(size[1]) if size else block
    return Counters(**found, block=block)


class Reuse:
    """Counts prompt tokens: all, those that had been asked before, those that were cached.

    Shareable is the longest beginning, in whole blocks, that a prompt has in common with
    anything that was asked or answered before: what a cache of endless size would have served.
    By the prompts' token ids where the server tells them, else by their bytes. The last
    token of a prompt is computed in any case and never counts.

    Args:
        before: the servers' counters before the first request; None where they tell none.
    """

    def __init__(self, before: Counters | None = None) -> None:
        self.block = (before.block if before else None) or BLOCK
        self.requests = 0
        self.prompt = self.shareable = self.cached = 0  # tokens
        self.told = False  # whether a server said of any request how much was cached
        self._before = before
        self._by_ids = True  # whether every prompt's token ids were known
        self._young: set[int] = set()
        self._old: set[int] = set()

    def add(self, request: Request, response: Response) -> None:
        """Count an answered request; of `n` answers to one prompt, once."""
        ids = response.prompt_token_ids
        prompt = response.usage.prompt or len(ids or ())
        if response.failure is not None or not prompt:
            return
        self.requests += 1
        self.prompt += prompt
        self.told |= response.usage.cached is not None
        self.cached += response.usage.cached or 0  # vLLM leaves it out where it is 0
        if ids:
            said = array("I", (*ids, *(response.token_ids or ())))
            known = self._learn(said.tobytes(), 4 * self.block)
            self.shareable += min(known, (len(ids) - 1) // self.block) * self.block
        else:
            self._by_ids = False
            text = rendered(request)
            known = self._learn(text, CHUNK) * CHUNK
            self.shareable += prompt * known // max(1, len(text))

    def _learn(self, text: bytes, step: int) -> int:
        """How many beginnings of a text were known; the others are remembered."""
        known, going, crc = 0, True, 0
        for depth in range(len(text) // step):
            crc = crc32(text[depth * step : (depth + 1) * step], crc)
            mark = depth << 32 | crc  # of this beginning, and of how long it is
            going = going and (mark in self._young or mark in self._old)
            known += going
            self._young.add(mark)
        if len(self._young) > _REMEMBERED:  # what was not met since is forgotten
            self._old, self._young = self._young, set()
        return known

    def report(self, after: Counters | None = None) -> dict[str, JSON]:
        """What was counted, in tokens, and by what.

        Args:
            after: the servers' counters now; what they found counts where no answer said
                how much was cached. Others may have used the servers meanwhile, so their
                share is taken, not their sum.
        """
        cached, source = (self.cached, "usage") if self.told else (None, None)
        if not self.told and self._before is not None and after is not None:
            looked = after.queries - self._before.queries
            if looked > 0:
                cached = round(self.prompt * (after.hits - self._before.hits) / looked)
                source = "metrics"
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt,
            "shareable_tokens": self.shareable,
            "shareable_from": "token ids" if self._by_ids else "bytes",
            "cached_tokens": cached,
            "cached_from": source,
            "block": self.block,
        }


def joined(before: Mapping[str, JSON] | None, now: Mapping[str, JSON]) -> dict[str, JSON]:
    """The reports of two processes of one run as one."""
    if not before or not before["requests"]:
        return dict(now)
    if not now["requests"]:
        return dict(before)
    sums = ("requests", "prompt_tokens", "shareable_tokens", "cached_tokens")
    known = None not in (before["cached_tokens"], now["cached_tokens"])
    added = {key: before[key] + now[key] for key in sums if known or key != "cached_tokens"}
    by_bytes = "bytes" in (before["shareable_from"], now["shareable_from"])
    return {
        **now,
        "cached_tokens": None,
        **added,
        "cached_from": now["cached_from"] if known else None,
        "shareable_from": "bytes" if by_bytes else "token ids",
    }


def said(report: Mapping[str, JSON]) -> str:
    """One sentence for people; "" where nothing was asked or no server said what it had."""
    cached, shareable = report["cached_tokens"], report["shareable_tokens"]
    if cached is None or not report["prompt_tokens"]:
        return ""
    text = f"{100 * cached / report['prompt_tokens']:.0f} % of prompt tokens from cache"
    if not shareable:
        return text
    share = 100 * min(1.0, cached / shareable)
    return f"{text}, {share:.0f} % of what prompts share"
