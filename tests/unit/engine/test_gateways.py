"""Requests that wait for their turn, those under way, and what is sent for an opcode."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    EventId,
    FunctionId,
    ItemId,
    RunId,
    StepId,
)
from stepwell.core.journal import CallFacts
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.steps.requested import RequestFailed, RequestReply, RequestResult
from stepwell.core.transition import NewRun, Transition
from stepwell.engine.driver import CallHandle
from stepwell.engine.gateways import GatewayRequest, Gateways, gateway_request
from stepwell.wire.opcodes import Opcode, OpName

REPLY = RequestReply(200, {}, b"ok", "http://u.test/")


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def now_ms(self) -> int:
        return self.ms


class Sent:
    """A request under way."""

    def __init__(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> None:
        self.request = request
        self.done = done
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Client:
    """Somebody else's network."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def send(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> CallHandle:
        sent = Sent(request, done)
        self.sent.append(sent)
        return sent


class World:
    def __init__(self, **options: int) -> None:
        self.client = Client()
        self.clock = Clock()
        self.answers: list[tuple[ItemId, RequestResult, CallFacts]] = []
        self.gateways = Gateways(self.client, self.clock, answered=self._answered, **options)
        self.run = a_run()

    def _answered(
        self, item: QueueItem, run: RunState, result: RequestResult, call: CallFacts
    ) -> None:
        assert run is self.run
        self.answers.append((item.id, result, call))


def a_run() -> RunState:
    new = NewRun(
        RunId("r"),
        DEFAULT_ENVIRONMENT_ID,
        AppId("a"),
        FunctionId("f"),
        1,
        0,
        0,
        EventId("e"),
        "t/go",
    )
    return RunState(new, [b"{}"])


def item_of(number: int, *, kind: ItemKind = ItemKind.GATEWAY) -> QueueItem:
    step = StepId(f"step-{number}")
    return QueueItem(ItemId(number), kind, FunctionId("f"), RunId("r"), step, queued_ms=900)


def fetch(number: int = 1, **opts: Any) -> Opcode:
    given = {"url": "http://u.test/"} | opts
    opts_json = msgspec.Raw(msgspec.json.encode(given))
    return Opcode(op=OpName.GATEWAY, id=f"step-{number}", opts=opts_json)


def infer(format_name: str = "openai-chat", **opts: Any) -> Opcode:
    given = {
        "type": "step.ai.infer",
        "url": "https://ai.test/v1",
        "format": format_name,
        "auth_key": "sk-12345",
        "body": {"model": "m"},
        **opts,
    }
    opts_json = msgspec.Raw(msgspec.json.encode(given))
    return Opcode(op=OpName.AI_GATEWAY, id="step-1", opts=opts_json)


# What is sent.


def test_a_fetch_is_sent_as_the_app_asked() -> None:
    request = gateway_request(fetch(method="put", headers={"X-A": "b"}, body="hé"))
    assert request == GatewayRequest(
        method="PUT", url="http://u.test/", headers={"X-A": "b"}, body="hé".encode()
    )


@pytest.mark.parametrize(
    ("format_name", "headers"),
    [
        ("openai-chat", {"Authorization": "Bearer sk-12345"}),
        ("openai-responses", {"Authorization": "Bearer sk-12345"}),
        ("", {"Authorization": "Bearer sk-12345"}),
        ("anthropic", {"x-api-key": "sk-12345"}),
        ("bedrock", {"Authorization": "sk-12345"}),
        ("gemini", {}),
    ],
)
def test_the_format_decides_how_a_provider_is_told_the_key(
    format_name: str, headers: dict[str, str]
) -> None:
    request = gateway_request(infer(format_name))
    assert (request.method, request.body) == ("POST", b'{"model":"m"}')
    assert request.headers == {"Content-Type": "application/json"} | headers


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://ai.test/m:go", "https://ai.test/m:go?key=sk-12345"),
        ("https://ai.test/m:go?key=sk-12345", "https://ai.test/m:go?key=sk-12345"),
        ("https://ai.test/m?alt=sse&k%65y=x#part", "https://ai.test/m?alt=sse&key=sk-12345"),
    ],
)
def test_gemini_is_told_the_key_once_although_the_sdks_put_it_into_the_url(
    url: str, sent: str
) -> None:
    assert gateway_request(infer("gemini", url=url)).url == sent


def test_a_key_cannot_add_parameters() -> None:
    request = gateway_request(infer("gemini", auth_key="a&b=c #", url="https://ai.test/"))
    assert request.url == "https://ai.test/?key=a%26b%3Dc%20%23"


def test_headers_of_the_app_are_kept_but_for_what_the_server_decides() -> None:
    request = gateway_request(
        infer(
            "anthropic",
            headers={"anthropic-version": "1", "X-API-Key": "x", "content-type": "text/plain"},
        )
    )
    assert request.headers == {
        "anthropic-version": "1",
        "Content-Type": "application/json",
        "x-api-key": "sk-12345",
    }


def test_without_a_key_nothing_is_added() -> None:
    request = gateway_request(infer(auth_key="", headers={"Authorization": "mine"}, body=None))
    assert request.headers == {"Authorization": "mine", "Content-Type": "application/json"}
    assert request.body == b""


