"""A server's answer as `Response`s, whatever shape it has; wrong shapes become `Failure`s."""

import json
import re
from dataclasses import replace
from math import isfinite
from typing import NamedTuple, NoReturn

import orjson

from evalsuite.client import failures, stream, thinking
from evalsuite.client.wire import Call
from evalsuite.types import JSON, Failure, Response, ToolCall, Usage

_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_CONTEXT = Failure(
    kind="context",
    message="the first token has no log-probability: the context is empty and no BOS is added",
    transient=False,
)


class Origin(NamedTuple):
    """Where an answer came from, and when: see `Response.queued` and `.served`."""

    server: str = ""
    queued: float = 0.0
    served: float = 0.0
    opens_thinking: bool = False
    models: frozenset[str] = frozenset()  # names that an answer may give; none: any


class Unusable(Exception):
    """Carries the failure that a well-delivered but useless answer is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Misnamed(Unusable):
    """An answer that names a model which was not asked."""

    def __init__(self, failure: Failure, name: str) -> None:
        super().__init__(failure)
        self.name = name


def responses(raw: bytes, call: Call, origin: Origin, n: int = 1) -> tuple[Response, ...]:
    """Decode the body of a 200 into `n` responses, in the order of the choices' indices.

    Raises:
        Unusable: the body is no JSON object (nor a stream, where one was asked for), holds
            fewer than `n` choices, reports an error, or a field has a type that the API does
            not allow.
        Misnamed: the body names another model.
    """
    streamed = call.request.stream and stream.is_stream(raw)
    body = _assembled(raw) if streamed else load(raw)
    choices = _choices(body, n)
    _check_name(body, origin)
    one = _chat if call.request.kind == "chat" else _completion
    try:
        usage = _part(_usage(body.get("usage")), n)
        prompt_ids = _ids(body.get("prompt_token_ids"))
        return tuple([one(choice, call, origin, usage, prompt_ids) for choice in choices])
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        problem = f"an answer of an unexpected shape ({type(error).__name__}: {error})"
        raise Unusable(failures.malformed(problem, raw)) from None


def load(raw: bytes) -> dict[str, JSON]:
    """Parse a JSON object.

    Lone surrogates, which some servers write and strict JSON forbids, become U+FFFD.

    Raises:
        Unusable: it is no JSON object.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        body = _load_lenient(raw, error)
    if not isinstance(body, dict):
        _fail(failures.malformed("expected a JSON object", raw))
    return body


def _assembled(raw: bytes) -> dict[str, JSON]:
    """The body that a stream stands for."""
    whole = stream.assembled(raw, load)
    if isinstance(whole, Failure):
        _fail(whole)
    return whole


def _load_lenient(raw: bytes, error: orjson.JSONDecodeError) -> JSON:
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
        # json.loads lets lone surrogates through; nothing could write them to a file.
        return json.loads(_SURROGATE.sub("\ufffd", json.dumps(body, ensure_ascii=False)))
    except (ValueError, RecursionError):
        _fail(failures.malformed(f"no valid JSON ({error.msg})", raw))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_name(body: dict[str, JSON], origin: Origin) -> None:
    name = body.get("model")
    if origin.models and isinstance(name, str) and name not in origin.models:
        raise Misnamed(failures.misnamed(name, origin.models), name)


def _fail(failure: Failure) -> NoReturn:
    raise Unusable(failure)


def _choices(body: dict[str, JSON], n: int) -> list[dict[str, JSON]]:
    choices = body.get("choices")
    if not choices:
        if body.get("error"):
            # Some gateways report their upstream's failure under status 200.
            _fail(failures.of_status(502, orjson.dumps(body)))
        _fail(failures.empty("the answer holds no choices"))
    if not isinstance(choices, list) or not all(isinstance(one, dict) for one in choices):
        _fail(failures.malformed("choices: expected a list of objects", orjson.dumps(choices)))
    if len(choices) < n:
        _fail(failures.empty(f"the answer holds {len(choices)} of {n} choices"))
    if n > 1:
        choices = sorted(choices, key=lambda choice: choice.get("index") or 0)
    return choices[:n]


