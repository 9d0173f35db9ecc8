"""In which order the items of a block are asked: shared prefixes together, the longest first.

A server that keeps the attention states of what it has read (vLLM's prefix cache) computes a
few-shot header, a long document or a list of tools once, if the requests that begin with it
come together. Prompts are therefore seen as a tree of their beginnings, and walked branch by
branch. Of the branches at a fork the one with the longest expected answer comes first, so that
the run does not end waiting for one long answer that was started last (list scheduling by
longest processing time: Graham 1969, SIAM Journal on Applied Mathematics 17).

Only a sketch of every prompt is kept: the CRC-32 of its beginnings, 64 bytes further each time
(16 tokens of English, a block of vLLM's cache), later in steps of 1/256 of what was passed: 20
bytes for a prompt of 330, 6 KB for one of a megabyte.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from struct import pack
from zlib import crc32

import orjson

from evalsuite.types import Item, Request, ScoreRow

CHUNK = 64  # bytes between two beginnings, up to 16 KiB
_FINER = 256  # beyond, the next beginning is 1/256 longer
_EVEN = CHUNK * _FINER
_TOKENS = ("answer_tokens", "thinking_tokens")  # of a row's health

Sketch = bytes  # big-endian 4-byte CRCs: equal heads sort together


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What is known of the prompts and answers before anything is asked; may be empty.

    Args:
        sketches: of first prompts, by task and sample id.
        lengths: expected tokens of an answer, by task and sample id; else the task's limit.
    """

    sketches: Mapping[str, Mapping[str, Sketch]] = field(default_factory=dict)
    lengths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def expected(rows: Iterable[ScoreRow]) -> dict[str, dict[str, float]]:
    """What an earlier run says of how long answers will be, for `Hints.lengths`.

    Args:
        rows: its scores.

    Returns:
        Tokens of thinking and answer by task and sample id, the mean over its repeats.
    """
    told: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row.score is not None:
            tokens = sum(float(row.health.get(name, 0.0)) for name in _TOKENS)
            told.setdefault(row.task, {}).setdefault(row.id, []).append(tokens)
    return {
        task: {id: sum(counts) / len(counts) for id, counts in samples.items()}
        for task, samples in told.items()
    }


def rendered(request: Request) -> bytes:
    """A request's prompt, in the order in which chat templates write it: tools first."""
    if request.kind != "chat":
        if isinstance(request.prompt, str):
            return request.prompt.encode()
        return pack(f">{len(request.prompt)}I", *request.prompt)
    parts = [orjson.dumps([dict(tool) for tool in request.tools])] if request.tools else []
    for message in request.messages:
        parts += [message.role.encode(), (message.content or "").encode()]
        parts += [f"{call.name}{call.arguments}".encode() for call in message.tool_calls]
    parts.append(request.prefill.encode())
    return b"\n".join(parts)


def sketch(text: bytes) -> Sketch:
    """The CRC-32s of a text's beginnings, the shortest first; see the module."""
    words: list[int] = []
    crc, start, end = 0, 0, CHUNK
    size = len(text)
    while end <= size:
        crc = crc32(text[start:end], crc)
        words.append(crc)
        start, end = end, end + (CHUNK if end < _EVEN else end // _FINER)
    return pack(f">{len(words)}I", *words)


def _shared(one: Sketch, other: Sketch) -> int:
    """How many beginnings two sketches have in common.

    Equal words mean equal texts up to there, so halving finds the last of them.
    """
    low, high = 0, min(len(one), len(other)) // 4
    if one[:4] != other[:4]:  # usually
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        at = slice(4 * middle - 4, 4 * middle)
        low, high = (middle, high) if one[at] == other[at] else (low, middle - 1)
    return low


# --- the order ---------------------------------------------------------------------------


def arrange(block: Iterable[Item], hints: Hints) -> list[tuple[Item, ...]]:
    """The items of a block in the order in which they are to be asked.

    Args:
        block: items that may be asked in any order.
        hints: what is known of them.

    Returns:
        The repeats of each sample together, in rising order; linear in the number of items
        but for sorting them.
    """
    samples: dict[tuple[str, str], list[Item]] = {}
    for item in block:
        samples.setdefault((item.task.name, item.sample.id), []).append(item)
    units = [_rising(items) for items in samples.values()]
    prompts = [_sketch_of(unit[0], hints) for unit in units]
    keys = [
        (-_expected(unit[0], hints), -len(prompt), index)
        for index, (unit, prompt) in enumerate(zip(units, prompts, strict=True))
    ]
    return [units[index] for index in _walk(_fork(prompts, keys))]


def _rising(repeats: list[Item]) -> tuple[Item, ...]:
    if len(repeats) > 1:
        repeats.sort(key=attrgetter("repeat"))
    return tuple(repeats)


def _sketch_of(item: Item, hints: Hints) -> Sketch:
    return hints.sketches.get(item.task.name, {}).get(item.sample.id, b"")


def _expected(item: Item, hints: Hints) -> float:
    """Expected tokens of an answer."""
    known = hints.lengths.get(item.task.name, {}).get(item.sample.id)
    if known is not None:
        return known
    return 1 if item.task.api == "loglikelihood" else item.task.sampling.max_tokens


_Key = tuple[float, int, int]  # the smallest first: expected tokens, prompt, place in the block
_Part = tuple[_Key, "int | list[_Part]"]  # a prompt by its number, or a branch of several


def _fork(prompts: Sequence[Sketch], keys: Sequence[_Key]) -> list[_Part]:
    """The tree of the prompts' beginnings, the parts of every branch sorted by their keys.

    A branch is known by how many beginnings its prompts share; those that are still open lie
    on a stack, the deepest on top, while the prompts pass by in sorted order.
    """
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    shares = [_shared(prompts[one], prompts[two]) for one, two in pairwise(order)]
    trunk: list[_Part] = []
    opened = [(0, trunk)]
    for index, ahead in zip(order, [*shares, 0], strict=False):
        if ahead > opened[-1][0]:
            opened.append((ahead, []))
        opened[-1][1].append((keys[index], index))
        while opened[-1][0] > ahead:
            _, parts = opened.pop()
            parts.sort()
            if opened[-1][0] < ahead:  # what comes shares less with it than it does in itself
                opened.append((ahead, []))
            opened[-1][1].append((parts[0][0], parts))
    trunk.sort()
    return trunk


def _walk(trunk: list[_Part]) -> Iterator[int]:
    """The prompts of a tree, branch by branch."""
    left = [iter(trunk)]
    while left:
        for _, part in left[-1]:
            if isinstance(part, int):
                yield part
            else:
                left.append(iter(part))
                break
        else:
            left.pop()
