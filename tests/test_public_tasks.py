"""Public tasks whose rows are not recorded, on hand-made rows of the upstream schema."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mock_server
import published_rows
import pytest
from published_rows import PUBLISHED
from scored import said, sample

from evalsuite import store
from evalsuite import task as tasks
from evalsuite.errors import TaskError
from evalsuite.responses import score_responses
from evalsuite.scorers import allclose
from evalsuite.scorers.code import mbpp
from evalsuite.types import Response, Sample, Task, Transcript

CODE = ("mbpp", "mbpp_plus", "humaneval_plus")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published_rows.stage(tmp_path_factory.mktemp("staged"))


def loaded(name: str, staged: Path) -> tuple[Task, list[Sample]]:
    task = published_rows.load(name)
    return task, tasks.samples(task, data=staged, offline=True)


def scored(task: Task, samples: list[Sample], answer: str | None) -> list:
    """The rows of one answer to all; None: each sample's own perfect one."""
    lines = [
        json.dumps(
            {"id": s.id, "response": tasks.gold(task, s)[0].text if answer is None else answer}
        )
        for s in samples
    ]
    return score_responses(task, samples, lines).rows


# ------------------------------------------------------------------------------ what is asked


def test_mmlu_shows_five_examples_of_the_subject_and_asks_four_letters(staged):
    task, samples = loaded("mmlu", staged)
    step = next(tasks.episode(task, samples[-1]))

    assert [request.continuation for request in step] == [" A", " B", " C", " D"]
    assert [one.target for one in samples] == [1, 2, 1, 2]
    shots = [
        f"Which number follows {at} in virology?\nA. {at + 1}\nB. {at + 2}\nC. {at + 3}\n"
        f"D. {at + 4}\nAnswer: {'ABCD'[at % 4]}\n\n"
        for at in range(5)
    ]
    head = "The following are multiple choice questions (with answers) about virology.\n\n"
    asked = "Which number follows 6 in virology?\nA. 7\nB. 8\nC. 9\nD. 10\nAnswer:"
    assert {request.prompt for request in step} == {head + "".join(shots) + asked}
    assert samples[0].tags == {"subject": "high_school_counting"}
    other = next(tasks.episode(task, samples[0]))[0].prompt
    assert "about high school counting.\n" in other
    assert "virology" not in other


@pytest.mark.parametrize(
    ("name", "primary"), [("arc_challenge", "_characters"), ("arc_easy", "")]
)
def test_arc_asks_whole_options_and_labels_may_be_numbers(staged, name, primary):
    task, samples = loaded(name, staged)
    step = next(tasks.episode(task, samples[1]))

    assert [request.continuation for request in step] == [
        " a shark",
        " a blue whale",
        " a frog",
    ]
    assert step[0].prompt == f"Question: {samples[1].inputs['question']}\nAnswer:"
    assert [one.target for one in samples] == [0, 1, 2]
    sums = (-6.0, -9.0, -6.5)  # the likeliest is the first; by characters it is the second
    answered = tuple(zip(step, (Response(logprob=value) for value in sums), strict=True))
    score = tasks.scorer(task)(samples[1], Transcript(steps=(answered,)))
    assert score.primary == f"accuracy{primary}"
    assert {key: metric.value for key, metric in score.metrics.items()} == {
        "accuracy": 0,
        "accuracy_characters": 1,
        "accuracy_bytes": 1,
    }


def test_mmlu_pro_shows_five_solved_questions_of_the_category(staged):
    task, samples = loaded("mmlu_pro_5shot", staged)
    (message,) = next(tasks.episode(task, samples[-1])).messages

    assert message.content.startswith(
        "The following are multiple choice questions (with answers) about math. Think step"
        ' by step and then finish your answer with "the answer is (X)" where X is the correct'
        " letter choice.\n\nQuestion:\nHow many math are "
    )
    solved = "Answer: Let's think step by step. So it is. The answer is (A).\n\n"
    assert message.content.count(solved) == 5
    assert message.content.endswith(
        "Question:\nHow many math are 1?\nOptions:\nA. 1\nB. none\n"
        "Answer: Let's think step by step."
    )
    assert "law" not in message.content
    assert "N/A" not in message.content


def test_gsm8k_with_five_examples_is_plain_text_as_lm_eval_writes_it(staged):
    task, samples = loaded("gsm8k_5shot", staged)
    first, second = (next(tasks.episode(task, one)) for one in samples)

    parts = first.prompt.split("\n\n")
    assert first.kind == "completion"
    assert len(parts) == 6
    assert all(part.startswith("Question: Ann has ") for part in parts)
    assert "How many?\nAnswer: Sum.\n#### " in parts[0]
    assert parts[-1] == "Question: Ann has 0 hats and buys 2. How many?\nAnswer:"
    assert second.prompt.split("\n\n")[:5] == parts[:5]


@pytest.mark.parametrize("name", ["gsm8k_5shot", "gsm8k_chat", "aime25", "mmlu_pro_5shot"])
def test_perfect_answers_score_one_and_empty_ones_zero(staged, name):
    task, samples = loaded(name, staged)

    assert {row.score for row in scored(task, samples, None)} == {1}
    assert {row.score for row in scored(task, samples, "")} == {0}


