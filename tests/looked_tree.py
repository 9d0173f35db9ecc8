"""Two private buckets and a mock whose models answer them as well as a test says."""

import json
from pathlib import Path

TASK = """
version: 1
source: {{rows: rows.py:rows, seed: {name}, level: 0, count: {count}}}
prompt: "{{{{ question }}}}"
target: "{{{{ answer }}}}"
gold: "{{{{ answer }}}}"
scorer: exact_match
truncated: score
sampling: {{max_tokens: 8}}
"""

ROWS = """
def rows(seed, level, count):
    for number in range(count):
        yield {"question": f"{seed} {level} {number}?", "answer": f"{number % 7}"}
"""

ANSWERS = """
import hashlib

RIGHT = {right}  # model -> bucket -> share of right answers
FLIPS = {flips}  # share of the answers in which each model has its own way


def _fraction(*parts):
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest()) / 2**48


def answer(body, seed):
    asked = body["messages"][-1]["content"]
    bucket, _, number = asked.rstrip("?").split()
    share = RIGHT[body["model"]][bucket]
    own = body["model"] if _fraction("own", body["model"], asked) < FLIPS else ""
    right = _fraction("right", own, asked) < share
    return str(int(number) % 7) if right else "wrong"
"""


def write(folder: Path, sizes: dict[str, int], *, margin: float = 0.05) -> tuple[str, ...]:
    """Write a bucket of one task for each name, and say which flags choose them."""
    flags: list[str] = []
    (folder / "buckets").mkdir(parents=True)
    for name, count in sizes.items():
        tasks = folder / "tasks" / name
        tasks.mkdir(parents=True)
        (folder / "buckets" / f"{name}.yaml").write_text(
            f"title: {name}\nmeaning: Answers {name}.\nweights: task\nmargin: {margin}\n"
        )
        (tasks / "rows.py").write_text(ROWS)
        (tasks / f"{name}_task.yaml").write_text(TASK.format(name=name, count=count))
        flags += ["--bucket", name]
    trees = ("--tasks", str(folder / "tasks"), "--buckets", str(folder / "buckets"))
    return (*trees, *flags)


def script(folder: Path, right: dict[str, dict[str, float]], *, flips: float = 0.1) -> dict:
    """A mock's script: the models of `right`, each as good in each bucket as it says."""
    path = folder / "looked_answers.py"
    path.write_text(ANSWERS.format(right=json.dumps(right), flips=flips))
    return {"models": list(right), "answer": f"{path}:answer"}
