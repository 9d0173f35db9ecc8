"""How much of the prompts a cache could have served, and how much it did."""

import random

import mock_server
import pytest
from asking import ask, endpoint, fresh

from evalsuite import order, reuse
from evalsuite.reuse import Counters, Reuse
from evalsuite.types import Failure, Response, Usage


def response(ids, cached=None, answer=()):
    usage = Usage(prompt=len(ids), completion=len(answer), cached=cached)
    return Response(prompt_token_ids=tuple(ids), token_ids=tuple(answer), usage=usage, text="x")


def told(counted, *responses, after=None):
    for one in responses:
        counted.add(ask("?"), one)
    return counted.report(after)


def test_a_prompt_shares_the_whole_blocks_that_were_asked_before():
    header = list(range(100))

    found = told(Reuse(), response([*header, 1, 2, 3]), response([*header, 7, 8, 9, 10]))

    assert found["prompt_tokens"] == 103 + 104
    assert found["shareable_tokens"] == 96  # six blocks of 16
    assert found["shareable_from"] == "token ids"


def test_what_is_shareable_does_not_depend_on_the_order_of_asking():
    rng = random.Random(5)
    heads = [rng.choices(range(900), k=rng.randint(20, 200)) for _ in range(6)]
    prompts = [[*rng.choice(heads), *rng.choices(range(900), k=40)] for _ in range(60)]
    found = set()
    for _ in range(5):
        rng.shuffle(prompts)
        found.add(told(Reuse(), *map(response, prompts))["shareable_tokens"])

    assert len(found) == 1


def test_the_same_prompt_again_shares_all_but_the_block_of_its_last_token():
    ids = list(range(64))

    assert told(Reuse(), response(ids), response(ids))["shareable_tokens"] == 48


def test_a_second_turn_shares_the_first_and_its_answer():
    first = response(range(40), answer=range(100, 140))

    found = told(Reuse(), first, response([*range(40), *range(100, 140), 7]))

    assert found["shareable_tokens"] == 80


def test_without_token_ids_bytes_tell_what_is_shared():
    counted = Reuse()
    header = "Answer like this. " * 40
    for number in range(2):
        usage = Usage(prompt=200, completion=1)
        counted.add(ask(f"{header}{number} is it?"), Response(text="x", usage=usage))

    found = counted.report()

    assert found["shareable_from"] == "bytes"
    share = found["shareable_tokens"] / 200
    length = len(order.rendered(ask(f"{header}0 is it?")))
    assert share == pytest.approx(len(header) / length, abs=reuse.CHUNK / length)


def test_a_server_that_leaves_out_0_cached_tokens_is_taken_at_its_other_words():
    found = told(Reuse(), response(range(40)), response(range(50), cached=32))

    assert (found["cached_tokens"], found["cached_from"]) == (32, "usage")
    assert told(Reuse(), response(range(40)))["cached_tokens"] is None


def test_where_no_answer_says_it_the_servers_counters_do():
    before = Counters(queries=1000.0, hits=500.0, block=32)

    found = told(
        Reuse(before), response(range(100)), after=Counters(queries=3000.0, hits=2000.0)
    )

    assert (found["cached_tokens"], found["cached_from"]) == (75, "metrics")
    assert found["block"] == 32


def test_a_request_that_failed_counts_nothing():
    failure = Failure(kind="reset", message="", transient=True)

    found = told(Reuse(), Response(failure=failure, usage=Usage(prompt=9)))

    assert found["requests"] == found["prompt_tokens"] == 0
    assert reuse.said(found) == ""


def test_what_was_not_asked_for_long_is_forgotten_and_memory_stays_bounded():
    counted = Reuse(Counters(queries=0, hits=0, block=1))
    for start in range(0, 600_000, 2000):
        counted.add(ask("?"), response(range(start, start + 2000)))

    found = counted.report()

    assert found["shareable_tokens"] == 0
    assert len(counted._young) + len(counted._old) < 2**18 + 4000


def test_the_counters_of_a_server_are_read_and_added_over_replicas():
    with mock_server.start({"prefix_cache": [800, 600]}) as server:
        one = endpoint(server)

        assert reuse.counters([one, one]) == Counters(queries=1600, hits=1200, block=16)
        fresh(server)
        assert reuse.counters([one]) is None
        server.stop()
        assert reuse.counters([one]) is None


def test_two_processes_of_one_run_are_told_as_one():
    one = told(Reuse(), response(range(40)), response(range(50), cached=32))
    two = told(Reuse(), response(range(80)))

    found = reuse.joined(one, one)

    assert found["prompt_tokens"] == 180
    assert found["cached_tokens"] == 64
    assert reuse.joined(None, one) == one
    assert reuse.joined(one, Reuse().report()) == one
    assert reuse.joined(one, two)["cached_tokens"] is None
    assert reuse.joined(one, two)["prompt_tokens"] == 170


def test_one_sentence_says_how_much_came_from_the_cache():
    found = told(Reuse(), response(range(100)), response(range(100), cached=80))

    assert reuse.said(found) == "40 % of prompt tokens from cache, 83 % of what prompts share"
