"""What a model took, read from its answer, for steps whose request the server has made.

Source: GraphQL, 9.7 (`inngest.ai` of an AI-gateway exchange).
"""

from typing import Final

import msgspec

from stepwell.core.model_prices import estimated_cost_usd
from stepwell.core.trace.span import SpanMetadata

__all__ = ["AI_KIND", "model_metadata"]

AI_KIND: Final = "inngest.ai"
_SCOPE: Final = "step_attempt"
#: Longer results are not looked through; answers of models are far shorter.
_RESULT_BYTES_MAX: Final = 1024 * 1024


class _Usage(msgspec.Struct, frozen=True):
    """Tokens, as each provider calls them; the first one that is there counts."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class _GeminiUsage(msgspec.Struct, frozen=True, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None


class _Answer(msgspec.Struct, frozen=True, rename={"gemini": "usageMetadata"}):
    id: str | None = None
    type: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    gemini: _GeminiUsage | None = None
    model_version: str | None = msgspec.field(default=None, name="modelVersion")


class _Result(msgspec.Struct, frozen=True):
    data: _Answer


_RESULT: Final = msgspec.json.Decoder(_Result)


def model_metadata(result: bytes, at_ms: int) -> SpanMetadata | None:
    """Tokens, model and estimated cost; None for what is not the answer of a model that tells them.

    Args:
        result: Of the step, JSON.
        at_ms: When it came.

    >>> model_metadata(b'{"data":{"model":"m","usage":{"input_tokens":1,"output_tokens":2}}}', 0).kind
    'inngest.ai'
    """
    if len(result) > _RESULT_BYTES_MAX:
        return None
    try:
        answer = _RESULT.decode(result).data
    except (msgspec.MsgspecError, RecursionError):
        return None
    provider, model, taken, brought = _used(answer)
    if taken is None and brought is None:
        return None
    tokens = {"input_tokens": taken or 0, "output_tokens": brought or 0}
    cost = estimated_cost_usd(model, **tokens)
    values = {
        **tokens,
        "total_tokens": sum(tokens.values()),
        "request_model": model,
        "response_model": model,
        "provider": provider,
        "operation_name": "chat",
        **({} if answer.id is None else {"response_id": answer.id}),
        **({} if cost is None else {"estimated_cost": cost}),
    }
    return SpanMetadata(_SCOPE, AI_KIND, msgspec.json.encode(values), at_ms)


def _used(answer: _Answer) -> tuple[str, str, int | None, int | None]:
    """Provider, model, tokens taken and brought."""
    if answer.gemini is not None:
        usage = answer.gemini
        model = answer.model_version or answer.model or ""
        return "gemini", model, usage.prompt_token_count, usage.candidates_token_count
    counted = answer.usage or _Usage()
    taken = counted.prompt_tokens if counted.input_tokens is None else counted.input_tokens
    brought = counted.completion_tokens if counted.output_tokens is None else counted.output_tokens
    # OpenAI's answers have no `type`; Anthropic's are messages.
    provider = "anthropic" if answer.type == "message" else "openai"
    return provider, answer.model or "", taken, brought