def _part(usage: Usage, n: int) -> Usage:
    """The usage of one of `n` choices: the server counts their tokens together."""
    if n == 1:
        return usage
    thought = 0 if usage.reasoning == 0 else None  # none of them where none did in sum
    return Usage(prompt=usage.prompt, cached=usage.cached, reasoning=thought)


def _chat(
    choice: dict[str, JSON],
    call: Call,
    origin: Origin,
    usage: Usage,
    prompt_ids: tuple[int, ...] | None,
) -> Response:
    message = choice["message"]
    if not isinstance(message, dict):
        raise TypeError("message is no object")
    text = _text(message.get("content"))
    if not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]
    thought = message.get("reasoning") or message.get("reasoning_content")
    if thought:
        reasoning: str | None = _text(thought)
    else:
        reasoning, text = thinking.split(text, opened=_opened(call, origin))
    calls = message.get("tool_calls")
    logprobs = choice.get("logprobs")
    token_ids = _ids(choice.get("token_ids"))
    return Response(
        text=text,
        reasoning=reasoning,
        tool_calls=tuple(_tool_call(one) for one in calls) if calls else (),
        finish_reason=_reason(choice),
        logprobs=tuple(logprobs.get("content") or ()) if logprobs else (),
        token_ids=token_ids,
        prompt_token_ids=prompt_ids,
        usage=_with_count(usage, token_ids),
        queued=origin.queued,
        served=origin.served,
        server=origin.server,
    )


def _opened(call: Call, origin: Origin) -> bool:
    """Whether the prompt ended inside a thought: by its prefill, or by the chat template."""
    if call.request.prefill:
        return thinking.is_open(call.request.prefill)
    if not origin.opens_thinking:
        return False
    sampling = call.request.sampling
    switches = (sampling.extra_body if sampling else {}).get("chat_template_kwargs") or {}
    off = switches.get("enable_thinking") is False or switches.get("thinking") is False
    return not off


def _completion(
    choice: dict[str, JSON],
    call: Call,
    origin: Origin,
    usage: Usage,
    prompt_ids: tuple[int, ...] | None,
) -> Response:
    # Raw text: a completion has no template that could open or close a thought.
    if not isinstance(choice["text"], str):
        raise TypeError("text is no string")
    token_ids = _ids(choice.get("token_ids"))
    return Response(
        text=choice["text"],
        finish_reason=_reason(choice),
        logprobs=_token_table(choice.get("logprobs")),
        token_ids=token_ids,
        prompt_token_ids=_ids(choice.get("prompt_token_ids")) or prompt_ids,
        usage=_with_count(usage, token_ids),
        queued=origin.queued,
        served=origin.served,
        server=origin.server,
    )


def _reason(choice: dict[str, JSON]) -> str:
    reason = choice.get("finish_reason")
    if reason is None:
        return "stop"
    if not isinstance(reason, str):
        raise TypeError("finish_reason is no string")
    return reason


def _text(content: JSON) -> str:
    """The text of a message's content: a string, null, or a list of typed parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise TypeError("content is neither text nor parts")
    return "".join(part["text"] for part in content if isinstance(part.get("text"), str))


def _tool_call(call: dict[str, JSON]) -> ToolCall:
    function = call["function"]
    arguments = function.get("arguments")
    if arguments is None:
        arguments = "{}"
    elif not isinstance(arguments, str):
        arguments = orjson.dumps(arguments).decode()
    name = function["name"]
    if not isinstance(name, str):
        raise TypeError("a tool call without a name")
    return ToolCall(name=name, arguments=arguments, id=str(call.get("id") or ""))


def _token_table(table: JSON) -> tuple[JSON, ...]:
    """The completion API's parallel lists as one entry a token, like the chat API has them."""
    if not table:
        return ()
    tokens, values = table["tokens"], table["token_logprobs"]
    tops = table.get("top_logprobs") or [None] * len(tokens)
    return tuple(
        {"token": token, "logprob": value, "top_logprobs": top}
        for token, value, top in zip(tokens, values, tops, strict=True)
    )


def _ids(ids: JSON) -> tuple[int, ...] | None:
    if ids is None:
        return None
    if not isinstance(ids, list) or not all(type(one) is int for one in ids):
        raise TypeError("token ids are no integers")
    return tuple(ids)


