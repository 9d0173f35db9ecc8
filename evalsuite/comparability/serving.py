"""What differs between two runs around the model: identity, server, roles, ourselves."""

import re
from collections.abc import Iterable, Mapping

from evalsuite import words
from evalsuite.comparability.facts import (
    Difference,
    Effect,
    Fact,
    Manifest,
    compared,
    fact,
    or_nothing,
    part,
    short,
    unknown,
)
from evalsuite.types import JSON

# Arguments of a server that say where it runs and what it prints, not what it answers.
_NEUTRAL_ARGS = re.compile(
    r"^(model|served-model-name|host|port|uds|api-key|root-path|download-dir|ssl.*|allowed-.*"
    r"|.*log.*|disable-uvicorn.*|disable-fastapi.*|enable-request-id.*|otlp.*|show-.*)$"
)
_FACTS: tuple[tuple[str, str, Effect], ...] = (
    ("chat_template", "chat template", "explains"),
    ("tokenizer", "tokenizer", "explains"),
    ("probe_token_ids", "token ids of the probe prompts", "explains"),
    ("config", "model configuration", "notes"),
)
_PLAIN: tuple[tuple[str, str, Effect], ...] = (
    ("evalsuite", "the version of evalsuite", "explains"),
    ("seed", "the sampling seed", "notes"),
)


def identity_differences(before: Manifest, now: Manifest) -> Iterable[Difference]:
    """Compare template, tokenizer, probe ids and configuration; weights only if unknown."""
    for key, name, effect in _FACTS:
        one, other = fact(before.get(key)), fact(now.get(key))
        if key == "probe_token_ids" and isinstance(one.value, Mapping):
            yield from _probes(one, other)
        else:
            yield from compared(key, f"the {name}", one, other, effect)
    weights = fact(before.get("weights")), fact(now.get("weights"))
    if not all(side.known for side in weights):
        yield unknown("weights", "the digest of the weights", *weights, "notes")


def _probes(one: Fact, other: Fact) -> Iterable[Difference]:
    """Name the probe prompts that are rendered differently."""
    what = "the token ids of the probe prompts"
    if not isinstance(other.value, Mapping):
        yield unknown("probe_token_ids", what, one, Fact(value=None, known=False), "explains")
        return
    both = [k for k in one.value if k in other.value]
    changed = [k for k in both if one.value[k] != other.value[k]]
    if not changed and one.value != other.value:
        yield unknown("probe_token_ids", what, *_lacking(one, other), "explains")
    if changed:
        yield Difference(
            key="probe_token_ids",
            baseline=short(one.value[changed[0]]),
            candidate=short(other.value[changed[0]]),
            effect="explains",
            message=f"{what} differ ({words.listed(changed)}): the model is asked with other "
            "tokens, so the difference may not be its own",
        )


def _lacking(one: Fact, other: Fact) -> tuple[Fact, Fact]:
    """Mark the side that did not answer every probe as unknown."""
    known = [set(side.value) for side in (one, other)]
    return (
        Fact(value=one.value, known=known[0] >= known[1]),
        Fact(value=other.value, known=known[1] >= known[0]),
    )


def server_differences(before: Manifest, now: Manifest) -> Iterable[Difference]:
    """Compare version, context length and every argument that may move a score."""
    for key, name in (("version", "server version"), ("max_model_len", "context length")):
        one, other = fact(before.get(key)), fact(now.get(key))
        yield from compared(f"server.{key}", f"the {name}", one, other, "explains")
    counts = [len(side.get("base_urls") or ("one",)) for side in (before, now)]
    if counts[0] != counts[1]:
        fewer, more = (Fact(value=count, known=True) for count in counts)
        yield from compared("server.replicas", "the number of replicas", fewer, more, "notes")
    old, new = (_arguments(side.get("args", side.get("command"))) for side in (before, now))
    if old is None or new is None:
        left, right = (Fact(value=args, known=args is not None) for args in (old, new))
        yield unknown("server.args", "the server's command line", left, right, "notes")
        return
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key) and not _NEUTRAL_ARGS.match(key):
            before_text, now_text = or_nothing(old.get(key)), or_nothing(new.get(key))
            yield Difference(
                key=f"server.args.{key}",
                baseline=before_text,
                candidate=now_text,
                effect="explains",
                message=f"the server's --{key} changed ({before_text} against {now_text}): "
                "the difference may not be the model's",
            )


def _arguments(recorded: JSON) -> dict[str, JSON] | None:
    """A server's arguments by name, from a mapping or a command line; None: unknown."""
    args = fact(recorded)
    if not args.known:
        return None
    if isinstance(args.value, Mapping):
        return {str(key).lstrip("-").replace("_", "-"): v for key, v in args.value.items()}
    found: dict[str, JSON] = {}
    name = ""
    for token in map(str, args.value):
        if token.startswith("--"):
            name, _, value = token[2:].partition("=")
            name = name.replace("_", "-")
            found[name] = value or True
        elif name:
            found[name] = token if found[name] is True else f"{found[name]} {token}"
    return found


def role_differences(before: Manifest, now: Manifest) -> Iterable[Difference]:
    """Another judge is another scorer; the model itself is what is compared."""
    for role in dict.fromkeys([*before, *now]):
        if role == "model":
            continue
        one, other = (fact(part(side, role).get("model")) for side in (before, now))
        yield from compared(
            f"roles.{role}", f"the model in the role {role}", one, other,
            "blocks" if one.known and other.known else "explains",
        )  # fmt: skip


def other_differences(baseline: Manifest, candidate: Manifest) -> Iterable[Difference]:
    """Compare our version, the seed, the host and the declared buckets."""
    for key, what, effect in _PLAIN:
        one, other = fact(baseline.get(key)), fact(candidate.get(key))
        yield from compared(key, what, one, other, effect)
    before, now = part(baseline, "host"), part(candidate, "host")
    for key in dict.fromkeys([*before, *now]):
        if key != "name" and before.get(key) != now.get(key):
            one, other = fact(before.get(key)), fact(now.get(key))
            yield from compared(f"host.{key}", f"the host's {key}", one, other, "notes")
    old, new = part(baseline, "buckets"), part(candidate, "buckets")
    for name in (name for name in old if name in new):
        for key in ("weights", "margin"):
            if old[name].get(key) != new[name].get(key):
                one, other = fact(old[name].get(key)), fact(new[name].get(key))
                what = f"the {key} of {name}"
                yield from compared(f"buckets.{name}.{key}", what, one, other, "notes")
