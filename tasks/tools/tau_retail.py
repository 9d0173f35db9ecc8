"""tau-bench's shop: orders changed, returned and exchanged under the company's policy."""

from collections.abc import Generator
from pathlib import Path

import tau_rows
import tau_talk
from tau_retail_tools import DOMAIN

from evalsuite.types import JSON, Request, Response, Sample, Score, Transcript


def rows(seed: str, level: int, count: int, data: Path | None) -> list[tau_rows.Row]:
    """The 115 tasks; they are published, so seed and level say nothing."""
    return tau_rows.rows(DOMAIN, data)


def episode(sample: Sample) -> Generator[Request, Response, JSON]:
    """See `tau_talk.episode`."""
    return tau_talk.episode(sample, DOMAIN)


def gold(sample: Sample) -> tuple[Response, ...]:
    """See `tau_talk.gold`."""
    return tau_talk.gold(sample, DOMAIN)


def score(sample: Sample, transcript: Transcript) -> Score:
    """See `tau_talk.score`."""
    return tau_talk.score(sample, transcript)
