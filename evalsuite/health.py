"""How an answer came out, beside whether it was right: columns of every score row.

    answer_tokens, thinking_tokens   tokens, over all of the model's responses
    tokens_from       usage (the server counted) | token_ids | estimate (characters / 4);
                      where only the sum is known, thinking gets its share of the characters
    cut_off           1 where a response ended at its length limit
    refused           1 where the last answer opens like a refusal (`scorers.refusal`)
    unparsed          1 where the scorer found nothing to read; set by `scoring`
    repetition        share of the last answer's 8-grams that it held before; a loop nears 1
    language_mixing   share of the last answer's letters in another language (`language.mixing`)
    thinking_cut_off, thinking_repetition, thinking_mixing, thinking_damage   the same of the
                      thinking, only where there was some: 1 where the length limit struck
                      before the answer began; its worst loop; other languages; an open fence
    answer_language, thinking_language   a code, or "unknown" (`language`)
    opening_language  that of the answer's first line, where it is another one than the answer's
    broken_off        1 where the answer ends inside a sentence or a formula; only of answers
                      that came in a file, which does not say whether they were cut off
    leaked_call       1 where a tool call stands in the text (`scorers.leak`)
    malformed_json, wrong_type, hallucinated_tool, hallucinated_argument, missing_argument,
    outside_enum, schema_invalid, unwanted_call, finish_wrong   only where tools were offered:
                      how calls break their schemas (`scorers.call_schema`)
    format_damage     1 where a code fence, a thinking tag or an answer's JSON is broken

Cheap on purpose (well under a millisecond for a usual answer): they are computed for every row.
"""

import json
from collections.abc import Iterable

from evalsuite.language import guess, mixing
from evalsuite.scorers import call_schema
from evalsuite.scorers.leak import leaked_call
from evalsuite.scorers.refusal import is_refusal
from evalsuite.types import Request, Response, Sample, Transcript

_GRAM = 8
_UNITS = 4000  # words (or characters) at the end of an answer in which loops are looked for
_CHARACTERS_A_TOKEN = 4
_WAYS = ("usage", "token_ids", "estimate")  # of counting tokens, the best first
_LONG_LINE = 60  # characters, from which a line is prose and should end as sentences do
_ENDS = ".!?:;)]}>\"'*_`|~$%"
_TAGS = ("<think>", "</think>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>")


def health(sample: Sample, transcript: Transcript) -> dict[str, float | str]:
    """Describe an episode's answers.

    Args:
        sample: as asked; it says whether a call was wanted.
        transcript: at least one response of the role `model`, else all figures are 0.

    Returns:
        A value for every column of the module's table but `unparsed`.
    """
    pairs, tools = _asked(transcript)
    responses: list[Response] = []
    thoughts: list[str] = []
    cut = leaked = served = False
    for _, response in pairs:  # one loop: a comprehension each costs more than what it finds
        if response.failure is None:
            responses.append(response)
            thoughts.append(response.reasoning or "")
            cut = cut or response.finish_reason == "length"
            leaked = leaked or leaked_call(response.text, tools) is not None
            served = served or bool(response.server)
    text = pairs[-1][1].text if pairs else ""
    spoken = guess(text)
    thought = "\n".join(thoughts)
    thought_in = guess(thought)
    answer, thinking, counted = _tokens(responses)
    return {
        "answer_tokens": answer,
        "thinking_tokens": thinking,
        "tokens_from": counted,
        "cut_off": float(cut),
        "refused": float(is_refusal(text)),
        "repetition": repetition(text),
        "language_mixing": mixing(text, spoken),
        "answer_language": spoken,
        "thinking_language": thought_in,
        "leaked_call": float(leaked),
        "format_damage": float(_is_damaged(text)),
        **(_called(sample, pairs) if tools else {}),
        **_opening(text, spoken),
        **(_thought(responses, thought, thought_in) if thought else {}),
        **({} if served else _ending(text)),
    }


def _asked(transcript: Transcript) -> tuple[list[tuple[Request, Response]], set[str]]:
    """What the model was asked and said, and the names of the tools that it was offered."""
    pairs: list[tuple[Request, Response]] = []
    tools: set[str] = set()
    for step in transcript.steps:
        for request, response in step:
            if request.role == "model":
                pairs.append((request, response))
                tools.update(call_schema.schemas(request.tools) if request.tools else ())
    return pairs, tools


