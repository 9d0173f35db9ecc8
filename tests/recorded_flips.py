"""Flips between models that other people recorded, as score rows made by our own code."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from made_runs import row
from scored import said, sample

from evalsuite import paths
from evalsuite import task as tasks
from evalsuite.health import health
from evalsuite.responses import score_responses
from evalsuite.types import JSON, Sample, ScoreRow, Task

Rows = dict[str, ScoreRow]  # by the item's name in the recording
BFCL = ("bfcl_non_live", "bfcl_live", "bfcl_relevance")


def both(data: Path, source: str, models: tuple[str, str], ids: set[str]) -> tuple[Rows, Rows]:
    """The rows of two models (or servers) on some items of a recording."""
    return _SOURCES[source](data, models[0], ids), _SOURCES[source](data, models[1], ids)


def lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _loaded(data: Path, name: str) -> tuple[Task, list[Sample]]:
    task = tasks.load(paths.tasks() / name)
    return task, list(tasks.samples(task, data=data, offline=True))


def _scored(
    task: Task, samples: Iterable[Sample], answers: dict[str, JSON], match: str = "key"
) -> Rows:
    """Rows of some answers, scored as a file of responses is."""
    asked = [one for one in samples if str(_named(one, match)) in answers]
    given = [
        json.dumps({match: _named(one, match), "response": answers[str(_named(one, match))]})
        for one in asked
    ]
    found = score_responses(task, asked, given, match=match)
    return {str(entry.match): entry.row for entry in found.scored if entry.row}


def _named(one: Sample, match: str) -> JSON:
    return one.key if match == "key" else one.inputs[match]


def _gsm8k(data: Path, model: str, ids: set[str]) -> Rows:
    task, samples = _loaded(data, "reasoning/gsm8k.yaml")
    recorded = list(lines(data / "gsm8k" / "recorded" / "example_model_solutions.jsonl"))
    number = {recorded[int(name)]["question"]: name for name in ids}
    answers = {q: recorded[int(n)][model]["solution"] for q, n in number.items()}
    found = _scored(task, samples, answers, match="question")
    return {number[question]: found[question] for question in found}


def _mmlu_pro(data: Path, model: str, ids: set[str]) -> Rows:
    task, samples = _loaded(data, "reasoning/mmlu_pro.yaml")
    recorded = lines(data / "mmlu_pro" / "recorded" / f"{model}.jsonl")
    answers = {str(r["question_id"]): r["output"] for r in recorded}
    return _scored(task, samples, {name: answers[name] for name in ids})


def _xstest(data: Path, model: str, ids: set[str]) -> Rows:
    """Safe prompts; right where people saw full compliance."""
    path = data / "xstest" / f"xstest_v2_completions_{model}_gpteval.csv"
    with path.open(encoding="utf-8") as file:
        found = [entry for entry in csv.DictReader(file) if entry["id"] in ids]
    return {
        entry["id"]: _judged(
            entry["id"], entry["completion"], right=entry["final_label"].startswith("1")
        )
        for entry in found
    }


def _language_confusion(data: Path, model: str, ids: set[str]) -> Rows:
    """Right where every line is in the language that was asked for."""
    folder = data / "language_confusion"
    passed = {_place(v): v["lpr_pass"] for v in lines(folder / "verdicts" / f"{model}.jsonl")}
    with (folder / "recorded" / f"{model}.csv").open(encoding="utf-8") as file:
        found = {_place(entry): entry for entry in csv.DictReader(file) if _place(entry) in ids}
    return {
        name: _judged(name, entry["completion"], right=passed[name], language=entry["language"])
        for name, entry in found.items()
    }


def _place(entry: dict) -> str:
    return "|".join(entry[name] for name in ("id", "task", "source", "language"))


def _judged(name: str, text: str, *, right: bool, **tags: str) -> ScoreRow:
    """A row whose score is the published judgement, its health ours."""
    columns = health(sample(tags=tags), said(text))
    return row(0, float(right), id=name, key=name, answer=text, health=columns, tags=tags)


def _bfcl_vllm(data: Path, server: str, ids: set[str]) -> Rows:
    folder = data / "bfcl" / "recorded" / "vllm_gptoss_v4" / server / "openai_gpt-oss-120b"
    answers: dict[str, JSON] = {}
    for path in sorted(folder.glob("*.jsonl")):
        answers |= {r["id"]: _called(r["result"]) for r in lines(path) if r["id"] in ids}
    found: Rows = {}
    for name in BFCL:
        found |= _scored(*_loaded(data, f"tools/{name}.yaml"), answers)
    return found


def _bfcl_2024(data: Path, model: str, ids: set[str]) -> Rows:
    """Native calls; a model whose parser was missing leaves its calls in the text."""
    folder = data / "bfcl" / "recorded" / "v2_2024-08-11"
    samples = [
        sample(
            asked["possible_answer"],
            question=[[{"role": "user", "content": asked["question"]}]],
            function=asked["function"],
            config=asked["category"],
            id=asked["id"],
        )
        for asked in lines(folder / "dataset.jsonl")
        if asked["id"] in ids
    ]
    recorded = lines(folder / f"{model}.jsonl")
    answers = {r["id"]: _called(r["raw"]) for r in recorded if r["id"] in ids}
    task = tasks.load(paths.tasks() / "tools" / "bfcl_non_live.yaml")
    return {
        name: _scored(task, [one], {name: answers[name]}, match="id")[name]
        for one in samples
        for name in [str(one.inputs["id"])]
    }


def _called(result: str | list) -> JSON:
    """What was stored of an answer as a response: text, or `[{name: arguments}]`."""
    if isinstance(result, str):
        return {"text": result}
    calls = [{"name": n, "arguments": a} for call in result for n, a in call.items()]
    return {"text": "", "tool_calls": calls}


_SOURCES: dict[str, Callable[[Path, str, set[str]], Rows]] = {
    "gsm8k": _gsm8k,
    "mmlu_pro": _mmlu_pro,
    "xstest": _xstest,
    "language_confusion": _language_confusion,
    "bfcl_vllm": _bfcl_vllm,
    "bfcl_2024": _bfcl_2024,
}
