"""Tokens for the output and the stream of one run."""

import jwt
import pytest

from stepwell.wire.run_claim import (
    REALTIME_TOKEN_S,
    RUN_CLAIM_S,
    TokenKey,
    issue_realtime_token,
    issue_run_claim,
    run_claim_is_valid,
)
from stepwell.wire.signing import SigningKey

RUN = "01M7Z0AM8HADHGCE3RKMGSJWR2"
ENV = "00000000-0000-4000-b000-000000000000"
ACCOUNT = "00000000-0000-4000-a000-000000000000"
NOW_S = 1_795_252_035
KEY = TokenKey.derived(SigningKey.parse("signkey-test-0123456789abcdef"))
OTHER_KEY = TokenKey(bytes(32))


def claim(**changes: object) -> str:
    claims = {
        "iss": "api.inngest.com",
        "sub": "run-claim",
        "exp": NOW_S + 10,
        "Env": ENV,
        "RunID": RUN,
    }
    return jwt.encode(claims | changes, KEY.for_kind("run-claim"), algorithm="HS256")


def is_valid(token: str, *, run_id: str = RUN, env: str = ENV, now_s: int = NOW_S) -> bool:
    return run_claim_is_valid(token, run_id, env, KEY, now_s=now_s)


def test_a_claim_is_valid_for_its_run_for_an_hour() -> None:
    token = issue_run_claim(RUN, ENV, KEY, now_s=NOW_S)

    assert is_valid(token)
    assert is_valid(token, now_s=NOW_S + RUN_CLAIM_S - 1)
    assert not is_valid(token, now_s=NOW_S + RUN_CLAIM_S)
    assert not is_valid(token, run_id=RUN[:-1] + "3")
    assert not is_valid(token, env=ACCOUNT)


def test_a_claim_has_the_fields_of_the_protocol() -> None:
    token = issue_run_claim(RUN, ENV, KEY, now_s=NOW_S)

    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    assert jwt.decode(token, options={"verify_signature": False}) == {
        "iss": "api.inngest.com",
        "sub": "run-claim",
        "exp": NOW_S + 3600,
        "Env": ENV,
        "RunID": RUN,
    }


def test_a_claim_of_another_installation_is_not_valid() -> None:
    assert not is_valid(issue_run_claim(RUN, ENV, OTHER_KEY, now_s=NOW_S))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "ä" * 10,
        "a" * 100_000,
        claim(iss="someone"),
        claim(sub="other"),
        claim(exp=NOW_S),
        claim(exp="never"),
        claim(exp=None),
        claim(Env=None),
        claim(RunID=None),
        claim(RunID=[RUN]),
        jwt.encode({"RunID": RUN, "Env": ENV}, KEY.for_kind("run-claim"), algorithm="HS256"),
    ],
)
def test_a_made_up_token_is_not_valid(token: str) -> None:
    assert not is_valid(token)


def test_a_token_without_signature_is_not_valid() -> None:
    claims = jwt.decode(claim(), options={"verify_signature": False})
    assert not is_valid(jwt.encode(claims, "", algorithm="none"))


def test_a_realtime_token_names_the_stream_of_the_run_and_is_no_claim() -> None:
    token = issue_realtime_token(RUN, ENV, ACCOUNT, KEY, token_id="01K", now_s=NOW_S)

    assert not is_valid(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {
        "iss": "rt.inngest.com",
        "sub": ACCOUNT,
        "iat": NOW_S,
        "exp": NOW_S + REALTIME_TOKEN_S,
        "jti": "01K",
        "env": ENV,
        "topics": [
            {"kind": "run", "env_id": ENV, "run_id": RUN, "channel": RUN, "name": "$stream"}
        ],
        "publish": False,
    }
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(
            token,
            KEY.for_kind("run-claim"),
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_iat": False},
        )


def test_the_secret_is_never_printed_and_never_short() -> None:
    assert repr(KEY) == "TokenKey(***)"
    with pytest.raises(AssertionError):
        TokenKey(b"short")
