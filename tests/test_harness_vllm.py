"""lm-eval itself and our engine ask one real server, and say the same of every document."""

import asking
import harness_files
import harness_oracle
import pytest

from evalsuite import episode, task
from evalsuite.client import Endpoint
from evalsuite.types import Transcript

pytestmark = [pytest.mark.needs("vllm"), pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("harness")
    harness_files.write(made)
    return made


@pytest.fixture(scope="module")
def server(vllm_server):
    return vllm_server()


@pytest.fixture(scope="module")
def theirs(server):
    """lm-eval's own client of the server's completions API."""
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    checkpoint = str(server.launch.checkpoint)
    return LocalCompletionsAPI(
        model=server.model, base_url=f"{server.base_url}/completions", tokenizer=checkpoint
    )


def ours(server, loaded) -> list[tuple]:
    """Every sample of a task: its score, and the responses it comes from."""
    where = Endpoint(base_url=server.base_url, model=server.model)
    found = []
    for sample in task.samples(loaded):
        requests = episode.begin(task.episode(loaded, sample)).requests
        said = asking.send_all(where, list(requests))
        assert not any(response.failure for response in said)
        step = tuple(zip(requests, said, strict=True))
        found.append((task.scorer(loaded)(sample, Transcript(steps=(step,))), said))
    return found


@pytest.mark.parametrize("name", list(harness_files.TASKS))
def test_a_real_server_gives_both_the_same_answers_and_verdicts(name, folder, server, theirs):
    built = harness_oracle.build(folder, name)
    generates = built.OUTPUT_TYPE == "generate_until"
    ask = theirs.generate_until if generates else theirs.loglikelihood
    answers = ask(built.instances, disable_tqdm=True)
    for instance, answer in zip(built.instances, answers, strict=True):
        instance.resps = [answer]

    mine = ours(server, task.load(folder / "tasks" / "reasoning" / f"{name}.yaml"))

    said = [response for _, responses in mine for response in responses]
    assert len(said) == len(answers)
    for response, answer in zip(said, answers, strict=True):
        if generates:
            assert response.text == answer
        else:
            assert response.logprob == pytest.approx(answer[0], abs=0.01)
            assert response.greedy == answer[1]
    found = [{key: one.value for key, one in score.metrics.items()} for score, _ in mine]
    assert found == harness_oracle.verdicts(built)
