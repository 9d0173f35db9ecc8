"""The client against a real server that misbehaves on purpose: everything becomes data."""

import asyncio
import socket
import threading
import time

import fault_proxy
import mock_server
import pytest
from asking import ONCE, ask, endpoint, fresh, send, send_all

from evalsuite.client import Client, Endpoint, Options, Pace, Retry, Timeouts, run_async
from evalsuite.types import Failure


@pytest.fixture(scope="module")
def server():
    with mock_server.start() as mock:
        yield mock


@pytest.fixture
def mock(server):
    fresh(server)
    return server


TRANSIENT = [
    ({"kind": "status", "status": 500}, "status", 500),
    ({"kind": "status", "status": 503}, "status", 503),
    ({"kind": "status", "status": 429}, "status", 429),
    ({"kind": "status", "status": 408}, "status", 408),
    ({"kind": "malformed"}, "malformed", 200),
    ({"kind": "html"}, "malformed", 200),
    ({"kind": "shape"}, "malformed", 200),
    ({"kind": "empty"}, "empty", 200),
    ({"kind": "null"}, "empty", 200),
    ({"kind": "error200"}, "status", 502),
    ({"kind": "half"}, "cut", None),
    ({"kind": "reset"}, "reset", None),
    ({"kind": "drop"}, "reset", None),
    ({"kind": "hang"}, "timeout", None),
]
FINAL = [
    ({"kind": "status", "status": 400}, "status", 400),
    ({"kind": "status", "status": 401}, "status", 401),
    ({"kind": "status", "status": 501}, "status", 501),
    ({"kind": "status", "status": 302}, "status", 302),
    ({"kind": "model"}, "model", 404),
    ({"kind": "context"}, "context", 400),
]
SHORT = Timeouts(base=0.3, per_token=0, read=0.3)


@pytest.mark.parametrize(("fault", "kind", "status"), TRANSIENT, ids=lambda x: str(x))
def test_a_transient_failure_is_retried_recorded_and_heals(mock, fault, kind, status):
    options = Options(timeouts=SHORT, retry=Retry(attempts=3, first=0.01))
    mock.change(faults=[fault | {"always": True}])
    failed = send(endpoint(mock), ask(), options)

    assert (failed.failure.kind, failed.failure.status) == (kind, status)
    assert failed.failure.transient
    assert failed.failure.attempts == 3
    assert failed.text == ""
    assert "\n" not in failed.failure.message
    assert mock.stats()["requests"] == 3

    mock.change(faults=[fault | {"first": 2}])
    mock.reset()
    healed = send(endpoint(mock), ask(), options)

    assert healed.failure is None
    assert mock.stats()["requests"] == 3


@pytest.mark.parametrize(("fault", "kind", "status"), FINAL, ids=lambda x: str(x))
def test_a_final_failure_is_not_asked_again(mock, fault, kind, status):
    mock.change(faults=[fault | {"always": True}])

    failed = send(endpoint(mock), ask())

    assert (failed.failure.kind, failed.failure.status) == (kind, status)
    assert not failed.failure.transient
    assert failed.failure.attempts == mock.stats()["requests"] == 1


def test_a_prompt_that_does_not_fit_names_limit_and_count(mock):
    mock.change(max_model_len=16)

    failure = send(endpoint(mock), ask("word " * 100)).failure

    assert failure.kind == "context"
    assert "maximum context length is 16 tokens" in failure.message


def test_nothing_listening_is_refused_and_a_server_that_comes_back_is_found():
    patient = Options(retry=Retry(attempts=40, first=0.1, longest=0.1))
    with mock_server.start() as mock:
        mock.stop()
        refused = send(endpoint(mock), ask())
        assert refused.failure.kind == "refused"
        assert refused.failure.attempts == 4

        async def main():
            async with Client(endpoint(mock), patient) as client:
                waiting = asyncio.ensure_future(client.send(ask()))
                await asyncio.sleep(0.2)
                mock.restart()
                return await waiting

        assert run_async(main()).failure is None


