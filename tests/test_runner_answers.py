"""What is asked at all: repeats in one request, identical requests once, nothing twice."""

import mock_server
import pytest
from asking import fresh
from driven import Made, drive, work

from evalsuite.client.pacing import Pace
from evalsuite.journal import Journal
from evalsuite.runner import request_seed

CONVERSATION = "episode: rows.py:twice"
PROBE = 5  # requests by which a server is seen to answer n like n requests
SAMPLED = Made(repeats=4, temperature=1.0)


@pytest.fixture(scope="module")
def process():
    with mock_server.start({}) as server:
        yield server


@pytest.fixture
def mock(process):
    fresh(process)
    return process


def singly(plan, server, folder):
    """The same plan, asked of a server that takes one answer a request."""
    server.change(n="refused")
    found = drive(plan, server, folder)
    fresh(server)
    return found


def facts(found):
    """Every record but for when and how long."""
    return {
        record.key: (record.digest, record.response.text, record.response.usage)
        for record in found.records
    }


# --- repeats as one request --------------------------------------------------------------


def test_repeats_go_as_one_request_and_are_recorded_as_if_asked_singly(mock, tmp_path):
    plan = work(tmp_path, one=SAMPLED).plan
    single = singly(plan, mock, tmp_path / "single")

    found = drive(plan, mock, tmp_path)

    assert facts(found) == facts(single)
    assert found.texts == single.texts
    assert len(found.records) == 48
    assert mock.stats()["requests"] == 12 + PROBE
    for record in found.records:
        assert record.key.repeat in range(4)
    seeds = [request_seed(0, record.key._replace(repeat=0)) for record in found.records]
    assert len(set(seeds)) == 12


def test_a_server_whose_n_answers_are_others_is_asked_singly(mock, tmp_path):
    plan = work(tmp_path, one=SAMPLED).plan
    single = singly(plan, mock, tmp_path / "single")
    mock.change(n="its own")
    said = []

    found = drive(plan, mock, tmp_path, say=said.append)

    assert said == [
        "the server answers n at once otherwise than singly: repeats are asked one by one"
    ]
    assert facts(found) == facts(single)
    assert mock.stats()["requests"] == 48 + PROBE


def test_episodes_of_several_turns_begin_together_and_go_on_singly(mock, tmp_path):
    plan = work(tmp_path, one=Made(repeats=4, temperature=1.0, asked=CONVERSATION)).plan
    single = singly(plan, mock, tmp_path / "single")

    found = drive(plan, mock, tmp_path)

    assert facts(found) == facts(single)
    assert mock.stats()["requests"] == 12 + 48 + PROBE


def test_more_repeats_than_one_request_should_hold_go_as_several(mock, tmp_path):
    plan = work(tmp_path, one=Made(count=2, repeats=40, temperature=1.0)).plan

    found = drive(plan, mock, tmp_path)

    assert len(set(found.texts.values())) > 60
    assert mock.stats()["requests"] == 2 * 3 + PROBE


def test_going_on_asks_for_just_the_repeats_that_are_missing(mock, tmp_path):
    plan = work(tmp_path, one=Made(count=3, repeats=6, temperature=1.0)).plan
    whole = drive(plan, mock, tmp_path / "whole")
    kept = {"0": {0, 1, 2, 3, 4, 5}, "1": {2}, "2": {0, 1, 2, 3, 5}}
    names = {item.sample.id: item.sample.key for item in plan.items()}
    journal = Journal(tmp_path / "journal", write=True)
    for record in whole.records:
        if record.repeat in kept[names[record.id]]:
            journal.append(record)
    journal.close()
    mock.reset()

    found = drive(plan, mock, tmp_path)

    assert facts(found) == facts(whole)
    assert found.texts == whole.texts
    owed = {r.digest for r in whole.records if r.repeat not in kept[names[r.id]]}
    answered = mock.stats()["answered"]
    assert {digest for digest in answered if digest in owed} == owed
    assert all(answered[digest] == 1 for digest in owed)
    # 0 and 1 together, 3 to 5 together; of the last sample one alone.
    assert mock.stats()["requests"] == 2 + 1 + PROBE
    assert sum(answered.values()) == len(owed) + 2 * 4  # the probe asks for all it asks twice