def test_a_request_that_is_printed_shows_no_secret() -> None:
    assert (
        repr(gateway_request(infer(headers={"a": "sk-12345"}))) == "GatewayRequest(method='POST')"
    )


# Its way.


def test_a_request_is_made_when_its_turn_comes() -> None:
    world, item = World(), item_of(1)
    world.gateways.expect(Transition(put=[item]), [fetch()])
    assert not world.client.sent

    assert world.gateways.make(item, world.run)
    world.clock.ms = 2_000
    (sent,) = world.client.sent
    assert (sent.request.url, len(world.gateways)) == ("http://u.test/", 1)
    sent.done(REPLY)
    assert world.answers == [(item.id, REPLY, CallFacts(900, 1_000, item=item.id))]
    assert len(world.gateways) == 0


def test_each_item_gets_the_first_opcode_about_its_step() -> None:
    world = World()
    items = [item_of(1, kind=ItemKind.STEP), item_of(3), item_of(2)]
    ops = [fetch(2, url="http://two"), fetch(3, url="http://three"), fetch(2, url="http://again")]
    world.gateways.expect(Transition(put=items), ops)
    assert world.gateways.make(items[2], world.run)
    assert world.gateways.make(items[1], world.run)
    assert [sent.request.url for sent in world.client.sent] == ["http://two", "http://three"]


def test_an_opcode_of_another_kind_with_the_same_id_is_not_mistaken_for_the_request() -> None:
    """Else the step would be reported again and again, and its request never be made."""
    world = World()
    other = Opcode(op=OpName.DISCOVERY_REQUEST, id="step-1")
    world.gateways.expect(Transition(put=[item_of(1)]), [other, fetch()])
    assert world.gateways.make(item_of(1), world.run)


def test_a_request_nobody_knows_is_not_made() -> None:
    """After a restart, or a second time."""
    world, item = World(), item_of(1)
    assert not world.gateways.make(item, world.run)
    world.gateways.expect(Transition(put=[item]), [fetch()])
    assert world.gateways.make(item, world.run)
    world.client.sent[0].done(REPLY)
    assert not world.gateways.make(item, world.run)


def test_a_request_that_is_given_up_is_stopped_and_its_result_changes_nothing() -> None:
    world, item = World(), item_of(1)
    world.gateways.expect(Transition(put=[item]), [fetch()])
    assert world.gateways.make(item, world.run)
    assert world.gateways.give_up(item.id) == item
    (sent,) = world.client.sent
    assert sent.is_cancelled
    sent.done(REPLY)
    assert not world.answers
    assert world.gateways.give_up(item.id) is None


def test_a_request_that_is_given_up_before_its_turn_is_forgotten() -> None:
    world, item = World(), item_of(1)
    world.gateways.expect(Transition(put=[item]), [fetch()])
    assert world.gateways.give_up(item.id) is None
    assert not world.gateways.make(item, world.run)


def test_everything_can_be_given_up() -> None:
    world, items = World(), [item_of(1), item_of(2)]
    world.gateways.expect(Transition(put=items), [fetch(1), fetch(2)])
    assert world.gateways.make(items[0], world.run)
    world.gateways.give_up_all()
    assert world.client.sent[0].is_cancelled
    assert not world.gateways.make(items[1], world.run)


def test_of_too_many_waiting_requests_the_oldest_are_dropped() -> None:
    world, items = World(expected_bytes_max=10), [item_of(number) for number in (1, 2, 3)]
    ops = [fetch(1, body="x" * 5), fetch(2, body="x" * 5), fetch(3, body="x")]
    world.gateways.expect(Transition(put=items), ops)
    assert [world.gateways.make(item, world.run) for item in items] == [False, True, True]

    newest = item_of(4)
    world.gateways.expect(Transition(put=[newest]), [fetch(4, body="x" * 11)])
    assert world.gateways.make(newest, world.run), "one always gets on, however large"


# Secrets in answers.


def test_an_error_of_a_provider_does_not_repeat_the_key() -> None:
    world, item = World(), item_of(1)
    world.gateways.expect(Transition(put=[item]), [infer()])
    assert world.gateways.make(item, world.run)
    body = b'{"error":"Incorrect API key provided: sk-12345"}'
    world.client.sent[0].done(RequestReply(401, {}, body, "https://ai.test/v1"))
    ((_, result, _),) = world.answers
    assert isinstance(result, RequestReply)
    assert result.body == b'{"error":"Incorrect API key provided: [redacted]"}'


@pytest.mark.parametrize(
    ("key", "result"),
    [
        ("sk-12345", RequestReply(200, {}, b'"sk-12345"', "https://ai.test/v1")),
        ("a", RequestReply(401, {}, b'"abc"', "https://ai.test/v1")),
        ("sk-12345", RequestFailed("cannot resolve ai.test")),
    ],
)
def test_everything_else_is_handed_on_as_it_is(key: str, result: RequestResult) -> None:
    world, item = World(), item_of(1)
    world.gateways.expect(Transition(put=[item]), [infer(auth_key=key)])
    assert world.gateways.make(item, world.run)
    world.client.sent[0].done(result)
    assert world.answers[0][1] == result
