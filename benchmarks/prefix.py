"""What the order of asking is worth on a real vLLM: tokens computed, from its cache, time.

    python benchmarks/prefix.py                 # 5 rounds of each order, 10 to 20 minutes
    python benchmarks/prefix.py --rounds 1      # a look

A few-shot task and a long-context task are asked in our order, in random order and sorted by
length, by the loop itself (`runner.run`), in turn; before each the server forgets its cache.
benchmarks/README.md says what is asked and what the columns mean.
"""

import argparse
import json
import os
import random
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import measure

from evalsuite import order, reuse, runner, selection, serve
from evalsuite.client import Client, Endpoint, Options, run_async
from evalsuite.client.pacing import Pace
from evalsuite.journal import Journal
from evalsuite.types import Item, Plan, Transcript

CHECKPOINT = Path(__file__).parent.parent / "demo" / "base"
CACHE = 16_384  # tokens that the server can hold: a quarter of the documents
BLOCK = 32  # tokens that it keeps or forgets together
TARGET = 0.9  # of what prompts share, from the cache
WORDS = ("the", "cat", "sat", "on", "red", "box", "Ben", "Lisa", "went", "old", "sea", "again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One way through a task's prompts.

    Attributes:
        seconds: first request to last answer.
        prompt: tokens of all prompts.
        cached: of them from the cache, as the server counts.
        shareable: of them that had been asked before, in whole blocks.
    """

    seconds: float
    prompt: int
    cached: int
    shareable: int

    @property
    def computed(self) -> int:
        """Prompt tokens that the server had to compute."""
        return self.prompt - self.cached

    @property
    def share(self) -> float:
        """Cached over shareable tokens."""
        return self.cached / self.shareable


# --- what is asked -----------------------------------------------------------------------


def prose(rng: random.Random, words: int) -> str:
    """So many words of a text that no other text begins like."""
    return " ".join(rng.choice(WORDS) for _ in range(words))


def few_shot(rng: random.Random) -> Iterator[dict[str, str]]:
    """A header of solved examples for each of 57 subjects, as in MMLU, and 6 questions each."""
    for _ in range(57):
        header = "\n\n".join(f"Q: {prose(rng, 60)}?\nA: {prose(rng, 8)}." for _ in range(5))
        for _ in range(6):
            yield {"prompt": f"{header}\n\nQ: {prose(rng, rng.randint(20, 80))}?\nA:"}


def long_context(rng: random.Random) -> Iterator[dict[str, str]]:
    """Documents of three lengths, as such benchmarks have them, and six questions to each."""
    for number in range(24):
        document = prose(rng, 800 * (1 + number % 3))
        for _ in range(6):
            yield {"prompt": f"{document}\n\nQ: {prose(rng, rng.randint(10, 40))}?\nA:"}


TASKS: dict[str, Callable[[random.Random], Iterator[dict[str, str]]]] = {
    "few-shot": few_shot,
    "long-context": long_context,
}


def prepared(name: str, folder: Path) -> selection.Work:
    """A task of made-up rows, the rows in random order, as `evalsuite run` would plan it."""
    rng = random.Random(f"{name} 2026")
    rows = list(TASKS[name](rng))
    rng.shuffle(rows)
    tasks, buckets = folder / name / "tasks" / "prefix", folder / name / "buckets"
    tasks.mkdir(parents=True)
    buckets.mkdir()
    (buckets / "prefix.yaml").write_text("title: Prefix\nmeaning: Nothing but speed.\n")
    (tasks / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tasks / "asked.yaml").write_text(
        "version: 1\nsource: {file: rows.jsonl}\n"
        'prompt: "{{ prompt }}"\ntarget: ""\ngold: "."\nscorer: exact_match\n'
        "sampling: {max_tokens: 16}\n"
    )
    chosen = selection.Selection(
        buckets=("prefix",), tasks_dir=tasks.parent, buckets_dir=buckets
    )
    return selection.prepare(chosen)


# --- the orders --------------------------------------------------------------------------


def ours(work: selection.Work) -> tuple[Plan, order.Hints]:
    """As the engine asks."""
    return work.plan, work.hints


def shuffled(work: selection.Work) -> tuple[Plan, order.Hints]:
    """Anyhow: what a set of rows gives whose documents lie scattered."""
    return work.plan, order.Hints()


def by_length(work: selection.Work) -> tuple[Plan, order.Hints]:
    """The longest prompt first, whatever it begins with, as harnesses sort that batch."""
    sizes = dict(zip((s.id for s in work.samples["asked"]), work.sizes["asked"], strict=True))
    (block,) = work.plan.blocks["prefix"]
    found = tuple(sorted(block, key=lambda item: -sizes[item.sample.id]))
    return replace(work.plan, blocks={"prefix": (found,)}), order.Hints()


ORDERS = {"ours": ours, "random": shuffled, "by length": by_length}


def asked(server: serve.Server, concurrency: int, plan: Plan, hints: order.Hints) -> Figures:
    """Ask a plan of a server that has forgotten everything."""
    request = urllib.request.Request(f"{server.url}/reset_prefix_cache", method="POST")
    with urllib.request.urlopen(request) as answer:
        answer.read()
    where = Endpoint(base_url=server.base_url, model=server.model, token_ids=True)
    before = reuse.counters([where])
    counted = reuse.Reuse(before)
    seconds = run_async(_drive(where, Pace(concurrency), (plan, hints, counted)))
    told = counted.report()
    if before is None or told["cached_from"] != "usage":
        raise SystemExit("the server does not say how many tokens were cached")
    return Figures(
        seconds=seconds,
        prompt=told["prompt_tokens"],
        cached=told["cached_tokens"],
        shareable=told["shareable_tokens"],
    )


async def _drive(
    where: Endpoint, pace: Pace, what: tuple[Plan, order.Hints, reuse.Reuse]
) -> float:
    plan, hints, counted = what
    failed: list[str] = []

    def on_done(item: Item, transcript: Transcript) -> None:
        if transcript.status == "failed":
            failed.append(transcript.reason)

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal", write=True)
        try:
            async with Client(where, Options(pace=pace)) as client:
                means = runner.Means(
                    clients={"model": client},
                    journal=journal,
                    pace=pace,
                    hints=hints,
                    reuse=counted,
                )
                began = time.perf_counter()
                await runner.run(plan, means, on_done)
                seconds = time.perf_counter() - began
        finally:
            journal.close()
    if failed:
        raise SystemExit(f"{len(failed)} of {len(plan.items())} failed, the first: {failed[0]}")
    return seconds


# --- the table ---------------------------------------------------------------------------


def main() -> None:
    """Start a server, ask every task in every order, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--model", type=Path, default=CHECKPOINT)
    arguments = parser.parse_args()
    os.environ["VLLM_SERVER_DEV_MODE"] = "1"  # for /reset_prefix_cache
    given = ("--block-size", BLOCK, "--num-gpu-blocks-override", CACHE // BLOCK)
    launch = serve.Launch(
        checkpoint=arguments.model,
        max_model_len=8192,
        arguments=("--enable-prefix-caching", *map(str, given)),
    )
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with serve.Server(launch, log=log) as server:
            print(
                f"{server.model}, {arguments.concurrency} at once, a cache of {CACHE:,} tokens"
            )
            for name in TASKS:
                work = prepared(name, Path(folder))
                sides = [
                    partial(asked, server, arguments.concurrency, *arrange(work))
                    for arrange in ORDERS.values()
                ]
                show(name, measure.alternate(sides, arguments.rounds))


def show(name: str, found: Sequence[Sequence[Figures]]) -> None:
    """One table: a line an order, ratios to ours by rounds."""
    first = found[0][0]
    print(f"\n{name}: {first.prompt:,} prompt tokens, {first.shareable:,} of them shareable")
    print(
        f"{'order':<10} {'computed':>9} {'cached/shareable':>17} {'seconds':>8}"
        "   over ours (at most)"
    )
    for order_name, figures in zip(ORDERS, found, strict=True):
        ratio, limit = measure.ratios(
            [one.seconds for one in figures], [one.seconds for one in found[0]]
        )
        most = "" if limit is None else f" ({limit:.2f})"
        against = "" if figures is found[0] else f"{ratio:.2f}{most}"
        print(
            f"{order_name:<10} {median(one.computed for one in figures):>9,.0f} "
            f"{median(one.share for one in figures):>17.2f} "
            f"{median(one.seconds for one in figures):>8.2f}   {against}"
        )
    worst = min(one.share for one in found[0])
    print(f"ours at worst {worst:.2f} of what is shareable, target {TARGET}")


if __name__ == "__main__":
    main()
