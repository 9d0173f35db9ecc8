"""What a run that a gate ended early has asked of its server, against what its plan would have.

The server's own counter is believed where it has one (vLLM's `request_success_total`): what was
in flight when a bucket ended is in it, and what others asked of the server meanwhile, too.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from evalsuite.client import Endpoint, metrics
from evalsuite.journal import Key
from evalsuite.types import JSON, Plan

_FINISHED = re.compile(r"^vllm:request_success_total(\{[^}]*\})? ([0-9.e+]+)$", re.MULTILINE)
_MODEL = re.compile(r'model_name="([^"]*)"')


def finished(endpoints: Iterable[Endpoint]) -> int | None:
    """Requests that servers have answered since they started; None where one does not tell."""
    total = 0
    for endpoint in endpoints:
        told = _FINISHED.findall(metrics(endpoint) or "")
        if not told:
            return None
        for labels, count in told:
            model = _MODEL.search(labels)
            if model is None or model[1] == endpoint.model:
                total += int(float(count))
    return total


def before(endpoints: Sequence[Endpoint]) -> dict[str, JSON]:
    """What the servers have answered before the first request, for the manifest."""
    return {"servers": [one.base_url for one in endpoints], "before": finished(endpoints)}


def spent(
    noted: Mapping[str, JSON], endpoints: Sequence[Endpoint], plan: Plan, keys: Iterable[Key]
) -> dict[str, JSON]:
    """What was asked, and what the whole plan would have taken.

    Args:
        noted: from `before`, by the process that began the run.
        endpoints: of the role `model`.
        plan: of the run.
        keys: of the journal.

    Returns:
        `noted` with `asked` (requests), `by` ("server", or "journal" where no server tells, or
        it is not the one the run began on) and `planned` (requests of the whole plan: its items
        at the requests an item has taken, task by task).
    """
    asked: Counter[str] = Counter()
    items: dict[str, set[tuple[str, int]]] = {}
    for key in keys:
        if key.role == "model":
            asked[key.task] += 1
            items.setdefault(key.task, set()).add((key.id, key.repeat))
    whole = Counter(item.task.name for item in plan.items())
    planned = sum(
        count * (asked[task] / len(items[task]) if task in items else 1.0)
        for task, count in whole.items()
    )
    told = None
    if noted.get("servers") == [one.base_url for one in endpoints]:
        now, start = finished(endpoints), noted.get("before")
        told = now - start if now is not None and start is not None and now >= start else None
    return {
        **noted,
        "asked": asked.total() if told is None else told,
        "by": "journal" if told is None else "server",
        "planned": round(planned),
    }