def test_padded_and_bare_integers_of_aime_are_equal(staged):
    task, samples = loaded("aime25", staged)

    for text in (r"\boxed{3}", r"\boxed{003}", "The answer is 3."):
        assert {row.score for row in scored(task, samples, text)} == {1}
    assert {row.score for row in scored(task, samples, r"\boxed{30}")} == {0}


# ------------------------------------------------------------------------------------- code


@pytest.mark.needs("bwrap")
@pytest.mark.parametrize("name", CODE)
def test_canonical_solutions_pass_and_broken_ones_fail(staged, name):
    task, samples = loaded(name, staged)
    wrong = "```python\ndef area(r):\n    return 0\ndef thirds(xs):\n    return xs\n```"

    assert {row.score for row in scored(task, samples, None)} == {1}
    (row,) = scored(task, samples, wrong)
    assert row.score == 0
    assert row.reason


@pytest.mark.parametrize("name", CODE)
def test_an_empty_answer_fails_and_nothing_is_run(staged, name):
    task, samples = loaded(name, staged)

    (row,) = scored(task, samples, "")
    assert (row.score, row.status, row.reason) == (0, "parse_error", "no code")


@pytest.mark.needs("bwrap")
def test_tests_of_a_megabyte_are_run():
    size = 150_000
    tests = f"inputs = {[[n] for n in range(size)]}\nassert len(inputs) == {size}\n"
    row = sample(test=tests + "assert double(*inputs[7]) == 14\n")

    score = mbpp(row, said("```python\ndef double(x):\n    return 2 * x\n```"), seconds=5)

    assert len(tests) > 1 << 20
    assert (score.value, score.reason) == (1, None)


@pytest.mark.needs("bwrap")
def test_imports_of_the_sanitised_part_stand_before_its_tests():
    row = sample(test_imports=["import math"], test_list=["assert f(4) == math.sqrt(4)"])

    assert mbpp(row, said("def f(x):\n    return x / 2")).value == 1
    assert mbpp(row, said("def g(x):\n    return x / 2")).value == 0


def test_rows_without_tests_and_tests_that_are_no_python_are_named():
    with pytest.raises(TaskError, match="scorer mbpp: rows need 'test' or 'test_list'"):
        mbpp(sample(test_list=[]), said("x"))
    with pytest.raises(ValueError, match="the tests cannot be executed"):
        mbpp(sample(test="assert ("), said("x"))
    with pytest.raises(ValueError, match="they use nothing of the answer"):
        mbpp(sample(test="def f():\n    return 1\nassert f() == 1"), said("x"))


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.1, False),
        ([1.0, [2]], (1.0, [2.0]), True),
        ([1.0, 1.0], 1.0, True),
        (2.0, [2.0, 3.0], False),
        (float("inf"), float("inf"), True),
        (1.0, float("inf"), False),
        (float("nan"), float("nan"), False),
        (1 + 1j, 1 + 1j + 1e-9, True),
    ],
)
def test_numbers_are_near_where_numpy_says_so(one, other, near):
    numpy = pytest.importorskip("numpy")

    assert allclose.allclose(one, other, rtol=1e-7, atol=1e-6) is near
    if not isinstance(one, list) or not isinstance(one[-1], list):
        assert bool(numpy.allclose(one, other, rtol=1e-7, atol=1e-6)) is near


def test_lists_of_different_lengths_and_texts_are_near_nothing():
    with pytest.raises(ValueError, match="broadcast"):
        allclose.allclose([1.0], [1.0, 2.0])
    with pytest.raises(TypeError):
        allclose.allclose("a", 1.0)


# -------------------------------------------------------------------------------- whole runs


@pytest.mark.needs("bwrap")
def test_every_set_loads_from_the_hub_at_its_pinned_commit_and_is_asked_and_scored(tmp_path):
    names = [flag for name in PUBLISHED for flag in ("--task", name)]
    code = "```python\nfrom math import pi\ndef area(r):\n    return pi * r ** 2\n```"
    rules = [
        {"match": "docstring", "text": code},
        {"match": "least odd prime", "text": r"\boxed{3}"},
        {"text": "Well. #### 2"},
    ]
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "EVALSUITE_"))}
    script = {"rules": rules, "max_model_len": 40960}
    with published_rows.publish(tmp_path / "hub") as hub, mock_server.start(script) as mock:
        done = subprocess.run(
            [sys.executable, "-m", "evalsuite", "run", *names, "--base-url", mock.base_url],
            env=plain | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    (run,) = store.all_runs(tmp_path / "runs")
    rows = store.rows(run)

    assert {row.task for row in rows} == set(PUBLISHED)
    assert not [row for row in rows if row.status == "failed"]
    scores = {row.task: row.score for row in rows if row.task in ("aime25", "mbpp")}
    assert scores == {"aime25": 1, "mbpp": 0}
    assert [row.score for row in rows if row.task == "humaneval_plus"] == [1]
    asked = [row for row in rows if row.primary.startswith("accuracy") and "arc" in row.task]
    assert len(asked) == 6
    assert all(
        {"accuracy", "accuracy_characters", "accuracy_bytes"} <= set(r.metrics) for r in asked
    )
