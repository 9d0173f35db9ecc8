"""The manifest: everything that could move a score without the weights moving.

Written before the first request, compared on resume (a difference is refused by name) and
before any statistics of a diff.
"""

import os
import platform
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from evalsuite import __version__, client, host, identity, scorers, shards, task
from evalsuite.client import Endpoint, Served
from evalsuite.errors import StoreError
from evalsuite.packing import pack
from evalsuite.types import JSON, Bucket, Plan, Sample, Sampling, Source, Task

# Parts of a manifest that say when and where, not what: they may differ on resume.
_PASSING = (
    *("created", "name", "status", "host", "seconds", "counts", "schema", "server"),
    "replicas",
    "prompt_cache",
    "pace",
    "shards",
    "looks",
    "look_number",
    "requests",
    "options",
)


def describe_server(
    endpoint: Endpoint, served: Served, checkpoint: Path | None
) -> dict[str, JSON]:
    """Probe a server: its version, limits, and the token ids of the probe conversations.

    Args:
        endpoint: the role `model`.
        served: what the server says of the model.
        checkpoint: the folder it serves, where it is on this machine.

    Raises:
        ServerError: the server cannot be reached.
    """
    folder = checkpoint
    if folder is None and served.root and Path(served.root).is_dir():
        folder = Path(served.root)
    return {
        "server": {
            "base_url": endpoint.base_url,
            "version": identity.probed(client.version(endpoint)),
            "max_model_len": identity.probed(served.max_model_len),
            "root": identity.probed(served.root),
        },
        "identity": {
            **identity.checkpoint(folder),
            "probe_token_ids": identity.probed(host.probe_ids(endpoint) or None),
        },
    }


def task_entry(item: Task, samples: Sequence[Sample], repeats: int) -> dict[str, JSON]:
    """What a run records of one task; `fingerprint` names each part that moves scores."""
    return {
        "bucket": item.bucket,
        "title": item.title or item.name,
        "version": item.version,
        "fingerprint": task.fingerprint(item),
        **shards.described(samples),
        "repeats": repeats,
        "scorer": item.scorer,
        "scorer_version": scorers.version(item.scorer),
        "source": spelled(item.source),
        "sampling": spelled(item.sampling),
        "protocol": task.protocol(item),
        "truncated": item.truncated,
        "chance": item.chance,
        "twin": item.twin,
        "tags": list(item.tags),
    }


def spelled(noun: Source | Sampling) -> dict[str, JSON]:
    """A noun with its defaults written out; what is None is left out."""
    return {name: pack(value) for name, value in asdict(noun).items() if value is not None}


def build(
    model: str,
    buckets: Sequence[Bucket],
    tasks: Mapping[str, JSON],
    plan: Plan,
    facts: Mapping[str, JSON],
) -> dict[str, JSON]:
    """The manifest of a run that is about to start.

    Args:
        model: the served model's name.
        buckets: the buckets that are run, with the tasks that are run.
        tasks: `task_entry` by task name.
        plan: what is asked.
        facts: from `describe_server`, and whatever else is to be recorded (roles, args).
    """
    return {
        "model": model,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "evalsuite": __version__,
        "host": {
            "name": socket.gethostname(),
            "python": platform.python_version(),
            "system": _system(),
        },
        "seed": plan.seed,
        "tasks": dict(tasks),
        "buckets": {
            bucket.name: {
                "title": bucket.title,
                "meaning": bucket.meaning,
                "margin": bucket.margin,
                "weights": pack(bucket.weights),
                "tasks": [item.name for item in bucket.tasks],
            }
            for bucket in buckets
        },
        "counts": {"expected": len(plan.items()), "done": 0, "failed": 0},
        **facts,
    }


def _system() -> str:
    """What `platform.platform` says, on Linux without the process that it starts for it."""
    if not sys.platform.startswith("linux"):
        return platform.platform()
    kernel, library = os.uname(), "".join(platform.libc_ver())
    return "-".join((kernel.sysname, kernel.release, kernel.machine, "with", library))


def flatten(value: JSON, prefix: str = "") -> dict[str, JSON]:
    """Nested mappings as one, keys joined with dots."""
    if not isinstance(value, Mapping):
        return {prefix.rstrip("."): value}
    flat: dict[str, JSON] = {}
    for key, item in value.items():
        flat |= flatten(item, f"{prefix}{key}.")
    return flat


def check_resumable(old: Mapping[str, JSON], new: Mapping[str, JSON], name: str) -> None:
    """Refuse to go on with a run that was made differently.

    Raises:
        StoreError: names the first differences and how to start anew.
    """
    changed = differing(old, new)
    if changed:
        shown = "; ".join(_said(*one) for one in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise StoreError(f"cannot go on with {name}: {shown}{more}. --fresh starts anew.")


def differing(one: Mapping[str, JSON], two: Mapping[str, JSON]) -> list[tuple[str, str, str]]:
    """What differs between two manifests but when and where: (key, one's, two's), printable.

    What a person set comes before what follows from it.
    """
    before, after = (
        flatten({key: value for key, value in side.items() if key not in _PASSING})
        for side in (one, two)
    )
    version = ("server.version.value", "server.max_model_len.value")
    for side, flat in ((one, before), (two, after)):
        served = flatten({"server": side.get("server", {})})
        flat |= {key: served.get(key) for key in version}
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [
        (key, _short(before.get(key)), _short(after.get(key)))
        for key in sorted(changed, key=_telling)
    ]


def _said(key: str, before: str, now: str) -> str:
    if key == "plan.digest":  # two hashes would tell a person nothing
        return "the gate's rules, its baseline or the items to look at changed"
    return f"{key}: {before} before, {now} now"


def _telling(key: str) -> tuple[bool, bool, str]:
    """Order of differences: what a person set comes before what follows from it."""
    derived = key.endswith((".clusters", ".rows_hash")) or ".fingerprint." in key
    return derived, not key.endswith(".samples"), key


def _short(value: JSON) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
