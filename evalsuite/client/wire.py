"""A `Request` as the bytes that the OpenAI API takes.

Keys stand in the order in which they are written here, and those of tool and answer schemas
in the order of the task: chat templates and guided decoding render schemas in that order, so
sorting them would change the prompt. The digest is of these very bytes.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

import orjson

from evalsuite.errors import UsageError
from evalsuite.types import JSON, Message, Request, Sampling

PATHS = {
    "chat": "/chat/completions",
    "completion": "/completions",
    "loglikelihood": "/completions",
}
# What `encode` or the client writes itself; a task that set these by extra_body would get
# another number of answers, another model or another shape of answer than it is scored by.
_RESERVED = frozenset(
    {"model", "messages", "prompt", "continuation", "seed", "max_tokens", "temperature"}
    | {"top_p", "top_k", "stop", "logprobs", "top_logprobs", "tools", "tool_choice"}
    | {"parallel_tool_calls", "response_format", "echo", "n", "best_of", "stream"}
    | {"stream_options", "continue_final_message", "add_generation_prompt"}
)
_SEED_LIMIT = 2**63
_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}  # counts come last


class Call(NamedTuple):
    """A request, encoded.

    `payload` is the JSON body without what is mere transport (`n`, `return_token_ids`), and
    `digest` its hash. For a loglikelihood it holds prompt and continuation apart, so that
    two splits of one text have two digests; the client joins them. `seedless` is equal for
    two requests that differ in nothing but their seeds; `heavy` says whether log-probabilities
    of the prompt are asked for, which cost the server memory.
    """

    request: Request
    path: str
    payload: bytes
    digest: str
    seedless: bytes
    max_tokens: int
    heavy: bool


def encode(request: Request, *, model: str, seed: int | None) -> Call:
    """Encode `request` for the server that serves `model`.

    Args:
        request: its `sampling` must be set (the runner fills in the task's), but for a
            loglikelihood, which draws no tokens.
        model: the served name.
        seed: in [0, 2**63), or None to send none.

    Raises:
        UsageError: no sampling, a reserved key in `extra_body`, a seed out of range, an empty
            continuation, or a value that JSON cannot hold.
    """
    body = _BODIES[request.kind](request, model)
    try:
        opened = orjson.dumps(body)[:-1]
    except TypeError as error:
        raise UsageError(f"a request cannot be written as JSON: {error}") from None
    end = b"}" if request.kind == "loglikelihood" else _end(seed)
    hashed = blake2b(opened, digest_size=16)
    seedless = hashed.digest()
    hashed.update(end)
    return Call(
        request=request,
        path=PATHS[request.kind],
        payload=opened + end,
        digest=hashed.hexdigest(),
        seedless=seedless,
        max_tokens=body["max_tokens"],
        heavy="echo" in body or body.get("prompt_logprobs") is not None,
    )


def _end(seed: int | None) -> bytes:
    """The end of a body, the seed last."""
    if seed is None:
        return b"}"
    if not 0 <= seed < _SEED_LIMIT:
        raise UsageError(f"seed: expected 0 <= seed < 2**63, found {seed}")
    return b',"seed":%d}' % seed


def digest(body: Mapping[str, JSON]) -> str:
    """The digest of a body: 32 hex digits of BLAKE2b over its JSON, key order included."""
    return blake2b(orjson.dumps(body), digest_size=16).hexdigest()


def with_extras(payload: bytes, extras: Mapping[str, JSON]) -> bytes:
    """`payload`, a JSON object, with further keys at its end."""
    if not extras:
        return payload
    return payload[:-1] + b"," + orjson.dumps(extras)[1:]


def _chat(request: Request, model: str) -> dict[str, JSON]:
    sampling = _sampling(request)
    body: dict[str, JSON] = {"model": model, "messages": messages(request), **_drawn(sampling)}
    if sampling.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": sampling.logprobs}
    if request.tools:
        body["tools"] = list(request.tools)
    if request.tool_choice is not None:
        body["tool_choice"] = request.tool_choice
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.response_format is not None:
        body["response_format"] = request.response_format
    if request.prefill:
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return _ended(body, request, sampling)


def _completion(request: Request, model: str) -> dict[str, JSON]:
    sampling = _sampling(request)
    body: dict[str, JSON] = {"model": model, "prompt": _prompt(request), **_drawn(sampling)}
    if sampling.logprobs is not None:
        body["logprobs"] = sampling.logprobs
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return _ended(body, request, sampling)


def _loglikelihood(request: Request, model: str) -> dict[str, JSON]:
    if not request.continuation:
        raise UsageError("a loglikelihood request needs a continuation that is not empty")
    body: dict[str, JSON] = {
        "model": model,
        "prompt": _prompt(request),
        "continuation": request.continuation,
        "max_tokens": 1,  # vLLM generates at least one; it is thrown away
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
    }
    return body | (_extra(request.sampling) if request.sampling else {})


_BODIES = {"chat": _chat, "completion": _completion, "loglikelihood": _loglikelihood}


def _sampling(request: Request) -> Sampling:
    if request.sampling is None:
        raise UsageError("a request without sampling was sent: the task's must be filled in")
    return request.sampling


def _drawn(sampling: Sampling) -> dict[str, JSON]:
    """How tokens are drawn, as both APIs spell it."""
    drawn: dict[str, JSON] = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
    }
    if sampling.top_p is not None:
        drawn["top_p"] = sampling.top_p
    if sampling.top_k is not None:
        drawn["top_k"] = sampling.top_k
    if sampling.stop:
        drawn["stop"] = list(sampling.stop)
    return drawn


def _ended(body: dict[str, JSON], request: Request, sampling: Sampling) -> dict[str, JSON]:
    """A body with what stands last: how the answer comes, and what the task adds."""
    if request.stream:
        body |= _STREAMED
    if sampling.extra_body:
        body |= _extra(sampling)
    return body


def _extra(sampling: Sampling) -> dict[str, JSON]:
    """What a task adds to a body.

    Raises:
        UsageError: it sets what is not the task's to set.
    """
    reserved = sorted(_RESERVED.intersection(sampling.extra_body))
    if reserved:
        raise UsageError(
            f"sampling.extra_body: '{reserved[0]}' has a field of its own or is the client's"
        )
    return dict(sampling.extra_body)


def _prompt(request: Request) -> str | list[int]:
    return request.prompt if isinstance(request.prompt, str) else list(request.prompt)


def messages(request: Request) -> list[dict[str, JSON]]:
    """The messages of a chat request in wire form, the prefill last."""
    turns = [_message(message) for message in request.messages]
    if request.prefill:
        turns.append({"role": "assistant", "content": request.prefill})
    return turns


def _message(message: Message) -> dict[str, JSON]:
    turn: dict[str, JSON] = {"role": message.role, "content": message.content}
    if message.content is None and not message.tool_calls:
        turn["content"] = ""  # null is allowed beside tool calls only
    if message.reasoning is not None:
        turn["reasoning"] = message.reasoning
    # Left out where empty: templates take an empty list for a turn that called tools.
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call.id or f"call_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(message.tool_calls)
        ]
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def tokenize_body(request: Request, *, model: str) -> dict[str, JSON]:
    """The body of vLLM's `/tokenize` that renders exactly what `encode` would have rendered."""
    if request.kind != "chat":
        text = request.prompt if isinstance(request.prompt, str) else ""
        return {"model": model, "prompt": text + request.continuation}
    body: dict[str, JSON] = {"model": model, "messages": messages(request)}
    if request.tools:
        body["tools"] = list(request.tools)
    if request.prefill:
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    extra = request.sampling.extra_body if request.sampling else {}
    for name in ("chat_template", "chat_template_kwargs", "add_special_tokens"):
        if name in extra:
            body[name] = extra[name]
    return body


def shift_spaces(context: str, continuation: str) -> tuple[str, str]:
    """Move the context's last spaces to the continuation: tokens begin with their space.

    As lm-eval does (`lm_eval/api/model.py`, `_encode_pair`), so that both sum the same tokens.
    """
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation
