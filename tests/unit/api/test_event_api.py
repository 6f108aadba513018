"""`POST /e/{key}`: what is accepted, what is refused, and how that is said."""

import base64
import gzip
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.api import ApiSettings
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.ulid import ulid_from
from tests.unit.api.api_server import CLOUD, DEV, NOW_MS, Api, ulid

EVENT = b'{"name":"shop/order.placed","data":{"n":1}}'
SMALL = ApiSettings(server_kind="dev", version="1.2.3", body_bytes_max=100)


def test_an_accepted_event_is_answered_with_its_internal_id() -> None:
    api = Api()

    answer = api.post("/e/any", b'{"name":"a","id":"my-own"}')

    assert (answer.status, answer.json) == (200, {"ids": [ulid(1)], "status": 200})
    [accepted] = api.backend.accepted
    assert (accepted.internal_id, accepted.event.id, accepted.received_ms) == (
        ulid(1),
        "my-own",
        NOW_MS,
    )
    assert api.backend.seeded == [False]


def test_ids_come_in_the_order_of_the_events() -> None:
    api = Api()

    answer = api.post("/e/any", b"[%b,%b,%b]" % (EVENT, EVENT, EVENT))

    assert answer.json == {"ids": [ulid(1), ulid(2), ulid(3)], "status": 200}


def test_events_before_a_bad_one_are_accepted_and_their_ids_returned() -> None:
    api = Api()

    answer = api.post("/e/any", b'[%b,{"name":""},%b]' % (EVENT, EVENT))

    assert (answer.status, answer.json) == (
        400,
        {"ids": [ulid(1)], "status": 400, "error": "event name is empty"},
    )
    assert len(api.backend.accepted) == 1


@pytest.mark.parametrize("body", [b"", b"  \n", b"[]"])
def test_no_events_are_no_error(body: bytes) -> None:
    api = Api()

    assert api.post("/e/any", body).json == {"ids": [], "status": 200}
    assert api.backend.seeded == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "valid JSON"),
        (b"nonsense", "must contain an event object"),
        (b"7", "must contain an event object"),
        (b'"text"', "must contain an event object"),
        (b"\xff\xfe\x00", "must contain an event object"),
        (b'{"name":7}', ""),
        (b'{"name":null}', "event name is empty"),
        (b'{"data":{}}', "event name is empty"),
        (b'{"name":"a","data":"text"}', "data must be an object"),
        (b'{"name":"a","data":[]}', "data must be an object"),
        (b'{"name":"a","user":7}', "user must be an object"),
        (b'{"name":"a","id":7}', ""),
        (b'{"name":"a","ts":"now"}', ""),
        (b'{"name":"a","ts":1.5}', ""),
        (b'{"name":"a","ts":1}', "before Jan 1, 1980"),
        (b'{"name":"a","ts":99999999999999}', "after Jan 1, 2100"),
        (b'{"name":"a","ts":99999999999999999999999999}', ""),
        (b'{"name":"inngest/function.finished"}', "reserved for internal use"),
        (b'{"name":"INNGEST/x"}', "reserved for internal use"),
        (EVENT + EVENT, "after top-level value"),
        (b"[7]", ""),
        (b"[" * 100_000, ""),
        (b'{"name":"a","data":' + b'{"a":' * 10_000, ""),
    ],
)
def test_a_bad_event_is_refused_with_a_reason(body: bytes, error: str) -> None:
    api = Api()

    answer = api.post("/e/any", body)

    assert answer.status == answer.json["status"] == 400
    assert answer.json["ids"] == [""]
    assert error in answer.json["error"]
    assert answer.json["error"]
    assert api.backend.accepted == []


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_forms_are_refused(content_type: str) -> None:
    answer = Api().post("/e/any", b"name=a&data=b", content_type=content_type)

    assert (answer.status, answer.json["status"]) == (400, 400)


def test_the_content_type_of_json_does_not_matter() -> None:
    assert Api().post("/e/any", EVENT, content_type="image/png").status == 200


def test_one_event_too_large_is_refused() -> None:
    body = msgspec.json.encode({"name": "a", "data": {"text": "x" * 3 * 1024 * 1024}})

    answer = Api().post("/e/any", body)

    assert answer.status == 400
    assert "over the max size" in answer.json["error"]


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert Api(SMALL).post("/e/any", EVENT.ljust(100)).status == 200


def test_a_body_over_the_limit_is_refused_unread() -> None:
    api = Api(SMALL)

    answers = [
        api.post("/e/any", EVENT.ljust(101)),
        api.post("/e/any", [EVENT.ljust(60), EVENT.ljust(60)]),
        api.post("/e/any", [], content_length="101"),
        api.post("/e/any", [], content_length="9" * 5000),
    ]

    for answer in answers:
        assert (answer.status, answer.json["status"]) == (413, 413)
        assert (answer.json["ids"], answer.json["code"]) == ([], "SW1001")
        assert answer.headers["connection"] == "close"
    assert api.backend.accepted == []


def test_a_client_that_leaves_before_the_end_gets_no_answer_and_nothing_is_accepted() -> None:
    api = Api()

    assert api.post("/e/any", [EVENT]).status == 0
    assert api.backend.accepted == []


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(EVENT), gzip.compress(EVENT[:10]) + gzip.compress(EVENT[10:])],
    ids=["one member", "two members"],
)
def test_compressed_bodies_are_read(packed: bytes) -> None:
    api = Api()

    assert api.post("/e/any", packed, content_encoding="GZIP").status == 200
    assert bytes(api.backend.accepted[0].event.data) == b'{"n":1}'


