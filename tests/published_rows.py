"""Hand-made rows in the schemas of published sets, staged as their repositories have them.

Texts are made up; field names and types are upstream's. `PUBLISHED[task]` has the splits of a
task's configuration; `stage` writes them for `--data`, `publish` as repositories for `hub.Hub`.
"""

import json
from pathlib import Path

from hub import Hub

from evalsuite import paths
from evalsuite import task as tasks
from evalsuite.types import Task

Rows = list[dict]

SHOTS = """import numpy as np

def is_floats(x) -> bool:
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False


def assertion(out, exp, atol):
    exact_match = out == exp
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match

"""


def _mmlu(count: int) -> Rows:
    return [
        {
            "question": f"Which number follows {at} in {subject}? ",
            "subject": subject,
            "choices": [str(at + step) for step in (1, 2, 3, 4)],
            "answer": at % 4,
        }
        for subject in ("high_school_counting", "virology")
        for at in range(count)
    ]


def _arc(labels: str) -> Rows:
    words = ["a shark", "a blue whale", "a frog"]
    return [
        {
            "id": f"Made_{answer}",
            "question": f"Which animal is number {answer}?",
            "choices": {"text": words, "label": list(labels)},
            "answerKey": answer,
        }
        for answer in labels
    ]


def _mmlu_pro(count: int, cot: str) -> Rows:
    return [
        {
            "question_id": 100 * number + at,
            "question": f"How many {subject} are {at}?",
            "options": [str(at), "none", "N/A"],
            "answer": "A",
            "answer_index": 0,
            "cot_content": cot,
            "category": subject,
            "src": "made up",
        }
        for number, subject in enumerate(("law", "math"))
        for at in range(count)
    ]


def _gsm8k(count: int, first: int) -> Rows:
    return [
        {
            "question": f"Ann has {at} hats and buys 2. How many?",
            "answer": f"Sum.\n#### {at + 2}",
        }
        for at in range(first, first + count)
    ]


_MBPP = {
    "task_id": 11,
    "text": "Write a function to halve a number, and a class that holds one.",
    "code": "class Held:\r\n  def __init__(self, x):\r\n    self.x = x\r\ndef halved(held):\r\n"
    "  return held.x / 2",
    "test_list": ["assert halved(Held(4)) == 2", "assert halved(Held(5)) == 2.5"],
    "test_setup_code": "",
    "challenge_test_list": [],
}
_MBPP_PLUS = {
    "task_id": 2,
    "code": "def thirds(xs):\n  return [x / 3 for x in xs]",
    "prompt": "Write a function to divide numbers by three.",
    "source_file": "Benchmark Questions Verification V2.ipynb",
    "test_imports": [],
    "test_list": ["assert thirds([3]) == [1]", "assert thirds([]) == []"],
    "test": SHOTS
    + "inputs = [[[3.0]], [[1.0, 2.0]], [[]]]\nresults = [[1.0], [0.3333333, 0.6666667], []]\n"
    "for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
    "    assertion(thirds(*inp), exp, 0)\n",
}
_HUMANEVAL_PLUS = {
    "task_id": "HumanEval/0",
    "prompt": "from math import pi\n\n\ndef area(r: float) -> float:\n"
    '    """ Area of a circle.\n    >>> area(0)\n    0.0\n    """\n',
    "canonical_solution": "\n    return pi * r * r\n",
    "entry_point": "area",
    "test": SHOTS + "def check(candidate):\n    inputs = [[1.0], [2.0]]\n"
    "    results = [3.14159265, 12.5663706]\n"
    "    for i, (inp, exp) in enumerate(zip(inputs, results)):\n"
    "        assertion(candidate(*inp), exp, 0)\n",
}
_GPQA = {
    "Record ID": "recMadeUp1",
    "Question": "What is 2 + 2?\n",
    "Correct Answer": "4\n",
    "Incorrect Answer 1": "3",
    "Incorrect Answer 2": "5",
    "Incorrect Answer 3": "22",
}
_AIME = {"id": "0", "problem": "Find the least odd prime, padded.", "answer": "003"}

PUBLISHED: dict[str, dict[str, Rows]] = {
    "mmlu": {"test": _mmlu(7)[5:7] + _mmlu(7)[12:], "dev": _mmlu(5)},
    "arc_challenge": {"test": _arc("ABC")},
    "arc_easy": {"test": _arc("123")},
    "mbpp": {"test": [_MBPP]},
    "mbpp_plus": {"test": [_MBPP_PLUS]},
    "humaneval_plus": {"test": [_HUMANEVAL_PLUS]},
    "gpqa_diamond": {"train": [_GPQA]},
    "aime25": {"test": [_AIME]},
    "mmlu_pro_5shot": {
        "test": _mmlu_pro(2, ""),
        "validation": _mmlu_pro(7, "A: Let's think step by step. So it is. The answer is (A).")[
            2:
        ],
    },
    "gsm8k_5shot": {"test": _gsm8k(2, 0), "train": _gsm8k(9, 10)},
    "gsm8k_chat": {"test": _gsm8k(2, 0)},
}


def load(name: str) -> Task:
    """The shipped task of that name."""
    return tasks.load(paths.tasks() / "reasoning" / f"{name}.yaml")


def _write(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def stage(folder: Path) -> Path:
    """Write every set for `--data`."""
    for name, splits in PUBLISHED.items():
        for split, rows in splits.items():
            _write(folder / name / f"{split}.jsonl", rows)
    return folder


def publish(folder: Path) -> Hub:
    """Write every set as its repository has it, at the commit that its task pins."""
    repositories: dict[str, tuple[Path, str]] = {}
    cards: dict[str, dict[str, str]] = {}
    for name, splits in PUBLISHED.items():
        source = load(name).source
        place = folder / source.hf.replace("/", "--")
        repositories[source.hf] = (place, source.revision)
        config = source.config or "default"
        for split, rows in splits.items():
            _write(place / config / f"{split}.jsonl", rows)
        files = "".join(
            f"  - {{split: {file.stem}, path: {config}/{file.name}}}\n"
            for file in sorted((place / config).iterdir())
        )
        cards.setdefault(source.hf, {})[config] = files
    for repository, configs in cards.items():
        parts = [f"- config_name: {name}\n  data_files:\n{f}" for name, f in configs.items()]
        card = f"---\nconfigs:\n{''.join(parts)}---\n"
        (repositories[repository][0] / "README.md").write_text(card)
    (first, (place, commit)), *others = repositories.items()
    hub = Hub(first, place, commit=commit)
    for name, (beside, pinned) in others:
        hub.add(name, beside, commit=pinned)
    return hub