def test_a_run_that_owes_nothing_asks_nothing_not_even_the_probe(mock, tmp_path):
    plan = work(tmp_path, one=SAMPLED).plan
    drive(plan, mock, tmp_path)
    mock.reset()

    drive(plan, mock, tmp_path)

    assert mock.stats()["requests"] == 0


def test_repeats_that_fail_together_are_asked_again_one_by_one(mock, tmp_path):
    plan = work(tmp_path, one=SAMPLED).plan
    single = singly(plan, mock, tmp_path / "single")
    # Each body fails four times, the whole budget; the seed of the first stands for them all.
    mock.change(faults=[{"kind": "status", "status": 500, "first": 4, "match": "one 7?"}])

    found = drive(plan, mock, tmp_path)

    assert facts(found) == facts(single)


# --- one answer for identical requests ---------------------------------------------------


def test_identical_greedy_requests_share_an_answer_and_each_has_its_record(mock, tmp_path):
    mock.change(latency=0.05)  # they are on their way together
    plan = work(tmp_path, one=Made(asked='prompt: "{{ group }}?"')).plan

    found = drive(plan, mock, tmp_path, pace=Pace(12))

    assert mock.stats()["requests"] == 5
    assert len(found.records) == 12
    assert len({record.digest for record in found.records}) == 12
    assert len(set(found.texts.values())) == 5


def test_repeats_never_share_an_answer_also_at_temperature_0(mock, tmp_path):
    plan = work(tmp_path, one=Made(repeats=3)).plan

    found = drive(plan, mock, tmp_path)

    assert mock.stats()["requests"] == 36
    assert max(mock.stats()["answered"].values()) == 1
    assert len(found.records) == 36


def test_above_temperature_0_identical_requests_have_answers_of_their_own(mock, tmp_path):
    asked = 'prompt: "{{ group }}?"'
    plan = work(tmp_path, one=Made(temperature=1.0, asked=asked)).plan

    found = drive(plan, mock, tmp_path)

    assert mock.stats()["requests"] == 12
    assert len(set(found.texts.values())) == 12


def test_an_answer_is_shared_from_the_journal_of_an_earlier_process(mock, tmp_path):
    plan = work(tmp_path, one=Made(asked='prompt: "{{ group }}?"')).plan
    whole = drive(plan, mock, tmp_path / "whole", pace=Pace(1))
    journal = Journal(tmp_path / "journal", write=True)
    for record in whole.records[:5]:
        journal.append(record)
    journal.close()
    mock.reset()

    found = drive(plan, mock, tmp_path, pace=Pace(1))

    assert found.texts == whole.texts
    assert (
        len({record.response.text for record in whole.records[:5]})
        == 5 - mock.stats()["requests"]
    )


def test_who_waited_for_an_answer_that_failed_asks_for_itself(mock, tmp_path):
    mock.change(
        latency=0.02,
        faults=[{"kind": "status", "status": 400, "first": 1, "match": "3?"}],
    )
    plan = work(tmp_path, one=Made(count=20, asked='prompt: "{{ group }}?"')).plan

    found = drive(plan, mock, tmp_path, pace=Pace(20))

    failed = [record for record in found.records if record.response.failure is not None]
    assert len(found.records) == 20
    assert len(failed) == 4  # the fault hits each body, seed included, once
    assert mock.stats()["requests"] == 4 + 4


# --- tokens that a cache could have served -----------------------------------------------


def test_what_prompts_share_is_counted_while_they_are_asked(mock, tmp_path):
    header = "prompt: |\n  " + "Read this with care. " * 40 + "{{ question }}"
    plan = work(tmp_path, one=Made(asked=header, count=10)).plan

    told = drive(plan, mock, tmp_path).means.reuse.report()

    assert told["requests"] == 10
    assert told["shareable_from"] == "token ids"
    assert 0.8 < told["shareable_tokens"] / told["prompt_tokens"] < 0.9
    assert told["cached_tokens"] == 0
