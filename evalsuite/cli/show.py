"""What the verbs print and write: a finished value to the terminal, JSON or a file."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from evalsuite import conclude, store
from evalsuite.cli import Arguments
from evalsuite.cli.options import OPTIONS
from evalsuite.errors import IncompleteError, UsageError
from evalsuite.packing import pack
from evalsuite.store import Run
from evalsuite.types import JSON

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from evalsuite.diff import Diff
    from evalsuite.gate import Verdict


def screen(width: int | None = None) -> "Console":
    """A console of rich's on standard output; texts are shown as they are."""
    from evalsuite.cli.screen import Screen

    return Screen(highlight=False, markup=False, emoji=False, width=width)


def console(*lines: "RenderableType") -> None:
    """Print renderables, at least 100 columns wide."""
    import shutil

    wide = max(shutil.get_terminal_size((110, 25)).columns, 100)
    put(screen(wide), *lines)


def put(console: "Console", *lines: "RenderableType") -> None:
    """Print renderables; outside a terminal every line ends where its text does."""
    if console.is_terminal:
        for line in lines:
            console.print(line)
        return
    with console.capture() as printed:
        for line in lines:
            console.print(line)
    for text in printed.get().splitlines():
        print(text.rstrip())


def as_json(value: JSON) -> None:
    """Print JSON data."""
    print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def plain(value: "Run | Diff | Verdict") -> JSON:
    """A run, a diff or a verdict as JSON data."""
    if not isinstance(value, Run):
        from evalsuite import diff, gate

        return diff.plain(value) if isinstance(value, diff.Diff) else gate.plain(value)
    from evalsuite import parser_or_model

    facts = {key: value.manifest[key] for key in ("name", "model", "status", "counts")}
    estimates = conclude.stated(value)
    lost = parser_or_model.stated(value.path)
    more = {"tool_calls": pack(lost)} if lost else {}
    return {**facts, "path": value.where, "estimates": pack(estimates), **more}


def scores(run: Run, *, json: bool) -> None:
    """Print the estimates of a run and what to do next."""
    if json:
        as_json(plain(run))
        return
    from evalsuite.report.scores import aligned, score_lines, score_table, tool_lines

    estimates = conclude.stated(run)
    lines, more = score_lines(run, estimates), tool_lines(run, estimates)
    if more or _may_be_styled():
        console(score_table(lines), *more)
    else:
        print(*aligned(lines), sep="\n")
    name = called(run)
    # Not through the console: a command that is broken in two cannot be copied.
    print(f"\n{run.where}")
    if "pace" in run.manifest:
        print(run.manifest["pace"]["said"])
    shard = run.manifest.get("shard")
    if shard:
        part = f"shard {shard['index']} of {shard['of']}"
        print(f"{part}: evalsuite merge {name} … makes one run of all of them")
        return
    print(f"evalsuite diff <base> {name}   ·   evalsuite report {name} -o report.html")


def _may_be_styled() -> bool:
    """Whether rich may show colours: to a terminal, or where the environment asks for them."""
    asked = any(os.environ.get(name) for name in ("FORCE_COLOR", "TTY_COMPATIBLE"))
    return asked or sys.stdout.isatty()


def called(run: Run) -> str:
    """How a person names a run in the next command: by its hash where that is enough."""
    if run.url:
        return shlex.quote(run.url)
    if run.path.parent == Path(OPTIONS["runs"].default):
        short = run.name.rsplit("-", 1)[-1]
        names = [other.name for other in store.all_runs(run.path.parent)]
        ends = [name.rsplit("-", 1)[-1] for name in names]
        # A run of that very name comes first where a name is looked up.
        alone = ends.count(short) == 1 and (short == run.name or short not in names)
        return shlex.quote(short if alone else run.name)
    return shlex.quote(str(run.path))


def missing(run: Run) -> IncompleteError | None:
    """What to say, and leave with, where samples have no answer: each class of failure."""
    failed = run.manifest["counts"]["failed"]
    if not failed:
        return None
    found = store.failures(run, store.scores(run))
    told = "; ".join(map(_class, found))
    lacking, way = "answer", "The same command asks for them again (--retry-failed: only them)."
    if [one.kind for one in found] == [store.OWED]:
        way = "The command that began the run goes on with it."
    if [one.kind for one in found] == [store.EPISODE]:
        way = "Mend the task's Python, then the same command with --fresh (or another -o)."
    if [one.kind for one in found] == [store.SCORER]:
        from evalsuite import again

        tree = "".join(f" {shlex.quote(part)}" for part in again.tree(run))
        lacking, way = "score", f"Mend the scorer, then: evalsuite score {called(run)}{tree}"
    return IncompleteError(
        f"{run.where} is incomplete: {failed:,} samples have no {lacking} ({told}). {way}"
    )


def _class(one: "store.Failed") -> str:
    """A class of failures in words."""
    if one.kind == store.OWED:
        return f"{one.count:,} not asked, or not to their end: the run was stopped before"
    return f"{one.count:,} {one.kind}, the first: {one.first}"


