"""The generator contract: requests out, responses in; pure, and the same again on replay.

    task yields Request            -> is sent Response
    task yields (Request, ...)     -> is sent (Response, ...)
    task returns plain JSON        -> Transcript.outcome

The runner drives a live generator with `begin` and `resume`. `advance` and `replay` feed a
fresh one with answers that exist already: the same answers give the same requests, so resuming
a killed run is replaying its journal up to the first request whose answer is owed.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from evalsuite.errors import EvalsuiteError
from evalsuite.types import JSON, Episode, Limits, Message, Request, Response, Step, Transcript

_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair


class Waiting(NamedTuple):
    """The episode waits for the answers to `requests`, asked together."""

    requests: tuple[Request, ...]
    single: bool  # yielded bare, so it is sent one Response and not a tuple


class Done(NamedTuple):
    """The episode ended: with an outcome, or with the `failure` that ended it."""

    outcome: JSON = None
    failure: str = ""


State = Waiting | Done


def begin(generator: Episode) -> State:
    """Run a fresh episode to its first request, or to its end."""
    return _step(generator, None)


def resume(generator: Episode, waiting: Waiting, responses: Sequence[Response]) -> State:
    """Give the answers that the episode waits for, in the order of `waiting.requests`.

    Where one of them failed the episode ends as failed and never sees it: a task is not
    written for answers that did not arrive.

    Raises:
        ValueError: not as many responses as requests (a fault of the caller).
        EvalsuiteError: the task file is wrong (an undefined name in a template, say).
    """
    if len(responses) != len(waiting.requests):
        raise ValueError(f"{len(responses)} responses to {len(waiting.requests)} requests")
    for response in responses:
        if response.failure is not None:
            generator.close()
            return Done(failure=response.failure.message or response.failure.kind)
    return _step(generator, responses[0] if waiting.single else tuple(responses))


def advance(generator: Episode, answers: Sequence[Sequence[Response]]) -> State:
    """Feed a fresh episode the answers so far, a step each; answers past its end are left."""
    return replay(generator, answers)[1]


def replay(
    generator: Episode, answers: Sequence[Sequence[Response]]
) -> tuple[tuple[Step, ...], State]:
    """Feed a fresh episode and keep what was asked: the steps taken and where it stands.

    A step for which fewer answers are there than requests is owed: the replay stops before it.
    """
    steps: list[Step] = []
    state = begin(generator)
    for given in answers:
        if isinstance(state, Done) or len(given) != len(state.requests):
            break
        steps.append(tuple(zip(state.requests, given, strict=True)))
        state = resume(generator, state, given)
    return tuple(steps), state


def _step(generator: Episode, sent: Response | tuple[Response, ...] | None) -> State:
    """Run to the next yield. What a task raises is data; what we raise on purpose is not."""
    try:
        yielded = generator.send(sent)
    except StopIteration as end:
        return _ended(end.value)
    except EvalsuiteError:
        raise
    except Exception as failure:
        said = f": {failure}" if str(failure) else ""
        return Done(failure=f"episode raised {type(failure).__name__}{said}")
    if isinstance(yielded, Request):
        return Waiting(requests=(_asked(yielded),), single=True)
    asked = tuple(yielded) if isinstance(yielded, tuple | list) else ()
    if not asked or not all(isinstance(request, Request) for request in asked):
        generator.close()
        return Done(failure=f"episode yielded {type(yielded).__name__}, not Request or a tuple")
    return Waiting(requests=tuple(map(_asked, asked)), single=False)


def writable(text: str) -> str:
    r"""A text that UTF-8 holds: half a surrogate pair in it becomes U+FFFD.

    A model may write one as an escape ("\ud800") in arguments of a call; tools and scorers
    that read those repeat it.
    """
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _asked(request: Request) -> Request:
    """A request whose results of tools can be sent and kept."""
    if "tool" not in [message.role for message in request.messages]:
        return request
    return replace(request, messages=tuple(map(_told, request.messages)))


def _told(message: Message) -> Message:
    if message.role != "tool" or not isinstance(message.content, str):
        return message
    return replace(message, content=writable(message.content))


def _ended(outcome: JSON) -> Done:
    if outcome is None:
        return Done()
    try:
        json.dumps(outcome, allow_nan=False)
    except (TypeError, ValueError) as failure:
        return Done(failure=f"episode returned what is not JSON: {failure}")
    return Done(outcome=outcome)


def over(limits: Limits, steps: Sequence[Step]) -> str | None:
    """Say which limit forbids another step; None where there is room.

    A turn is a step, whichever role was asked. Tokens are those the model generated, seconds
    those that servers took, both over the whole episode; unknown token counts add nothing.
    """
    if len(steps) >= limits.turns:
        return f"ended at {limits.turns} turns"
    if limits.tokens is None and limits.seconds is None:
        return None
    answers = [(request, response) for step in steps for request, response in step]
    tokens = sum(r.usage.completion or 0 for q, r in answers if q.role == "model")
    if limits.tokens is not None and tokens >= limits.tokens:
        return f"ended at {tokens} tokens (limit {limits.tokens})"
    seconds = sum(response.served for _, response in answers)
    if limits.seconds is not None and seconds >= limits.seconds:
        return f"ended at {seconds:.1f} s (limit {limits.seconds:g} s)"
    return None


def cut_in_thought(response: Response) -> bool:
    """Whether the length limit hit before the thinking had ended: half a thought, no answer."""
    if response.finish_reason != "length" or response.tool_calls:
        return False
    if response.reasoning and not response.text.strip():
        return True
    _, opened, rest = response.text.rpartition("<think>")
    return bool(opened) and "</think>" not in rest


def transcript(
    steps: Sequence[Step], state: State, *, truncated: str | None = None
) -> Transcript:
    """Close an episode: what was asked and answered, its status and why.

    Args:
        steps: every step taken, in order.
        state: where the episode stands; Waiting where something from outside ended it.
        truncated: why it was ended from outside (`over`, a context that is full), if it was.

    Returns:
        status `failed` where an answer never came or the episode itself failed; else
        `truncated` where it was ended from outside or thinking was cut; else `ok`.
    """
    answers = [pair for step in steps for pair in step]
    done = state if isinstance(state, Done) else Done()
    failed = [r.failure for _, r in answers if r.failure is not None]
    if failed or done.failure:
        reason = done.failure or failed[0].message or failed[0].kind
        return Transcript(steps=tuple(steps), status="failed", reason=reason)
    if truncated is None and isinstance(state, Waiting):
        owed = f"holds {len(steps)} answers and owes another"
        return Transcript(steps=tuple(steps), status="failed", reason=owed)
    if truncated is None and any(q.role == "model" and cut_in_thought(r) for q, r in answers):
        truncated = "cut off before thinking ended"
    return Transcript(
        steps=tuple(steps),
        status="ok" if truncated is None else "truncated",
        reason=truncated or "",
        outcome=done.outcome,
    )