def _usage(usage: JSON) -> Usage:
    if not usage:
        return Usage()
    of_prompt = usage.get("prompt_tokens_details") or {}
    of_answer = usage.get("completion_tokens_details") or {}
    return Usage(
        prompt=_count(usage.get("prompt_tokens")),
        completion=_count(usage.get("completion_tokens")),
        cached=_count(of_prompt.get("cached_tokens")),
        reasoning=_count(of_answer.get("reasoning_tokens")),
    )


def _count(tokens: JSON) -> int | None:
    """A count of tokens; what is none stays unknown rather than costing the answer."""
    return tokens if type(tokens) is int and tokens >= 0 else None


def _with_count(usage: Usage, token_ids: tuple[int, ...] | None) -> Usage:
    """`usage` with the answer's length where only its token ids tell it."""
    if usage.completion is not None or token_ids is None:
        return usage
    return replace(usage, completion=len(token_ids))


def failed(failure: Failure, origin: Origin) -> Response:
    """The response that stands for a failure."""
    return Response(
        finish_reason="",
        queued=origin.queued,
        served=origin.served,
        server=origin.server,
        failure=failure,
    )


# --- log-probabilities of a given continuation -------------------------------------------


def tokenized(raw: bytes) -> dict[str, JSON]:
    """Decode an answer of `/tokenize`, its two fields of the right types.

    Raises:
        Unusable: they are not there.
    """
    answer = load(raw)
    if not isinstance(answer.get("tokens"), list) or not isinstance(answer.get("count"), int):
        raise Unusable(failures.malformed("/tokenize: no tokens", raw))
    return answer


def continuation(
    raw: bytes, origin: Origin, boundary: int | str, tokens: int | None = None
) -> Response:
    """Decode an `echo` answer into the log-probability of the continuation.

    Args:
        raw: the body.
        origin: see `Origin`.
        boundary: how many tokens precede the continuation, or else its text.
        tokens: how many tokens prompt and continuation have; None: all but the generated one.

    Raises:
        Unusable: no log-probabilities, or tokens that do not fit the continuation.
        Misnamed: the body names another model.
    """
    body = load(raw)
    choice = _choices(body, 1)[0]
    _check_name(body, origin)
    try:
        table, usage = choice["logprobs"], _usage(body.get("usage"))
        entries = _token_table(table)
        if tokens is None:
            tokens = len(entries) - (usage.completion if usage.completion is not None else 1)
        entries = entries[:tokens]
        if isinstance(boundary, str):
            boundary = _boundary([entry["token"] for entry in entries], boundary)
        total, greedy = _sum(entries, boundary, tokens)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        problem = f"no usable log-probabilities ({type(error).__name__}: {error})"
        raise Unusable(failures.malformed(problem, raw)) from None
    return Response(  # "stop", though the one token thrown away hit the limit: nothing was cut
        logprob=total,
        greedy=greedy,
        logprobs=entries[boundary:],
        usage=usage,
        queued=origin.queued,
        served=origin.served,
        server=origin.server,
    )


def _sum(entries: tuple[JSON, ...], boundary: int, tokens: int) -> tuple[float, bool]:
    """The summed log-probability of the entries from `boundary`, and whether all are argmax."""
    if len(entries) != tokens or not 0 <= boundary < tokens:
        raise ValueError(f"{len(entries)} tokens, continuation from {boundary} of {tokens}")
    total, greedy = 0.0, True
    for entry in entries[boundary:]:
        value = entry["logprob"]
        if value is None:
            _fail(_NO_CONTEXT)
        total += value
        # By value, not by text: several tokens can share one text.
        greedy &= value >= max((entry["top_logprobs"] or {}).values(), default=value)
    if not isfinite(total):
        raise ValueError("not finite")
    return total, bool(greedy)


def _boundary(tokens: list[str], text: str) -> int:
    """The first token that reaches into `text`, with which the tokens end.

    Counted from the end because a BOS token, whose text is in no prompt, may come first.
    """
    if not "".join(tokens).endswith(text):
        raise ValueError("the tokens do not spell the continuation")
    left = len(text)
    for index in range(len(tokens) - 1, -1, -1):
        left -= len(tokens[index])
        if left <= 0:
            return index
    raise ValueError("the continuation is longer than the answer")