def compared(
    base: Run, candidate: Run, allow: Sequence[str] = (), *, refuse: bool = True
) -> "Diff":
    """The diff of two finished runs.

    Raises:
        ComparisonError: they cannot be compared, unless `refuse` is false: the diff says it.
    """
    from evalsuite import diff
    from evalsuite.cli import opening  # with numpy: `run` shows its scores without

    rows = opening.rows(base), opening.rows(candidate)
    return diff.compare(base, candidate, *rows, allow=tuple(allow), refuse=refuse)


def judged(base: Run, candidate: Run, arguments: Arguments) -> "Verdict":
    """The verdict of a policy, or of every bucket's own margin where none is given.

    A run that a gate followed is judged by the policy that its looks were planned with.
    """
    from evalsuite import gate, looks

    buckets = gate.declared_buckets(base, candidate)
    looked_at = looks.load(candidate)
    policy = gate.planned_policy(looked_at) if looked_at else gate.default_policy(buckets)
    if arguments.policy:
        policy = gate.load_policy(Path(arguments.policy), buckets)
    elif looked_at and looked_at.policy:
        # Its plan holds what decides when to stop, and no more of the policy than that.
        print(
            f"the looks were planned by {looked_at.policy}: its floors, guards and waivers "
            f"are judged with --policy {looked_at.policy} only",
            file=sys.stderr,
        )
    return gate.judge(compared(base, candidate, arguments.allow, refuse=False), policy)


def diff(base: Run, candidate: Run, arguments: Arguments) -> None:
    """Write the reports of a diff and print it."""
    from evalsuite import diff as diffs
    from evalsuite import noise
    from evalsuite.diff.latency import with_latency
    from evalsuite.report import terminal

    found = with_latency(compared(base, candidate, arguments.allow))
    if arguments.noise:
        found = diffs.beside_noise(found, noise.load(Path(arguments.noise)))
    for path in arguments.out:
        write_one(Path(path), found)
    if arguments.json:
        as_json(plain(found))
    else:
        console(*terminal.diff_lines(found))


def gate(base: Run, candidate: Run, arguments: Arguments) -> "Verdict":
    """Write the reports of a verdict, print it, and return it."""
    from evalsuite.report import terminal

    verdict = judged(base, candidate, arguments)
    for path in arguments.out:
        write_one(Path(path), verdict)
    if arguments.json:
        as_json(plain(verdict))
    else:
        console(*terminal.verdict_lines(verdict))
        next_steps(verdict)
    return verdict


def next_steps(verdict: "Verdict") -> None:
    """Print the commands that would decide what is undecided, a line each.

    Not through the console: a command that is broken in two cannot be copied.
    """
    from evalsuite.report import untrusted

    for one in verdict.buckets:
        if one.commands:
            print(f"\nto ask {untrusted.line(one.title)} as often as that, and gate the two:")
            print(*map(untrusted.visible, one.commands), sep="\n")


def check_out(paths: Sequence[str], *, folder: bool = False) -> None:
    """Refuse what `-o` cannot write, before any work is done for it.

    Args:
        paths: as given.
        folder: a path without a suffix, or with a slash at its end, is a run's own folder.

    Raises:
        UsageError: no such format, a folder in the way, or no folder to write into.
    """
    for text in paths:
        if folder and is_folder(text):
            continue
        path = Path(text)
        _writer(path, hint=f" (for a run's folder of this name: -o {text}/)" if folder else "")
        check_writable(path)


def check_writable(path: Path) -> None:
    """Refuse an `-o` that is a folder, or stands where none can be made.

    Raises:
        UsageError: it cannot be written.
    """
    near = next(one for one in path.absolute().parents if one.exists())
    if path.is_dir() or not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
        raise UsageError(f"-o {path}: cannot be written")


def is_folder(text: str) -> bool:
    """Whether an `-o` of `run` names the run's own folder: no suffix, a slash, or it is one."""
    return not Path(text).suffix or text.endswith("/") or (Path(text) / "run.json").is_file()


def write(run: Run, paths: Sequence[str]) -> None:
    """Write reports of one run; each suffix chooses its format."""
    for path in paths:
        write_one(Path(path), run)


def write_one(path: Path, value: "Run | Diff | Verdict") -> None:
    """Write one report in the format that the suffix names.

    Raises:
        UsageError: no such format, or the file cannot be written.
    """
    text = _writer(path)(value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"-o {path}: {error.strerror}") from None


def _writer(path: Path, *, hint: str = "") -> "Callable[[Run | Diff | Verdict], str]":
    from evalsuite import report

    writers = {
        ".html": report.html,
        ".md": report.markdown,
        ".xml": report.junit,
        ".json": lambda found: orjson.dumps(plain(found), option=orjson.OPT_INDENT_2).decode(),
    }
    if path.suffix not in writers:
        known = f"no format '{path.suffix}'. Known: {', '.join(writers)}"
        if not path.suffix:
            known = f"its suffix chooses the format: {', '.join(writers)}"
        raise UsageError(f"-o {path}: {known}{hint}")
    return writers[path.suffix]
