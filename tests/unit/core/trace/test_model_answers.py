"""What a model took is read from its answer, if the answer tells."""

from typing import Any

import msgspec
import pytest

from stepwell.core.metadata import Metadata, MetadataOwner, MetadataScope
from stepwell.core.steps.requested import RequestReply
from stepwell.core.trace.model_answers import model_metadata
from stepwell.core.trace.span import TraceSpan
from tests.unit.core.core_world import opcode, step_id
from tests.unit.core.trace.trace_world import begun, current

INFER = opcode(
    "AIGateway", "ask", opts={"type": "step.ai.infer", "url": "https://ai.test/v1", "body": {}}
)
OPENAI = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "choices": [],
    "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-4-20250514",
    "usage": {"input_tokens": 2_000, "output_tokens": 50},
}
GEMINI = {
    "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 20},
}


def values_of(answer: object) -> dict[str, Any]:
    found = model_metadata(msgspec.json.encode({"data": answer}), 7)
    assert found is not None
    assert (found.scope, found.kind, found.updated_ms) == ("step_attempt", "inngest.ai", 7)
    values: dict[str, Any] = msgspec.json.decode(found.values)
    return values


@pytest.mark.parametrize(
    ("answer", "provider", "model", "tokens", "cost"),
    [
        (OPENAI, "openai", "gpt-4o-2024-08-06", (1_000, 100, 1_100), 0.0035),
        (ANTHROPIC, "anthropic", "claude-sonnet-4-20250514", (2_000, 50, 2_050), 0.00675),
        (GEMINI, "gemini", "gemini-2.5-flash", (10, 20, 30), 0.000053),
        (
            {"usage": {"input_tokens": 5}},
            "openai",
            "",
            (5, 0, 5),
            None,
        ),
    ],
)
def test_each_provider_is_understood(
    answer: object,
    provider: str,
    model: str,
    tokens: tuple[int, int, int],
    cost: float | None,
) -> None:
    values = values_of(answer)
    assert values["provider"] == provider
    assert values["response_model"] == model
    counted = (values["input_tokens"], values["output_tokens"], values["total_tokens"])
    assert counted == tokens
    assert values.get("estimated_cost") == (None if cost is None else pytest.approx(cost))


@pytest.mark.parametrize(
    "result",
    [
        b"null",
        b"[]",
        b'{"data":"text"}',
        b'{"data":{"usage":"much"}}',
        b'{"data":{"usage":{"input_tokens":"many"}}}',
        b'{"data":{"usage":{}}}',
        b'{"data":{"model":"gpt-4o"}}',
        b'{"data":',
        b'{"data":' + b"[" * 5_000,
        b'{"data":{"deep":' + b"[" * 5_000,
        b'{"data":{"usage":{"input_tokens":1},"text":"' + b"x" * 1_100_000 + b'"}}',
    ],
    ids=range(11),
)
def test_anything_else_says_nothing(result: bytes) -> None:
    assert model_metadata(result, 0) is None


def ai_of(node: TraceSpan) -> list[dict[str, Any]]:
    return [msgspec.json.decode(m.values) for m in node.metadata if m.kind == "inngest.ai"]


def test_it_stands_at_the_step_that_asked() -> None:
    world, run = begun()
    world.answer(run, INFER)
    assert ai_of(current(world, run).children[0]) == []
    world.request(run, RequestReply(200, {}, msgspec.json.encode(OPENAI), "https://ai.test/v1"))
    (values,) = ai_of(current(world, run).children[0])
    assert values["input_tokens"] == 1_000


def test_what_the_app_says_counts_instead() -> None:
    world, run = begun()
    world.answer(run, INFER)
    world.request(run, RequestReply(200, {}, msgspec.json.encode(OPENAI), "https://ai.test/v1"))
    owner = MetadataOwner(MetadataScope.STEP, step_id("ask"))
    said = Metadata(owner, "inngest.ai", b'{"input_tokens":3}', world.now_ms)
    root = current(world, run, metadata={owner: [said]})
    assert [values["input_tokens"] for values in ai_of(root.children[0])] == [3]
