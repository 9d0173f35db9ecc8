"""The whole verb on a real vLLM server: identity, tools, resuming, repeats."""

import math
import subprocess
import urllib.request

import pytest
from vllm_runs import (
    SMALL,
    assert_same_but_for_ties,
    await_lines,
    command,
    differing,
    evalsuite,
    gap,
)

from evalsuite import store
from evalsuite.journal import Journal

pytestmark = pytest.mark.needs("vllm")


@pytest.fixture(scope="module")
def whole(vllm_server, tmp_path_factory):
    """An uninterrupted run to compare with."""
    folder = tmp_path_factory.mktemp("whole")
    server = vllm_server()
    evalsuite(
        "run", *SMALL, "--base-url", server.base_url, "--model", server.launch.checkpoint,
        "-o", folder / "run", cwd=folder,
    )  # fmt: skip
    return store.open_run(folder / "run")


def test_the_manifest_says_what_could_move_a_score_without_the_weights(whole):
    manifest = whole.manifest

    assert whole.status == "complete"
    assert manifest["server"]["version"]["how"] == "probed"
    assert manifest["server"]["max_model_len"]["value"] > 0
    assert set(manifest["identity"]["probe_token_ids"]["value"]) >= {"user", "system", "tools"}
    for name in ("weights", "tokenizer", "chat_template", "config"):
        assert manifest["identity"][name]["how"] == "known"
    entry = manifest["tasks"]["word_problems"]
    assert entry["samples"] == 40
    assert entry["source"]["level"] == 0


def test_token_ids_usage_and_times_are_kept(whole):
    records = list(store.journal(whole).records())

    assert len(records) == len({record.key for record in records})
    for record in records:
        response = record.response
        assert response.failure is None
        assert response.usage.completion == len(response.token_ids)
        assert response.usage.prompt == len(response.prompt_token_ids)
        assert response.served > 0
        assert record.request.messages


def test_a_killed_run_ends_like_one_that_was_not_and_asks_for_nothing_it_has(
    whole, vllm_server, tmp_path
):
    server = vllm_server()
    flags = (
        "run", *SMALL, "--base-url", server.base_url, "--model", server.launch.checkpoint,
        "--concurrency", 8,
    )  # fmt: skip
    process = subprocess.Popen(command(*flags), cwd=tmp_path, stderr=subprocess.DEVNULL)
    await_lines(tmp_path, process, 40)
    process.kill()
    process.wait()
    (killed,) = store.all_runs(tmp_path / "runs")
    kept = set(Journal(killed.path / "journal").index)
    before = _requests(server)

    evalsuite(*flags, cwd=tmp_path)

    (run,) = store.all_runs(tmp_path / "runs")
    assert run.path == killed.path
    total = len(store.journal(run).index)
    probes = 8  # of the server's identity
    assert _requests(server) - before <= total - len(kept) + probes
    assert_same_but_for_ties(server, whole, run)


def test_the_gap_where_two_answers_part_is_measured_on_the_server(whole, vllm_server):
    record = next(iter(store.journal(whole).records()))
    tokens = record.response.token_ids

    prompt = record.response.prompt_token_ids

    assert gap(vllm_server(), prompt, tokens, (*tokens[:2], -1)) > 0


def _requests(server):
    """Requests that the server has finished, by its own counter."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    lines = [x for x in text.splitlines() if x.startswith("vllm:request_success_total")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_repeats_draw_with_seeds_of_their_own_and_the_same_seed_draws_the_same(
    vllm_server, tmp_path
):
    private = tmp_path / "tasks" / "reasoning"
    private.mkdir(parents=True)
    (private / "rows.jsonl").write_text('{"q": "How many is 3 plus 4?"}\n{"q": "And 9?"}\n')
    (private / "warm.yaml").write_text(
        "version: 1\nsource: {file: rows.jsonl}\nprompt: '{{ q }}'\ntarget: x\n"
        "scorer: exact_match\nsampling: {max_tokens: 24, temperature: 1.5}\n"
    )
    server = vllm_server()
    for name in ("one", "two"):
        evalsuite(
            "run", "--tasks", tmp_path / "tasks", "--task", "warm", "--repeats", 3,
            "--base-url", server.base_url, "-o", tmp_path / name, cwd=tmp_path,
        )  # fmt: skip

    runs = [store.open_run(tmp_path / name) for name in ("one", "two")]
    assert not differing(*runs)
    texts = {}
    for record in store.journal(runs[0]).records():
        texts.setdefault(record.id, set()).add(record.response.token_ids)
    assert any(len(drawn) > 1 for drawn in texts.values())


def test_log_probabilities_of_choices_are_scored_on_a_real_server(vllm_server, tmp_path):
    private = tmp_path / "tasks" / "reasoning"
    private.mkdir(parents=True)
    (private / "rows.jsonl").write_text(
        '{"q": "The sky is", "options": [" blue", " cat dog cow"], "answer": 0}\n'
    )
    (private / "likely.yaml").write_text(
        "version: 1\nsource: {file: rows.jsonl}\napi: loglikelihood\nprompt: '{{ q }}'\n"
        "choices: '{{ options }}'\ntarget: '{{ answer }}'\nscorer: loglikelihood\n"
    )
    server = vllm_server()

    evalsuite(
        "run", "--tasks", tmp_path / "tasks", "--task", "likely",
        "--base-url", server.base_url, "-o", tmp_path / "run", cwd=tmp_path,
    )  # fmt: skip

    run = store.open_run(tmp_path / "run")
    (row,) = store.rows(run)
    assert row.status == "ok"
    sums = [record.response.logprob for record in store.journal(run).records()]
    assert len(sums) == 2
    assert all(math.isfinite(value) and value < 0 for value in sums)
