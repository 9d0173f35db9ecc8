"""What `run --against` settles before the first request: is it comparable, and the plan.

arrange(asked, manifest, plan, ...) -> the manifest and the plan with their looks
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite import comparability, store, words
from evalsuite.comparability import Overlap
from evalsuite.errors import ComparisonError, IncompleteError, TaskError, UsageError
from evalsuite.looks import schedule as schedules
from evalsuite.looks.decide import Bounds, bounds
from evalsuite.looks.order import blocks, look_places, ordered
from evalsuite.looks.schedule import Place, Schedule, Track, digest
from evalsuite.policy import Policy, Rule, check_weights
from evalsuite.score_table import ScoreTable
from evalsuite.store import Run
from evalsuite.types import JSON, Item, Plan, ScoreRow

FINISHED = ("complete", "stopped_by_plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A run that is gated while it goes on.

    Attributes:
        baseline: a complete run.
        policy: by which rules.
        fast: stop a bucket also where going on is futile.
        fail_fast: end the run at the first FAIL of a blocking bucket.
        allow: differences from the baseline that are not to block.
    """

    baseline: Run
    policy: Policy
    fast: bool = False
    fail_fast: bool = False
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is about to be run.

    Attributes:
        manifest: as it will be written, without its plan.
        plan: what is to be asked, a block a bucket.
        in_flight: requests at once.
        old: the unfinished run that is gone on with, None where there is none.
    """

    manifest: Mapping[str, JSON]
    plan: Plan
    in_flight: int
    old: Run | None = None


def arrange(asked: Against, candidate: Candidate) -> tuple[dict[str, JSON], Plan]:
    """Refuse what cannot be compared, then put the items in order and fix the looks.

    Returns:
        The manifest with `plan` (id, digest, baseline, flags), and the plan with its blocks.

    Raises:
        ComparisonError: the baseline differs in what is asked or how it is scored, lacks a
            task, or was itself stopped early.
        IncompleteError: the baseline is not complete.
        TaskError: the policy cannot judge this run.
    """
    check_baseline(asked.baseline)
    rows = store.scores(asked.baseline)
    _check_comparable(asked, candidate, rows)
    rules = _rules(asked, candidate)
    made = _schedule(asked, candidate, rules, rows)
    old = _stored(candidate.old, made)
    planned: dict[str, tuple[tuple[Item, ...], ...]] = {}
    tracks = {}
    for name, group in candidate.plan.blocks.items():
        clusters = ordered([item for block in group for item in block], made.seed)
        places = old.tracks[name].clusters if old else _places(asked, candidate, clusters)
        tracks[name] = placed(made.tracks[name], clusters, places)
        planned[name] = blocks(clusters, places)
    made = replace(made, tracks=tracks)
    plan = replace(candidate.plan, blocks=planned, looks=schedules.plain(made))
    entry = {
        "id": made.id,
        "digest": digest([plan.looks, store.blocks_of(plan)]),
        "candidate": made.candidate,
        "baseline": asked.baseline.name,
        "policy": made.policy,
        "fast": asked.fast,
        "fail_fast": asked.fail_fast,
    }
    return {**candidate.manifest, "plan": entry}, plan


def check_baseline(baseline: Run) -> None:
    """Refuse a baseline that does not hold an answer to everything that it was asked.

    Raises:
        ComparisonError: it was stopped early by a plan of its own.
        IncompleteError: it is not complete.
    """
    if baseline.status == "stopped_by_plan":
        raise ComparisonError(
            f"{baseline.path} was stopped by its plan before all items were asked: it is no "
            "baseline. Run it whole, without --against"
        )
    if baseline.status != "complete":
        raise IncompleteError(
            f"{baseline.path} is not complete ({baseline.status}): a gate needs every answer "
            "of the baseline. Run the same command to go on."
        )


def _check_comparable(asked: Against, candidate: Candidate, rows: Sequence[ScoreRow]) -> None:
    """What differs, judged as a diff would judge it, before anything is asked."""
    before: dict[str, dict[str, str]] = {}
    for row in rows:
        before.setdefault(row.task, {})[row.id] = row.key
    now: dict[str, dict[str, str]] = {}
    for item in candidate.plan.items():
        now.setdefault(item.task.name, {})[item.sample.id] = item.sample.key
    for task in now:
        if task not in before:
            raise ComparisonError(
                f"{asked.baseline.path} has no answer to {task}: run it there too, or choose "
                "what is run by --bucket and --task"
            )
    overlaps = {task: _overlap(before[task], ids) for task, ids in now.items()}
    found = comparability.differences(
        asked.baseline.manifest, candidate.manifest, overlaps, allow=asked.allow
    )
    comparability.refuse(found)


def _overlap(before: Mapping[str, str], now: Mapping[str, str]) -> Overlap:
    """How the items of a task overlap, by id; the values are the sources' own names."""
    old, new = before.keys() - now.keys(), now.keys() - before.keys()
    changed = len({before[one] for one in old} & {now[one] for one in new})
    return Overlap(
        baseline=len(before),
        candidate=len(now),
        equal=len(before.keys() & now.keys()),
        changed=changed,
    )


