"""A run directory: facts appended, conclusions rewritten, readable without us.

run.json           the manifest: everything that can move a score without the weights moving
plan.json          what is asked, in which blocks, before the first request
samples.parquet    inputs, target, key, cluster, tags (samples.jsonl until all is asked)
journal/NNNN.jsonl what was asked and answered (journal.py)
scores.parquet     one row a task, sample and repeat; derived, rewritten by `score`
summary.json       estimates; derived
lock               held by the one process that writes
"""

from evalsuite.store.failed import EPISODE, OWED, SCORER, Failed, failures
from evalsuite.store.names import all_runs, find, newest, unfinished
from evalsuite.store.remote import copy, is_url, open_at
from evalsuite.store.run import (
    SCHEMA,
    Run,
    check_place,
    create,
    gone_if_refused,
    lock,
    open_run,
    replacing,
    update,
    write_json,
)
from evalsuite.store.tables import (
    PLAIN_COLUMNS,
    blocks_of,
    gather_samples,
    has_samples,
    journal,
    note_samples,
    pack_samples,
    rows,
    samples,
    scores,
    write_plan,
    write_samples,
    write_scores,
)

__all__ = [
    "EPISODE",
    "OWED",
    "PLAIN_COLUMNS",
    "SCHEMA",
    "SCORER",
    "Failed",
    "Run",
    "all_runs",
    "blocks_of",
    "check_place",
    "copy",
    "create",
    "failures",
    "find",
    "gather_samples",
    "gone_if_refused",
    "has_samples",
    "is_url",
    "journal",
    "lock",
    "newest",
    "note_samples",
    "open_at",
    "open_run",
    "pack_samples",
    "replacing",
    "rows",
    "samples",
    "scores",
    "unfinished",
    "update",
    "write_json",
    "write_plan",
    "write_samples",
    "write_scores",
]
