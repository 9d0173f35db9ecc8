"""Scored rows -> the conclusions of a run: scores.parquet, summary.json, its status."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from evalsuite import store
from evalsuite.errors import StoreError
from evalsuite.journal import Key, Place
from evalsuite.packing import pack
from evalsuite.types import JSON, Estimate, ScoreRow

if TYPE_CHECKING:
    from evalsuite import looks


class _Summary(msgspec.Struct):
    """What summary.json holds."""

    estimates: tuple[Estimate, ...]


_FEW = 4096  # rows that are read from disk once, not as often as they are looked at
_SUMMARY = msgspec.json.Decoder(_Summary)


def conclude(
    run: store.Run,
    rows: Sequence[ScoreRow],
    places: Mapping[Key, Place],
    tool_calls: Sequence[JSON] = (),
) -> store.Run:
    """Write scores.parquet and summary.json, and the run's status.

    `tool_calls` goes into summary.json as it is: where lost tool calls were lost.

    Of a run that a gate followed only the rows up to each bucket's last look count; what was
    in flight then stays in the journal.

    Raises:
        ComparisonError: such a run's baseline is gone, or has other scores now.
    """
    from evalsuite import summary  # with numpy; a reader of summary.json needs none

    if len(rows) <= _FEW:
        rows = rows[:]
    gated = _settled(run, rows)
    asked = len(rows)
    if gated is not None:
        rows = [row for row in rows if gated.counts(row)]
    store.write_scores(run, rows, places)
    tally = summary.Tally()
    for row in rows if gated is None else gated.even(rows):
        tally.add(row)
    found = tally.estimates(run.manifest["buckets"], run.manifest["tasks"])
    lost = {"tool_calls": list(tool_calls)} if tool_calls else {}
    store.write_json(run.path / "summary.json", {"estimates": pack(found), **lost})
    failed = sum(row.score is None for row in rows) if gated else tally.failed
    counts = {"expected": len(rows), "done": len(rows) - failed, "failed": failed}
    if gated is None:
        status = "incomplete" if failed else "complete"
        return store.update(run, status=status, counts=counts)
    counts |= {"expected": gated.planned, "late": asked - len(rows)}
    return store.update(run, status=gated.status, counts=counts, looks=gated.used())


def _settled(run: store.Run, rows: Sequence[ScoreRow]) -> "looks.Settled | None":
    if "plan" not in run.manifest:
        return None
    from evalsuite import looks

    return looks.settle(run, rows)


def stated(run: store.Run) -> tuple[Estimate, ...]:
    """The estimates as summary.json states them; computed where it is not there.

    Raises:
        StoreError: it holds something else.
    """
    try:
        return _SUMMARY.decode((run.path / "summary.json").read_bytes()).estimates
    except FileNotFoundError:
        return estimates(run, store.rows(run))
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"{run.path / 'summary.json'} cannot be read ({error}): evalsuite score rewrites it"
        ) from None


def estimates(run: store.Run, rows: Sequence[ScoreRow]) -> tuple[Estimate, ...]:
    """The estimates of a run's buckets, tasks and slices, weighted as its manifest declares."""
    from evalsuite import summary

    if "plan" in run.manifest:
        from evalsuite import looks

        rows = looks.even(run, rows)
    declared = run.manifest.get("buckets") or {}
    return summary.estimate(rows, declared, tasks=run.manifest.get("tasks") or {})
