"""On a real vLLM: n answers in one request are what n requests give; prefixes are cached."""

import asyncio

import pytest
from asking import endpoint, send_all
from driven import Made, drive, work

from evalsuite import reuse
from evalsuite.client import Client, run_async
from evalsuite.client.pacing import Pace
from evalsuite.runner import request_seed
from evalsuite.runner.together import Together

pytestmark = pytest.mark.needs("vllm")


def test_repeats_in_one_request_are_what_single_requests_give(vllm_server, tmp_path):
    server = vllm_server()
    asked = 'prompt: "Tell me a short story about a fox, a lamp and the sea. {{ question }}"'
    made = Made(count=4, repeats=4, temperature=1.0, asked=asked)
    plan = work(tmp_path, one=made).plan

    found = drive(plan, server, tmp_path)

    where = endpoint(server, model=server.model, token_ids=True)
    by_seed = {request_seed(0, record.key): record for record in found.records}
    single = [send_all(where, [record.request], seed=s)[0] for s, record in by_seed.items()]
    same = sum(
        one.text == record.response.text
        and one.token_ids == record.response.token_ids
        and one.usage.completion == record.response.usage.completion
        for one, record in zip(single, by_seed.values(), strict=True)
    )
    assert len(by_seed) == len(found.records) == 16
    assert len({record.response.text for record in found.records}) > 8
    assert same == 16


@pytest.mark.parametrize("kind", ["chat", "completion"])
def test_vllm_is_seen_to_answer_n_like_n_requests(vllm_server, kind):
    server = vllm_server()

    async def allowed():
        async with Client(endpoint(server, model=server.model, token_ids=True)) as client:
            return await Together().allowed(client, kind)

    assert run_async(allowed())


def test_prompts_that_share_a_start_come_from_the_cache_in_our_order(vllm_server, tmp_path):
    server = vllm_server()
    header = "prompt: |\n  " + f"Read {tmp_path.name} with care. " * 60 + "{{ question }}"
    made = work(tmp_path, one=Made(count=20, asked=header))
    where = endpoint(server, model=server.model)
    counters = asyncio.run(asyncio.to_thread(reuse.counters, [where]))
    counted = reuse.Reuse(counters)

    drive(made.plan, server, tmp_path, pace=Pace(4), hints=made.hints, reuse=counted)

    told = counted.report()
    assert counters.block > 0
    assert told["cached_from"] == "usage"
    assert told["shareable_tokens"] > 0.6 * told["prompt_tokens"]
    assert told["cached_tokens"] >= 0.9 * told["shareable_tokens"]
    by_metrics = reuse.Reuse(counters)
    by_metrics.prompt = told["prompt_tokens"]
    found = by_metrics.report(reuse.counters([where]))
    assert found["cached_from"] == "metrics"
    assert abs(found["cached_tokens"] - told["cached_tokens"]) < 0.1 * told["prompt_tokens"]
