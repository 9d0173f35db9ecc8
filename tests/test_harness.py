"""lm-eval's tasks through our engine: the same verdict as its own on every document."""

import json
import subprocess
import sys

import asking
import harness_files
import harness_oracle
import mock_server
import pytest

from evalsuite import episode, store, task
from evalsuite.types import Request, Response, Sampling, Transcript


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("harness")
    harness_files.write(made)
    return made


@pytest.fixture(scope="module")
def mock(folder):
    with mock_server.start({"answer": f"{folder / 'answers.py'}:answer"}) as server:
        yield server


@pytest.fixture(scope="module")
def rows(folder, mock):
    """Score rows of a run of the three tasks through the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "evalsuite", "run", "--tasks", str(folder / "tasks"),
         "--task", "sums", "--task", "choice", "--task", "last_word",
         "--base-url", mock.base_url, "-o", str(folder / "run"), "--quiet"],
        capture_output=True, text=True, check=False, timeout=200, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for row in store.rows(store.open_run(folder / "run")):
        found.setdefault(row.task, {})[int(row.key)] = row
    return found


def asked_of(mock, instance) -> Response:
    """What the server says to a request as lm-eval's own client would word it."""
    if instance.request_type == "generate_until":
        text, arguments = instance.args
        drawn = Sampling(max_tokens=arguments["max_gen_toks"], stop=tuple(arguments["until"]))
        request = Request(kind="completion", prompt=text, sampling=drawn)
    else:
        context, continuation = instance.args
        bare = context.rstrip()
        continuation = context[len(bare) :] + continuation
        request = Request(kind="loglikelihood", prompt=bare, continuation=continuation)
    (response,) = asking.send_all(asking.endpoint(mock), [request])
    assert response.failure is None
    return response


@pytest.mark.parametrize("name", ["sums", "choice", "last_word"])
def test_each_document_is_asked_and_scored_as_by_lm_eval_itself(name, rows, folder, mock):
    built = harness_oracle.build(folder, name)
    for instance in built.instances:
        said = asked_of(mock, instance)
        text = instance.request_type == "generate_until"
        instance.resps = [said.text if text else (said.logprob, said.greedy)]

    expected = harness_oracle.verdicts(built)

    found = [row.metrics for _, row in sorted(rows[name].items())]

    assert len(found) == len(expected) > 10
    for mine, other in zip(found, expected, strict=True):
        assert {key: metric.value for key, metric in mine.items()} == other
    values = [metric.value for metrics in found for metric in metrics.values()]
    assert 0 < sum(values) < len(values)  # neither all right nor all wrong


def test_both_filters_are_metrics_and_the_first_one_is_the_score(rows):
    (names,) = {tuple(row.metrics) for row in rows["sums"].values()}
    assert names == ("exact_match,strict", "exact_match,flexible")
    assert {row.primary for row in rows["sums"].values()} == {"exact_match,strict"}
    assert {row.primary for row in rows["choice"].values()} == {"acc_norm"}
    statuses = {row.status for row in rows["sums"].values()}
    assert statuses == {"ok", "parse_error"}  # "none" has no number after ####


def test_a_chat_gets_examples_as_turns_and_the_description_as_system_message(folder):
    path = folder / "tasks" / "reasoning" / "chatty.yaml"
    path.write_text("version: 1\nharness: ../../upstream/sums.yaml\napi: chat\n")
    loaded = task.load(path)

    state = episode.begin(task.episode(loaded, task.samples(loaded, limit=1)[0]))

    (request,) = state.requests
    roles = [message.role for message in request.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert request.messages[-1].content == "Question: test: 0 + 0?\nAnswer:"
    assert request.sampling.stop == ("Question:",)
    assert (request.sampling.max_tokens, request.sampling.temperature) == (64, 0.0)


def test_answers_of_one_document_are_voted_on_together(folder):
    text = harness_files.SUMS.replace("task: sums", "task: voted\nrepeats: 3").replace(
        "      - {function: take_first}\n", "      - {function: majority_vote}\n" * 1
        + "      - {function: take_first}\n",
    )  # fmt: skip
    (folder / "upstream" / "voted.yaml").write_text(text)
    path = folder / "tasks" / "reasoning" / "voted.yaml"
    path.write_text("version: 1\nharness: ../../upstream/voted.yaml\napi: completion\n")
    loaded = task.load(path)
    sample = task.samples(loaded, limit=4)[3]
    requests = episode.begin(task.episode(loaded, sample)).requests
    said = [Response(text=text) for text in ("#### 2", "#### 3", "so #### 3")]

    score = task.scorer(loaded)(
        sample, Transcript(steps=(tuple(zip(requests, said, strict=True)),))
    )

    assert len(requests) == 3
    assert score.value == 1.0  # 3 + 3 is "#### 3" in these rows
    assert score.answer == "3"


def test_another_version_of_a_task_has_another_fingerprint(folder):
    path = folder / "tasks" / "reasoning" / "sums.yaml"
    before = task.fingerprint(task.load(path))["harness"]
    copy = folder / "other" / "upstream"
    copy.mkdir(parents=True)
    for file in (folder / "upstream").iterdir():
        if file.is_file():
            (copy / file.name).write_text(
                file.read_text().replace("docs.filter", "docs.filter ")
            )
    other = folder / "other" / "tasks" / "reasoning" / "sums.yaml"
    other.parent.mkdir(parents=True)
    other.write_text(path.read_text())

    assert task.fingerprint(task.load(other))["harness"] != before


def test_samples_of_a_run_keep_what_lm_eval_asked(folder, rows):
    samples = task.samples(task.load(folder / "tasks" / "reasoning" / "choice.yaml"))

    asked = samples[2].inputs["_asked"]["requests"]

    assert asked[0]["prompt"] == "Word 2?\x20\nAnswer:"
    assert asked[0]["continuation"].startswith("  ")  # of the prompt, and the delimiter
    assert samples[2].target == "stone"
    assert len(rows["choice"]) == len(samples) == 15
    assert json.loads(json.dumps(samples[2].inputs)) == samples[2].inputs
