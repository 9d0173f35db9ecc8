"""A real vLLM of the demo's checkpoint as the server, and processes measured on it."""

import re
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import measure
import work

from evalsuite import serve

CHECKPOINT = Path(__file__).parent.parent / "demo" / "base"
WIDTHS = ("32", "64", "128")  # of the raw client
RATIO, LIMIT = 1.10, 1.2  # what is aimed at: the median of pairs, and its upper limit
_DONE = re.compile(r"^vllm:request_success_total\{.*\} (\S+)$", re.MULTILINE)


@contextmanager
def server() -> Iterator[work.Place]:
    """Start vLLM for as long as the block runs; the place says how ours asks it."""
    with tempfile.TemporaryDirectory() as folder:
        launch = serve.Launch(checkpoint=CHECKPOINT)
        with serve.Server(launch, log=Path(folder) / "server.log") as running:
            yield work.Place(base_url=running.base_url, model=running.model, width="auto")


def best(place: work.Place, rows: Path) -> work.Place:
    """Where the raw client is fastest, of `WIDTHS`, by the better of two runs each."""
    places = [replace(place, width=width) for width in WIDTHS]
    found = measure.alternate([side(work.floor(one, rows)) for one in places], 2)
    walls = [min(took.wall for took in one) for one in found]
    for one, wall in zip(places, walls, strict=True):
        print(f"raw client at {one.width}: {wall:.2f} s", file=sys.stderr)
    return places[walls.index(min(walls))]


def side(command: Sequence[str]) -> Callable[[], measure.Process]:
    """A process in a folder of its own."""

    def measured() -> measure.Process:
        with tempfile.TemporaryDirectory(prefix="evalsuite-benchmark-") as folder:
            return measure.run(command, Path(folder))

    return measured


def answered(base_url: str) -> int:
    """How many requests the server has answered since it was started."""
    address = f"{base_url.removesuffix('/v1')}/metrics"
    with urllib.request.urlopen(address, timeout=10) as reply:
        text = reply.read().decode()
    return round(sum(float(number) for number in _DONE.findall(text)))


def lines(
    found: Sequence[Sequence[measure.Process]], peers: Sequence[str]
) -> list[dict[str, Any]]:
    """Walls and CPU of each side, and ratios of pairs, as the fields of engine.Line.

    Args:
        found: of the raw client, of ours, and of each peer, by round.
        peers: their names.
    """
    floor, ours, *others = found
    shown: list[dict[str, Any]] = []
    for field in ("wall", "cpu"):
        theirs, values = (
            [float(getattr(one, field)) for one in part] for part in (floor, ours)
        )
        unit = {"name": f"{field} s", "floor": median(theirs), "ours": median(values)}
        ratio, limit = measure.ratios(values, theirs)
        aimed = RATIO if field == "wall" else None
        shown += [
            unit,
            {"name": f"{field} ratio", "floor": None, "ours": ratio, "limit": limit}
            | {"target": aimed},
        ]
        if limit is not None and aimed is not None:
            most = {"name": "wall ratio, at most", "floor": None, "ours": limit}
            shown.append(most | {"target": LIMIT})
        for name, other in zip(peers, others, strict=True):
            numbers = [float(getattr(one, field)) for one in other]
            ratio, limit = measure.ratios(numbers, theirs)
            shown += [
                {"name": f"{name}: {field} s", "floor": None, "ours": median(numbers)},
                {
                    "name": f"{name}: {field} ratio",
                    "floor": None,
                    "ours": ratio,
                    "limit": limit,
                },
            ]
    return shown
