"""The order of asking: shared prefixes together, the longest expected answers first."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from evalsuite import order
from evalsuite.types import (
    Item,
    Message,
    Request,
    Sample,
    Sampling,
    ScoreRow,
    Source,
    Task,
    ToolCall,
    user,
)

HEADER = "Answer like this. " * 12


def task(name="t", **more):
    source, path = Source(file="x"), Path("x")
    return Task(name=name, bucket="b", path=path, version=1, source=source, scorer="s", **more)


def items(prompts, made=None, repeats=1):
    """Items of one task and the hints for them."""
    made = made or task()
    samples = [
        Sample(id=f"s{index}", key=str(index), inputs={}, target="", cluster=str(index))
        for index in range(len(prompts))
    ]
    found = [Item(task=made, sample=s, repeat=r) for s in samples for r in range(repeats)]
    drawn = {
        sample.id: order.sketch(prompt.encode())
        for sample, prompt in zip(samples, prompts, strict=True)
    }
    return found, order.Hints(sketches={made.name: drawn})


def keys(units):
    return [int(unit[0].sample.key) for unit in units]


def test_prompts_that_begin_alike_are_asked_one_after_the_other():
    documents = [f"Document {letter}. " * 40 for letter in "ABCDE"]
    prompts = [HEADER + documents[i % 5] + f"Question {i}?" for i in range(60)]

    found = keys(order.arrange(*items(prompts)))

    changes = sum(one % 5 != two % 5 for one, two in pairwise(found))
    assert sorted(found) == list(range(60))
    assert changes == 4


def test_a_branch_within_a_branch_is_kept_together_too():
    rng = random.Random(3)
    paths = [(a, b, c) for a in "AB" for b in "CDE" for c in range(6)]
    rng.shuffle(paths)
    prompts = [f"{a} says this. " * 20 + f"{b} says that. " * 20 + f"{c}?" for a, b, c in paths]

    found = [paths[index] for index in keys(order.arrange(*items(prompts)))]

    for width, branches in ((1, 2), (2, 6)):
        heads = [path[:width] for path in found]
        starts = 1 + sum(one != two for one, two in pairwise(heads))
        assert starts == branches


def test_the_longest_expected_answer_of_a_group_comes_first_and_leads_its_group():
    documents = [f"Document {letter}. " * 40 for letter in "ABC"]
    prompts = [documents[i % 3] + f"Question {i}?" for i in range(30)]
    found, hints = items(prompts)
    lengths = {"t": {f"s{i}": float(100 * (i % 3) + i) for i in range(30)}}
    hints = order.Hints(sketches=hints.sketches, lengths=lengths)

    asked = keys(order.arrange(found, hints))

    assert [index % 3 for index in asked] == [2] * 10 + [1] * 10 + [0] * 10
    for start in (0, 10, 20):
        group = asked[start : start + 10]
        assert group == sorted(group, reverse=True)


def test_without_a_baseline_the_task_that_may_answer_longest_comes_first():
    short, long = task("short", sampling=Sampling(max_tokens=8)), task("long")
    choices = task("choices", api="loglikelihood")
    made = (choices, short, long)
    found = [item for one in made for item in items(["a?", "b?"], one)[0]]

    names = [unit[0].task.name for unit in order.arrange(found, order.Hints())]

    assert names == ["long"] * 2 + ["short"] * 2 + ["choices"] * 2


def test_repeats_of_a_sample_stay_together_in_rising_order():
    found, hints = items(["one?", "two?", "three?"], repeats=4)
    random.Random(1).shuffle(found)

    units = order.arrange(found, hints)

    assert [[item.repeat for item in unit] for unit in units] == [[0, 1, 2, 3]] * 3
    assert len({unit[0].sample.id for unit in units}) == 3


def test_items_of_which_nothing_is_known_keep_the_order_of_the_plan():
    found, _ = items([f"{i}?" for i in range(20)])

    assert keys(order.arrange(found, order.Hints())) == list(range(20))


def test_the_order_does_not_depend_on_chance():
    prompts = [HEADER + str(random.Random(i).random()) * 20 for i in range(200)]

    one, two = (keys(order.arrange(*items(prompts))) for _ in range(2))

    assert one == two


@pytest.mark.parametrize("size", [0, 63, 64, 1000, 20_000, 300_000])
def test_a_sketch_says_how_much_two_texts_share_and_stays_small(size):
    text = random.Random(size).randbytes(size)
    other = text + b"x" * 500

    one, two = order.sketch(text), order.sketch(other)

    assert two.startswith(one)
    assert len(one) <= 4 * (256 + 1500)
    assert order.sketch(b"!" + text)[:4] != one[:4] or size < 64


def test_a_prompt_begins_with_what_a_template_writes_first():
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    call = ToolCall(name="look", arguments="{}")
    request = Request(
        messages=(user("Hi"), Message(role="assistant", tool_calls=(call,))),
        tools=(tool,),
        prefill="So",
    )

    text = order.rendered(request)

    parts = [b'"look"', b"Hi", b"look{}", b"So"]
    assert sorted(parts, key=text.index) == parts
    assert order.rendered(Request(kind="completion", prompt="Once")) == b"Once"
    assert len(order.rendered(Request(kind="completion", prompt=[1, 2, 3]))) == 12


@pytest.mark.slow
def test_a_hundred_thousand_prompts_are_put_in_order_within_seconds():
    prompts = [HEADER + f"Document {i % 500}. " * 8 + f"Question {i}?" for i in range(100_000)]

    found = keys(order.arrange(*items(prompts)))

    assert len(set(found)) == 100_000


def test_a_baseline_tells_how_long_answers_will_be():
    def row(repeat, tokens, **more):
        return ScoreRow(
            bucket="b", task="t", id="s", key="s", cluster="s", repeat=repeat, status="ok",
            primary="accuracy", metrics={}, score=more.get("score", 1.0),
            health={"answer_tokens": tokens, "thinking_tokens": 100.0},
        )  # fmt: skip

    found = order.expected([row(0, 20.0), row(1, 40.0), row(2, 9000.0, score=None)])

    assert found == {"t": {"s": 130.0}}
