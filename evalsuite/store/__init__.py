"""A run directory: facts appended, conclusions rewritten, readable without us.

run.json           the manifest: everything that can move a score without the weights moving
plan.json          what is asked, in which blocks, before the first request
samples.parquet    inputs, target, key, cluster, tags
journal/NNNN.jsonl what was asked and answered (journal.py)
scores.parquet     one row a task, sample and repeat; derived, rewritten by `score`
summary.json       estimates; derived
lock               held by the one process that writes
"""

from evalsuite.store.names import all_runs, find, unfinished
from evalsuite.store.run import (
    SCHEMA,
    Run,
    check_place,
    create,
    lock,
    open_run,
    update,
    write_json,
)
from evalsuite.store.tables import (
    PLAIN_COLUMNS,
    journal,
    rows,
    samples,
    write_plan,
    write_samples,
    write_scores,
)

__all__ = [
    "PLAIN_COLUMNS",
    "SCHEMA",
    "Run",
    "all_runs",
    "check_place",
    "create",
    "find",
    "journal",
    "lock",
    "open_run",
    "rows",
    "samples",
    "unfinished",
    "update",
    "write_json",
    "write_plan",
    "write_samples",
    "write_scores",
]