def _rules(asked: Against, candidate: Candidate) -> dict[str, Rule]:
    """The rule of each bucket that is run.

    Raises:
        TaskError: none of them blocks, or a rule does not fit looks.
    """
    declared = candidate.manifest["buckets"]
    rules = {name: asked.policy.rule(name, declared[name]) for name in candidate.plan.blocks}
    where = asked.policy.path or "the default policy"
    if not any(rule.blocking for rule in rules.values()):
        raise TaskError(
            f"{where}: none of the buckets that are run blocks "
            f"({words.listed(list(rules), most=6)}), and a gate that cannot fail is no gate"
        )
    for name, rule in rules.items():
        check_weights(asked.policy, name, rule, declared[name]["tasks"], of="the run")
        if rule.population == "suite":
            raise TaskError(
                f'{where}: [buckets.{name}] population: expected "items" for a run that may '
                'stop early (looks use a random part of the items), found "suite"'
            )
        if math.isnan(rule.margin):
            raise TaskError(
                f"{where}: [buckets.{name}] margin: expected a fraction for a run that may "
                'stop early (2 points are 0.02), found "auto"'
            )
    return rules


def _schedule(
    asked: Against,
    candidate: Candidate,
    rules: Mapping[str, Rule],
    rows: Sequence[ScoreRow],
) -> Schedule:
    """Everything but the places of the looks."""
    policy, plan = asked.policy, candidate.plan
    declared = candidate.manifest["buckets"]
    tracks = {
        name: _track(name, declared[name], rule, (policy, len(rules)))
        for name, rule in rules.items()
    }
    items = store.blocks_of(plan)
    made = Schedule(
        id="",
        candidate=_identity(candidate.manifest),
        baseline={
            "name": asked.baseline.name,
            "path": asked.baseline.url or str(asked.baseline.path.resolve()),
            "digest": rows_digest(rows, {(task, key) for task, key, _ in _each(items)}),
        },
        policy=str(policy.path or ""),
        seed=plan.seed,
        fast=asked.fast,
        fail_fast=asked.fail_fast,
        tracks=tracks,
    )
    question = [
        made.candidate,
        made.baseline["digest"],
        {name: rule_facts(track) for name, track in tracks.items()},
        [policy.looks.step, policy.looks.gamma, policy.looks.order],
        sorted(_each(items)),
    ]
    return replace(made, id=digest(question))


def _each(items: Mapping[str, JSON]) -> list[JSON]:
    return [one for group in items.values() for block in group for one in block]


def rule_facts(track: Track) -> dict[str, JSON]:
    """What a policy says of a bucket that its looks rest on."""
    return {
        "margin": track.margin,
        "alpha": track.alpha,
        "alpha_fail": track.alpha_fail,
        "fail": track.fail,
        "weights": track.weights,
        "tier": "block" if track.blocking else "warn",
        "max_missing": track.max_missing,
        "noise": list(track.noise),
    }


def rule_track(bucket: str, title: str, rule: Rule, policy: Policy, buckets: int) -> Track:
    """What a policy asks of one of so many buckets, without looks or items."""
    variance, df = policy.extra(bucket)
    return Track(
        bucket=bucket,
        title=title,
        margin=rule.margin,
        alpha=rule.alpha,
        alpha_fail=min(rule.alpha, policy.alpha / buckets),
        fail=rule.fail,
        weights=rule.weights if isinstance(rule.weights, str) else dict(rule.weights),
        blocking=rule.blocking,
        max_missing=rule.max_missing,
        noise=(variance, None if math.isinf(df) else df),
        sizes=(),
        clusters=(),
        gamma=policy.looks.gamma,
        bounds=Bounds(info=(), passing=(), failing=()),
        repeats={},
        items=(),
    )


