"""What a policy leaves to the baseline: margins "auto", floors, and a run's own noise.

`margin = "auto"` is the smallest margin that an equal model passes in 4 of 5 cases. It is
worked out from the baseline alone, before and without the candidate: a margin that looked at
the candidate would widen itself for a noisy one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from evalsuite.errors import TaskError
from evalsuite.pairing import TaskPairs, task_weights
from evalsuite.pairs import pairing_counts
from evalsuite.plan.chance import Stratum, error, provable
from evalsuite.plan.expect import strata
from evalsuite.plan.suggest import rounded_up
from evalsuite.policy import WIDEST, Rule

_NORMAL = NormalDist()


def settled(bucket: str, rule: Rule, tasks: Sequence[TaskPairs]) -> Rule:
    """A rule whose margin is a number.

    Args:
        bucket: its name, for messages.
        rule: as the policy has it; one that is not "auto" is returned as it is.
        tasks: paired samples of the bucket, of which the baseline's side alone is read.

    Raises:
        TaskError: the baseline has no score in the bucket, or too few for any margin.
    """
    if not rule.auto:
        return rule
    own = [one for one in map(_baseline, tasks) if len(one)]
    margin = provable(strata(own, {}, rule.weights), rule.alpha)
    if margin is None or rounded_up(margin) >= WIDEST:
        raise TaskError(
            f'[buckets.{bucket}] margin = "auto": the baseline has too few answers for any '
            "margin below 0.5. Give a margin, or answer more items"
        )
    return replace(rule, margin=rounded_up(margin))


def _baseline(pairs: TaskPairs) -> TaskPairs:
    """The baseline's samples of a task, paired with themselves."""
    there = np.flatnonzero(pairs.before.rows.sizes > 0)
    side = pairs.before.take(there)
    return replace(
        pairs,
        clusters=pairs.clusters[there],
        before=side,
        now=side,
        counts=pairing_counts(side, side),
    )


def with_noise(planned: Sequence[Stratum], extra: float) -> tuple[Stratum, ...]:
    """Tasks as they will be compared, a whole run's noise in their error.

    Args:
        planned: without it.
        extra: variance that two runs add to the bucket's difference.
    """
    own = error(planned) ** 2 if planned else 0.0
    kept = own / (own + extra) if own + extra > 0 else 1.0
    return tuple(replace(one, effective=one.effective * kept) for one in planned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What an equal model makes of the floor of a bucket.

    Attributes:
        score: of the baseline.
        stderr: of a score.
        passes: probability that an equal model is shown to reach the floor.
    """

    score: float
    stderr: float
    passes: float

    def reached(self, rule: Rule, chance: float) -> float:
        """The highest floor that an equal model is shown to reach with this chance."""
        reach = _NORMAL.inv_cdf(1 - rule.alpha) + _NORMAL.inv_cdf(chance)
        return max(0.0, math.floor((self.score - reach * self.stderr) * 1000) / 1000)


def floor(rule: Rule, tasks: Sequence[TaskPairs]) -> Floor | None:
    """The chance of a bucket's floor; None where it has none, or the baseline no score."""
    there = [one for one in map(_baseline, tasks) if bool((one.before.weight > 0).any())]
    if rule.least is None or not there:
        return None
    from evalsuite.stats import bucket_interval, cluster_mean, share_clusters

    means = [
        cluster_mean(one.before.score, weights=one.before.weight, clusters=one.clusters)
        for one in there
    ]
    weights = task_weights(rule.weights, [one.task for one in there])
    found = bucket_interval(means, weights, shared=share_clusters(means))
    score, stderr = float(found.estimate or 0.0), found.stderr or 0.0
    room = score - rule.least
    reach = _NORMAL.inv_cdf(1 - rule.alpha)
    passes = _NORMAL.cdf(room / stderr - reach) if stderr else float(room >= 0)
    return Floor(score=score, stderr=stderr, passes=passes)