def test_a_server_that_speaks_another_language_is_malformed():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9 \xff\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        where = Endpoint(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", model="m")
        failure = send(where, ask(), ONCE).failure
        thread.join()

    assert failure.kind == "malformed"
    assert failure.message.isprintable()


def test_a_name_that_nothing_answers_to_is_refused():
    where = Endpoint(base_url="http://no-such-host.invalid/v1", model="m")

    assert send(where, ask(), ONCE).failure.kind == "refused"


def test_retry_after_is_honoured_and_ends_the_attempts_where_it_passes_the_budget(mock):
    mock.change(faults=[{"kind": "status", "status": 429, "retry_after": 1, "first": 1}])
    began = time.perf_counter()

    assert send(endpoint(mock), ask()).failure is None
    assert time.perf_counter() - began >= 1.0

    mock.change(faults=[{"kind": "status", "status": 503, "retry_after": 3600, "always": True}])
    failure = send(endpoint(mock), ask("again")).failure
    assert (failure.attempts, failure.status) == (1, 503)


def test_waits_double_are_jittered_and_stay_within_the_budget():
    retry, failure = Retry(attempts=10, seconds=60, first=1, longest=8), _transient()

    waits = [[retry.delay(failure, i, 0, None) for i in range(1, 7)] for _ in range(50)]

    for i, longest in enumerate([1, 2, 4, 8, 8, 8]):
        drawn = [row[i] for row in waits]
        assert all(longest / 2 <= wait <= longest for wait in drawn)
        assert len(set(drawn)) > 10
    assert retry.delay(failure, 1, 59.9, None) is None
    assert retry.delay(failure, 10, 0, None) is None


def _transient():

    return Failure(kind="reset", message="", transient=True)


def test_through_a_proxy_that_breaks_a_fifth_of_the_traffic_every_answer_is_right(mock):
    requests = [ask(f"question {i}") for i in range(500)]
    options = Options(
        timeouts=Timeouts(base=0.5, per_token=0, read=0.5),
        retry=Retry(attempts=20, first=0.01, longest=0.05),
        pace=Pace(32),
    )
    wanted = [one.text for one in send_all(endpoint(mock), requests)]

    with fault_proxy.start(mock.base_url, rate=0.2, seed=1, seconds=0.6) as proxy:
        found = send_all(endpoint(proxy), requests, options)
        injected = proxy.stats()

    assert [one.failure for one in found] == [None] * 500
    assert [one.text for one in found] == wanted
    assert set(injected) == {*fault_proxy.TRANSIENT, "passed", "requests"}


def test_faults_that_never_heal_are_failures_and_cost_no_other_answer(mock):
    requests = [ask(f"question {i}") for i in range(200)]
    kinds = ["s500", "empty", "half", "reset", "model", "s400"]
    wanted = [one.text for one in send_all(endpoint(mock), requests)]

    with fault_proxy.start(mock.base_url, rate=0.2, kinds=kinds, heals=False) as proxy:
        found = send_all(endpoint(proxy), requests)
        injected = proxy.stats()

    failed = [one.failure for one in found if one.failure]
    assert 20 <= len(failed) <= 60
    assert all(f.attempts == (4 if f.transient else 1) for f in failed)
    assert {f.kind for f in failed} == {"status", "empty", "cut", "reset", "model"}
    assert sum(injected[kind] for kind in kinds) == sum(f.attempts for f in failed)
    assert all(one.text == text for one, text in zip(found, wanted, strict=True) if one.text)
    assert sum(one.text != "" for one in found) == 200 - len(failed)


def test_a_port_that_is_closed_for_a_while_is_waited_for(mock):
    patient = Options(retry=Retry(attempts=40, first=0.05, longest=0.1))

    with fault_proxy.start(mock.base_url) as proxy:
        proxy.refuse(0.6)
        time.sleep(0.1)
        assert send(endpoint(proxy), ask(), ONCE).failure.kind == "refused"
        assert send(endpoint(proxy), ask(), patient).failure is None