@pytest.mark.parametrize(
    "body",
    [EVENT, gzip.compress(EVENT)[:-3], gzip.compress(EVENT) + b"tail", zlib.compress(EVENT)],
    ids=["plain", "cut off", "followed", "zlib"],
)
def test_a_body_that_is_not_gzip_is_refused(body: bytes) -> None:
    answer = Api().post("/e/any", body, content_encoding="gzip")

    assert (answer.status, answer.json["status"], answer.json["code"]) == (400, 400, "SW1002")


def test_a_small_body_that_unpacks_to_a_large_one_is_refused() -> None:
    answer = Api(SMALL).post("/e/any", gzip.compress(b" " * 20_000), content_encoding="gzip")

    assert (answer.status, answer.json["code"]) == (413, "SW1001")


def test_a_body_that_unpacks_to_exactly_the_limit_is_read() -> None:
    packed = gzip.compress(EVENT.ljust(100))

    assert Api(SMALL).post("/e/any", packed, content_encoding="gzip").status == 200


def test_an_unknown_encoding_is_refused() -> None:
    answer = Api().post("/e/any", EVENT, content_encoding="br")

    assert (answer.status, answer.json["code"]) == (415, "SW1003")


def test_with_a_seed_the_same_request_gets_the_same_ids() -> None:
    api = Api()
    seed = "1700000000000," + base64.b64encode(bytes(range(10))).decode()

    first = api.post("/e/any", b"[%b,%b]" % (EVENT, EVENT), x_inngest_event_id_seed=seed)
    again = api.post("/e/any", b"[%b,%b]" % (EVENT, EVENT), x_inngest_event_id_seed=seed)

    assert first.json == again.json
    assert first.json["ids"] == [
        ulid_from(1_700_000_000_000, bytes.fromhex("0001020304050607080a")),
        ulid_from(1_700_000_000_000, bytes.fromhex("0001020304050607080b")),
    ]
    assert api.backend.seeded == [True, True]


@pytest.mark.parametrize("seed", ["", "x", "1,2", "1700000000000,AAAA", "-1," + "A" * 14 + "=="])
def test_a_malformed_seed_is_ignored(seed: str) -> None:
    api = Api()

    assert api.post("/e/any", EVENT, x_inngest_event_id_seed=seed).json["ids"] == [ulid(1)]
    assert api.backend.seeded == [False]


@pytest.mark.parametrize("key", ["first-key", "second-key"])
def test_a_configured_key_may_send(key: str) -> None:
    assert Api(CLOUD).post(f"/e/{key}", EVENT).status == 200


@pytest.mark.parametrize("key", ["other", "first-ke", "first-key/", "FIRST-KEY", "ké\udcff"])
def test_any_other_key_may_not(key: str) -> None:
    api = Api(CLOUD)

    answer = api.post(f"/e/{key}", EVENT)

    assert answer.status == 401
    assert answer.json == {"status": 401, "message": "", "error": "Event key not found"}
    assert api.backend.accepted == []


def test_without_a_key_nothing_may_be_sent() -> None:
    assert Api().post("/e/", EVENT).json["error"] == "Event key is required"


def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    api = Api()
    api.backend.failure = StoreUnavailable("commit", "disk full", retry_after_s=7)

    answer = api.post("/e/any", EVENT)

    assert (answer.status, answer.headers["retry-after"]) == (503, "7")
    assert answer.json == {
        "ids": [],
        "status": 503,
        "error": "store unavailable during commit (disk full); try again in 7 s",
        "code": "SW2001",
    }


def test_a_defect_is_not_described_to_the_client() -> None:
    api = Api()
    api.backend.failure = RuntimeError("the password is swordfish")

    answer = api.post("/e/any", EVENT)

    assert answer.json == {"ids": [], "status": 500, "error": "Internal server error"}


def test_every_answer_has_the_headers_all_answers_have() -> None:
    for api, target, body in [
        (Api(), "/e/any", EVENT),
        (Api(), "/e/any", b"{"),
        (Api(SMALL), "/e/any", b" " * 101),
        (Api(), "/e/", EVENT),
    ]:
        headers = api.post(target, body, origin="https://shop.example").headers
        assert headers["x-inngest-server-kind"] == "dev"
        assert headers["vary"] == "Origin"
        assert headers["access-control-allow-origin"] == "https://shop.example"
        assert headers["content-type"] == "application/json"


@given(st.binary() | st.text().map(str.encode))
def test_whatever_is_sent_the_answer_is_json(body: bytes) -> None:
    answer = Api(DEV).post("/e/any", body)

    assert answer.status in (200, 400)
    assert answer.json["status"] == answer.status


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_members = st.sampled_from(["name", "data", "id", "ts", "user", "v", "meta", "other"])


@given(st.dictionaries(_members, _json), st.booleans())
def test_whatever_an_event_contains_the_answer_is_json(
    event: dict[str, object], packed: bool
) -> None:
    body = msgspec.json.encode([event])
    headers = {"content_encoding": "gzip"} if packed else {}

    answer = Api(DEV).post("/e/any", gzip.compress(body) if packed else body, **headers)

    assert answer.status in (200, 400)
    assert answer.json["status"] == answer.status


@given(st.binary())
def test_whatever_is_said_to_be_gzip_the_answer_is_json(body: bytes) -> None:
    answer = Api(DEV).post("/e/any", body, content_encoding="gzip")

    assert answer.status in (200, 400)
    assert answer.json["status"] == answer.status
