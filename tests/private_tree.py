"""A private task tree for tests: a seventh bucket of a question, a pair and a conversation."""

from pathlib import Path

BUCKET = """
title: Manners
meaning: Says please, and the number it was asked for.
weights: task
margin: 0.12
"""

ROWS = '''
from evalsuite.types import Request, Sampling, score_of, user


def rows(seed, level, count):
    for number in range(count):
        yield {"question": f"Please say {seed}-{level}-{number}.", "answer": f"{number % 7}"}


def conversation(sample):
    """Two turns; the second quotes the first answer."""
    messages = [user(sample.inputs["question"])]
    first = yield Request(messages=tuple(messages), sampling=Sampling(max_tokens=16))
    messages += [user(f"You said {first.text!r}. Sure?")]
    second = yield Request(messages=tuple(messages), sampling=Sampling(max_tokens=16))
    return {"said": [first.text, second.text]}


def pair(sample):
    """Both orders of a question, asked together."""
    asked = [
        Request(messages=(user(f"{order}: {sample.inputs['question']}"),),
                sampling=Sampling(max_tokens=16, temperature=1.0))
        for order in ("AB", "BA")
    ]
    one, two = yield tuple(asked)
    return {"said": [one.text, two.text]}


def score(sample, transcript):
    said = (transcript.outcome or {}).get("said", [])
    return score_of(sum(len(text) % 2 for text in said) / 2, answer=" | ".join(said))
'''

QUESTION = """
version: 1
source: {rows: rows.py:rows, seed: s, level: 0, count: 30}
prompt: "{{ question }}"
target: "{{ answer }}"
gold: "{{ answer }}"
scorer: exact_match
truncated: score
sampling: {max_tokens: 16}
"""

EPISODE = """
version: 1
source: {{rows: rows.py:rows, seed: s, level: 0, count: 30}}
episode: rows.py:{name}
target: "{{{{ answer }}}}"
scorer: rows.py:score
truncated: score
sampling: {{max_tokens: 16}}
"""


def write(folder: Path) -> tuple[str, ...]:
    """Write the tree and say which flags name it."""
    tasks, buckets = folder / "tasks" / "manners", folder / "buckets"
    tasks.mkdir(parents=True)
    buckets.mkdir()
    (buckets / "manners.yaml").write_text(BUCKET)
    (tasks / "rows.py").write_text(ROWS)
    (tasks / "question.yaml").write_text(QUESTION)
    for name in ("conversation", "pair"):
        (tasks / f"{name}.yaml").write_text(EPISODE.format(name=name))
    return ("--tasks", str(folder / "tasks"), "--buckets", str(buckets), "--bucket", "manners")


def write_warm(folder: Path, samples: int) -> tuple[str, ...]:
    """The tree with more samples a task, all of them sampled, so that repeats go together."""
    flags = write(folder)
    for path in folder.glob("tasks/manners/*.yaml"):
        text = path.read_text().replace("count: 30", f"count: {samples}")
        path.write_text(text.replace("{max_tokens: 16}", "{max_tokens: 16, temperature: 1}"))
    return flags
