"""Tool calls in words: how they break their schemas, and who lost the ones that are lost."""

from collections import Counter
from collections.abc import Mapping, Sequence

from evalsuite import parser_or_model, words
from evalsuite.parser_or_model import Loss
from evalsuite.report import condition
from evalsuite.scorers.call_schema import KINDS
from evalsuite.store import Run
from evalsuite.types import Estimate

_FLAG = "--tool-call-parser"
_PARSERS = ("hermes", "llama3_json", "mistral", "pythonic")  # that are called like the syntax
_BESIDE = ("unwanted_call", "leaked_call")


def schema_line(bucket: Estimate) -> str:
    """How calls of a bucket break their schemas, the rates that are not zero; "" if none is."""
    rates = bucket.health
    if "schema_invalid" not in rates:  # no tools were offered
        return ""
    broken = ", ".join(_rate(rates, kind) for kind in KINDS if rates.get(kind))
    said = [_rate(rates, "schema_invalid") + f" ({broken})"] if broken else []
    return " · ".join([*said, *(_rate(rates, one) for one in _BESIDE if rates.get(one))])


def _rate(rates: Mapping[str, float], column: str) -> str:
    return f"{condition.name(column)} {words.percent(rates.get(column, 0.0))}"


def sentences(run: Run, bucket: str) -> list[str]:
    """Who lost the tool calls of a bucket that are lost; [] where none is.

    Args:
        run: scored; its summary.json says it.
        bucket: by name.
    """
    losses = [one for one in parser_or_model.stated(run.path) if one.bucket == bucket]
    total = Counter[str]()
    for one in losses:
        for name in ("answers", "lost", "model", "parser", "halted", "cut_off", "unknown"):
            total[name] += getattr(one, name)
        total["flattered"] += one.flattered
        total["finish_wrong"] += one.finish_wrong
    found = [_owners(total)] if total["lost"] else []
    if total["parser"] or total["halted"] or total["flattered"]:
        found += _advice(run, losses)
    if total["flattered"]:
        found.append(
            f"{words.counted(total['flattered'], 'answer')} count as right only because the "
            "parser dropped a call that the model made where none was wanted"
        )
    if total["finish_wrong"]:
        found.append(
            f"finish_reason contradicts the calls in {words.count(total['finish_wrong'])} of "
            f"{words.counted(total['answers'], 'answer')}: scores do not use it, clients may"
        )
    return found


def is_parser(run: Run, bucket: str) -> bool:
    """Whether the server's parser is seen to have lost answers of a bucket."""
    own = (one for one in parser_or_model.stated(run.path) if one.bucket == bucket)
    return any(one.parser or one.halted for one in own)


def by_parser(runs: Sequence[Run], bucket: str) -> list[str]:
    """Of each of two compared runs whose server's parser lost calls of a bucket: how many."""
    return [
        f"{run.name}: {sentences(run, bucket)[0]}" for run in runs if is_parser(run, bucket)
    ]


def _owners(total: "Counter[str]") -> str:
    """Who lost the answers, the parser first."""
    lost, parser, halted = total["lost"], total["parser"], total["halted"]
    rest = [
        (total["model"], "the model's own"),
        (total["cut_off"], "cut off"),
        (total["unknown"], "unknown, for want of the raw text"),
    ]
    others = ", ".join(f"{words.count(n)} {what}" for n, what in rest if n)
    if total["model"] == lost:
        return f"{words.counted(lost, 'lost answer')}: the model's own, no call was dropped"
    if not parser and not halted:
        return f"{words.counted(lost, 'lost answer')}: {others}"
    seen = []
    if parser:
        seen.append(
            f"{words.part(parser, lost)} lost answers hold a better call in their raw text "
            "than the server returned"
        )
    if halted:
        seen.append(
            f"{words.part(halted, lost)} ended at a call that the server did not return"
        )
    owner = "the server's tool-call parser lost these, not the model"
    return f"{', '.join(seen)}: {owner}" + (f" (the others: {others})" if others else "")


def _advice(run: Run, losses: Sequence[Loss]) -> list[str]:
    """In which syntax the dropped calls are written, and what would read it."""
    syntaxes = Counter[str]()
    for one in losses:
        syntaxes.update(one.syntaxes)
    if not syntaxes:
        return []
    syntax = syntaxes.most_common(1)[0][0]
    wanted = syntax if syntax in _PARSERS else "llama3_json"
    there = _parser(run)
    if there == wanted or syntax in {name for one in losses for name in one.read}:
        return [
            f"the dropped calls are written like others that the parser reads ({syntax}): "
            "their content breaks it; try another version of vLLM"
        ]
    now = f"the server runs {_FLAG} {there}" if there else f"is {_FLAG} the right one?"
    like = "bare JSON" if syntax == "bare" else f"the {syntax} syntax"
    return [f"the dropped calls are written in {like}, {now}; {_FLAG} {wanted} reads them"]


def _parser(run: Run) -> str:
    """The tool-call parser of a server that we started; "" where it is not told."""
    command = ((run.manifest.get("server") or {}).get("command") or {}).get("value") or []
    if _FLAG not in command[:-1]:
        return ""
    return str(command[len(command) - command[::-1].index(_FLAG)])
