"""`POST /invoke/{slug}`."""

import base64

import msgspec
import pytest

from stepwell.wire.ulid import ulid_from
from tests.unit.api.api_server import Api, ulid


def test_an_invocation_becomes_an_event_for_that_function() -> None:
    api = Api()

    answer = api.post("/invoke/shop-ship", b'{"name":"ignored","data":{"n":1}}')

    assert (answer.status, answer.json) == (200, {"id": ulid(1), "status": 200})
    [accepted] = api.backend.accepted
    assert (accepted.internal_id, accepted.event.name) == (ulid(1), "inngest/function.invoked")
    data = msgspec.json.decode(accepted.event.data)
    assert (data["n"], data["_inngest"]["fn_id"]) == (1, "shop-ship")
    assert api.backend.seeded == [False]


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/invoke/my shop-ship", "my shop-ship"),
        ("/invoke/my%20shop-ship", "my shop-ship"),
        ("/invoke/my%2Fshop-ship", "my/shop-ship"),
        ("/invoke/my/shop-ship", "my/shop-ship"),
    ],
)
def test_the_slug_is_decoded_once_more_than_the_path(path: str, slug: str) -> None:
    api = Api()

    assert api.post(path, b"{}").status == 200
    data = msgspec.json.decode(api.backend.accepted[0].event.data)
    assert data["_inngest"]["fn_id"] == slug


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/invoke", b"{}", "Function slug is required"),
        ("/invoke/", b"{}", "Function slug is required"),
        ("/invoke/100%", b"{}", "Unable to decode function slug"),
        ("/invoke/%ff", b"{}", "Unable to decode function slug"),
        ("/invoke/x", b"", "Unable to read post data request"),
        ("/invoke/x", b"[]", "Unable to read post data request"),
        ("/invoke/x", b"{", "Unable to read post data request"),
        ("/invoke/x", b'{"ts":1}', "Invalid invocation event: timestamp is before Jan 1, 1980"),
    ],
)
def test_a_bad_invocation_is_refused(path: str, body: bytes, error: str) -> None:
    answer = Api().post(path, body)

    assert answer.status == 400
    assert answer.json == {"error": error, "data": None, "status": 400}


def test_a_seed_gives_the_id_at_position_zero() -> None:
    api = Api()
    seed = "1700000000000," + base64.b64encode(bytes(range(10))).decode()

    answer = api.post("/invoke/x", b"{}", x_inngest_event_id_seed=seed)

    assert answer.json["id"] == ulid_from(1_700_000_000_000, bytes(range(10)))
    assert api.backend.seeded == [True]


def test_a_client_that_leaves_before_the_end_gets_no_answer() -> None:
    api = Api()

    assert api.post("/invoke/x", [b"{"]).status == 0
    assert api.backend.accepted == []