def _called(
    sample: Sample, pairs: Iterable[tuple[Request, Response]]
) -> dict[str, float | str]:
    """How calls keep to their schemas, in the answers that arrived."""
    return call_schema.columns(sample, [(q, r) for q, r in pairs if r.failure is None])


def _thought(
    responses: Iterable[Response], whole: str, language: str
) -> dict[str, float | str]:
    """How the thinking came out, of several responses the worst; {} where there was none.

    Args:
        responses: those that arrived.
        whole: all of their thinking.
        language: what `guess` says of it.
    """
    thinking = [one for one in responses if one.reasoning and one.reasoning.strip()]
    if not thinking:
        return {}
    cut = any(
        one.finish_reason == "length" and not (one.text or one.tool_calls) for one in thinking
    )
    texts = [one.reasoning or "" for one in thinking]
    mixed = [mixing(text, language if text == whole else "") for text in texts]
    return {
        "thinking_cut_off": float(cut),
        "thinking_repetition": max(map(repetition, texts)),
        "thinking_mixing": max(mixed),
        "thinking_damage": float(any(text.count("```") % 2 for text in texts)),
    }


def _opening(text: str, spoken: str) -> dict[str, float | str]:
    """The language of the first line ("Here is the story in Turkish:") where it stands out."""
    first, _, rest = text.lstrip().partition("\n")
    if not rest or spoken == "unknown":
        return {}
    other = guess(first)
    alike = other in (spoken, "unknown")
    return {} if alike else {"opening_language": other}


def _ending(text: str) -> dict[str, float | str]:
    """Whether a text stops inside a formula or, in Latin script, inside a long last line."""
    if not text:
        return {}
    opened = text.replace("$$", "$").count("$") % 2
    formula = text.rpartition("$")[2] if opened else ""
    last = text.rpartition("\n")[2]
    inside = len(last) >= _LONG_LINE and text[-1].isascii() and text[-1] not in _ENDS
    stops = inside and not text[-1].isdigit() and not text[-1].isspace()
    return {"broken_off": float(stops or any(sign in formula for sign in "\\^_{"))}


def repetition(text: str) -> float:
    """Give the share of 8-grams that occurred earlier in the text, in [0, 1].

    Words are counted, or characters where a text is written without spaces; only the last
    4,000 of them. A text of fewer than 16 has none.
    """
    units: list[str] = text.split()
    if len(units) < len(text) / 20:
        units = list("".join(units))
    units = units[-_UNITS:]
    # An 8-gram that comes again is eight words that came before: so many are not distinct.
    if len(units) < 2 * _GRAM or len(set(units)) > len(units) - _GRAM:
        return 0.0
    grams = [tuple(units[at : at + _GRAM]) for at in range(len(units) - _GRAM + 1)]
    return round(1 - len(set(grams)) / len(grams), 4)


def _tokens(responses: Iterable[Response]) -> tuple[float, float, str]:
    """Return tokens of answer and thinking, and the poorest way in which one was counted."""
    answer: float = 0  # counts are whole numbers, and cheap to round
    thinking: float = 0
    poorest = 0
    for response in responses:
        total, way = _total(response)
        thought = _thinking(response, total)
        answer, thinking = answer + total - thought, thinking + thought
        poorest = max(poorest, way)
    return float(round(answer, 1)), float(round(thinking, 1)), _WAYS[poorest]


def _total(response: Response) -> tuple[float, int]:
    """Return the tokens of a response, and by which of `_WAYS` they are known."""
    if response.usage.completion is not None:
        return response.usage.completion, 0
    if response.token_ids is not None:
        return len(response.token_ids), 1
    return _characters(response) / _CHARACTERS_A_TOKEN, 2


def _thinking(response: Response, total: float) -> float:
    """Return the tokens of thinking: as counted, else by its share of the characters."""
    if response.usage.reasoning is not None:
        return min(response.usage.reasoning, total)
    if not response.reasoning:
        return 0
    everything = _characters(response)
    return total * len(response.reasoning) / everything if everything else 0.0


def _characters(response: Response) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in response.tool_calls)
    return len(response.text) + len(response.reasoning or "") + calls


def _is_damaged(text: str) -> bool:
    """Say whether fences are unbalanced, a control tag is left, or JSON is broken."""
    if text.count("```") % 2 or ("<" in text and any(tag in text for tag in _TAGS)):
        return True
    body = text.strip()
    if not body.startswith(("{", "[{", '["')):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        # Text after a closing brace is prose; braces that do not close are damage.
        return body.count("{") != body.count("}") or body.count("[") != body.count("]")
    return False