def _track(
    name: str, declared: Mapping[str, JSON], rule: Rule, judged: tuple[Policy, int]
) -> Track:
    title = str(declared.get("title") or name.replace("_", " "))
    return rule_track(name, title, rule, *judged)


def _places(
    asked: Against, candidate: Candidate, clusters: Sequence[Sequence[Item]]
) -> tuple[int, ...]:
    return look_places(clusters, step=asked.policy.looks.step, in_flight=candidate.in_flight)


def placed(track: Track, clusters: Sequence[Sequence[Item]], places: Sequence[int]) -> Track:
    """A track with its looks, its boundaries and its items."""
    samples: list[list[Place]] = [
        list(dict.fromkeys((item.task.name, item.sample.id) for item in group))
        for group in clusters
    ]
    sizes = [sum(len(group) for group in samples[:place]) for place in places]
    items = tuple(place for group in samples for place in group)
    info = [place / len(clusters) for place in places]
    counts: dict[str, set[int]] = {}
    for group in clusters:
        for item in group:
            counts.setdefault(item.task.name, set()).add(item.repeat)
    return replace(
        track,
        sizes=tuple(sizes),
        clusters=tuple(places),
        bounds=bounds(info, track.alpha, track.alpha_fail, gamma=track.gamma),
        repeats={task: len(found) for task, found in counts.items()},
        items=items,
    )


def _stored(old: Run | None, made: Schedule) -> Schedule | None:
    """The schedule of the run that is gone on with, where it is of the same plan.

    Its looks stay where they are: how many requests go on at once may have changed since.
    """
    if old is None or not (old.path / "plan.json").is_file():
        return None
    found = schedules.load(old)
    return found if found is not None and found.id == made.id else None


def not_run(asked: Against, plan: Plan) -> list[str]:
    """Which buckets stay undecided because they are not run, in a line; none if all are."""
    there = dict.fromkeys(
        [*(asked.baseline.manifest.get("buckets") or {}), *asked.policy.buckets]
    )
    names = [name for name in there if name not in plan.blocks]
    if not names:
        return []
    return [
        f"{words.listed(names, most=6)}: in the baseline or the policy and not run here, so "
        "the gate cannot pass them"
    ]


def rows_digest(rows: Sequence[ScoreRow], places: set[Place]) -> str:
    """Digest of the scores that some samples have."""
    table = ScoreTable.of(rows)
    codes, names = table.codes("task")
    columns = (codes.tolist(), table.texts("id").to_pylist(), table.repeat.tolist())
    found = [
        [names[task], key, repeat, None if score != score else score]
        for task, key, repeat, score in zip(*columns, table.score.tolist(), strict=True)
        if (names[task], key) in places
    ]
    return digest(sorted(found, key=lambda one: one[:3]))


def _identity(manifest: Mapping[str, JSON]) -> str:
    """Digest of what is being judged: its weights, or by which name it goes where unknown."""
    weights = comparability.fact((manifest.get("identity") or {}).get("weights"))
    if weights.known:
        return digest(["weights", weights.value])
    root = comparability.fact((manifest.get("server") or {}).get("root"))
    return digest(["name", manifest.get("model"), root.value if root.known else None])


def earlier(
    runs: Sequence[Run], manifest: Mapping[str, JSON], baseline: Run, own: Run | None
) -> int:
    """Refuse a second draw for the same question; count the looks at the same candidate.

    Args:
        runs: those that there are.
        manifest: of the run that is about to start, from `arrange`.
        baseline: of it.
        own: the unfinished run that is gone on with.

    Returns:
        How many gated runs of this candidate there were before, under whatever plan.

    Raises:
        UsageError: a finished run has the same plan.
    """
    plan = manifest["plan"]
    others = [
        run
        for run in runs
        if isinstance(run.manifest.get("plan"), Mapping)
        and (own is None or run.path.resolve() != own.path.resolve())
        and run.manifest["plan"].get("candidate") == plan["candidate"]
    ]
    for run in others:
        if run.manifest["plan"].get("id") == plan["id"] and run.status in FINISHED:
            named = str(run.manifest["plan"].get("policy") or "")
            policy = f" --policy {named}" if named else ""
            raise UsageError(
                f"{run.path} has answered this plan ({plan['id']}: same model, baseline, items "
                "and policy) already, and another draw would be another chance to pass. Its "
                f"verdict stands: evalsuite gate {baseline.path} {run.path}{policy}"
            )
    return len(others)
