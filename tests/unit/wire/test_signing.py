"""Signatures and bearer tokens, with the test vectors of the protocol (SDK protocol, 3.6)."""

import dataclasses
import hashlib
import pprint

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inngest._internal import net, server_lib, transforms

from stepwell.wire.canonical import canonical_json
from stepwell.wire.signing import (
    SigningKey,
    SigningKeyInvalid,
    bearer_digest,
    bearer_is_valid,
    event_key_hash,
    sign,
    verify_signature,
)

_SECRET = "0123456789abcdef0123456789abcdef"
_KEY = SigningKey.parse(f"signkey-test-{_SECRET}")
_DIGEST = "223e0a160af9da0a03e6dd2c4719c56f5d66a633cbe84e78aaa9f3735865522a"
_NOW_S = 1_750_000_000
_RECEIVED = (
    rb'{ "event": {"name":"demo/hi","data":{"msg":"h\u00e9llo"}}, "n": 1.0, '
    rb'"ctx": {"run_id":"01JX0000000000000000000000","attempt":0} }'
)
_VECTORS = [
    (
        canonical_json(_RECEIVED),
        "4516d0664bd012495de0784874f742429eaf0c1208592be507c2703bef50c346",
    ),
    (b"", "80448f09875803a8a81bc0e2f26c6e74bbb06921bd5c604a9c72704b7461532d"),
    (
        b'{"url":"http://localhost:3000/api/inngest"}',
        "0db69e054e6a33447dee069a25cb06fd394847debb0c2dffe0b7c59182e25b13",
    ),
    (
        b'{"ok":true, "b":[1, 2]}',
        "d26f7d537557d652534df6730ebf8249c55edf2363035b0e456b0e14dc3df108",
    ),
]


@pytest.mark.parametrize(("body", "mac"), _VECTORS)
def test_signatures_equal_the_test_vectors(body: bytes, mac: str) -> None:
    header = f"t={_NOW_S}&s={mac}"
    assert sign(body, _KEY, unix_s=_NOW_S) == header
    assert verify_signature(header, body, _KEY, now_s=_NOW_S)


def test_the_prefix_takes_no_part_in_a_signature() -> None:
    bare = SigningKey.parse(_SECRET)
    assert sign(b"{}", bare, unix_s=_NOW_S) == sign(b"{}", _KEY, unix_s=_NOW_S)
    with_prefix = "447f130374be77f783426e3ac4b997fa1780efe0271aa4ba275896c8aab90d94"
    header = f"t={_NOW_S}&s={with_prefix}"
    assert not verify_signature(header, canonical_json(_RECEIVED), _KEY, now_s=_NOW_S)


@given(body=st.binary(max_size=200), unix_s=st.integers(min_value=0, max_value=10**11))
def test_what_we_sign_we_verify(body: bytes, unix_s: int) -> None:
    header = sign(body, _KEY, unix_s=unix_s)
    assert verify_signature(header, body, _KEY, now_s=unix_s)
    assert not verify_signature(header, body + b" ", _KEY, now_s=unix_s)


def test_the_python_sdk_accepts_our_signature() -> None:
    body = canonical_json(_RECEIVED)
    header = sign(body, _KEY, unix_s=_NOW_S)
    key = f"signkey-test-{_SECRET}"
    accepted_with = net.validate_request_sig(
        body=body,
        headers={"x-inngest-signature": header},
        mode=server_lib.ServerKind.CLOUD,
        signing_key=key,
        signing_key_fallback=None,
    )
    assert accepted_with == key


def test_we_accept_the_signature_of_the_python_sdk() -> None:
    header = net.sign_response(b'{"ok": true}', _SECRET, _NOW_S)
    assert isinstance(header, str)
    assert verify_signature(header, b'{"ok": true}', _KEY, now_s=_NOW_S)


@pytest.mark.parametrize(
    ("age_s", "is_valid"),
    [(0, True), (300, True), (301, False), (-300, True), (-301, False), (86_400, False)],
)
def test_a_signature_holds_for_five_minutes_both_ways(age_s: int, *, is_valid: bool) -> None:
    header = sign(b"{}", _KEY, unix_s=_NOW_S)
    assert verify_signature(header, b"{}", _KEY, now_s=_NOW_S + age_s) is is_valid


def test_a_changed_body_time_or_key_is_refused() -> None:
    header = sign(b"{}", _KEY, unix_s=_NOW_S)
    other_key = SigningKey.parse("ff" * 16)
    assert not verify_signature(header, b"[]", _KEY, now_s=_NOW_S)
    assert not verify_signature(header, b"{}", other_key, now_s=_NOW_S)
    moved = header.replace(f"t={_NOW_S}", f"t={_NOW_S + 1}")
    assert not verify_signature(moved, b"{}", _KEY, now_s=_NOW_S)


def test_digits_cannot_move_between_body_and_time() -> None:
    """The MAC covers both without a separator; only the age check keeps them apart."""
    header = sign(b"1", _KEY, unix_s=_NOW_S)
    mac = header.partition("&s=")[2]
    assert not verify_signature(f"t=1{_NOW_S}&s={mac}", b"", _KEY, now_s=_NOW_S)


def test_the_order_of_the_fields_does_not_matter() -> None:
    time, _, mac = sign(b"{}", _KEY, unix_s=_NOW_S).partition("&")
    assert verify_signature(f"{mac}&{time}", b"{}", _KEY, now_s=_NOW_S)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "&",
        "=",
        "t&s",
        f"t={_NOW_S}",
        f"t={_NOW_S}&s=",
        f"t={_NOW_S}&s=é",
        f"t={_NOW_S}&s=\ud800",
        f"t={_NOW_S}&s=%ff",
        "s=80448f09875803a8a81bc0e2f26c6e74bbb06921bd5c604a9c72704b7461532d",
        "t=&s=80448f09875803a8a81bc0e2f26c6e74bbb06921bd5c604a9c72704b7461532d",
        "t=now&s=80448f09875803a8a81bc0e2f26c6e74bbb06921bd5c604a9c72704b7461532d",
        f"t={'9' * 5_000}&s=80448f09875803a8a81bc0e2f26c6e74bbb06921bd5c604a9c72704b7461532d",
    ],
)
def test_a_malformed_signature_is_not_valid(header: str | None) -> None:
    assert not verify_signature(header, b"", _KEY, now_s=_NOW_S)


@given(header=st.text())
def test_no_header_makes_verifying_fail(header: str) -> None:
    assert not verify_signature(header, b"", _KEY, now_s=_NOW_S)


@pytest.mark.parametrize(
    ("text", "prefix", "secret"),
    [
        (_SECRET, "", _SECRET),
        (f"signkey-test-{_SECRET}", "signkey-test-", _SECRET),
        (f"signkey-prod-{_SECRET}", "signkey-prod-", _SECRET),
        (f"signkey-branch-{_SECRET}", "signkey-branch-", _SECRET),
        ("signkey-my_env2-ABcd", "signkey-my_env2-", "ABcd"),
        ("signkey-test-abc123def456", "signkey-test-", "abc123def456"),
        ("12345678", "", "12345678"),
    ],
)
def test_a_key_may_be_bare_or_prefixed(text: str, prefix: str, secret: str) -> None:
    assert SigningKey.parse(text) == SigningKey(prefix=prefix, secret=secret)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "signkey-test-",
        "signkey-test-abc",
        "signkey-test-abcg",
        "signkey--abcd",
        "SIGNKEY-test-abcd",
        "signkey-test-signkey-test-abcd",
        "ab cd",
        "abcd\n",
        " abcd",
        "\u0661\u0662",
        "not-a-hex-key",
    ],
)
def test_a_key_that_is_not_hex_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SigningKeyInvalid) as raised:
        SigningKey.parse(text)
    shown = repr(raised.value) + str(raised.value) + repr(vars(raised.value))
    secret = text.removeprefix("signkey-test-").strip()
    assert not secret or secret not in shown
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_printing_a_key_does_not_show_it() -> None:
    for shown in (repr(_KEY), str(_KEY), f"{_KEY}", pprint.pformat([_KEY]), repr({"key": _KEY})):
        assert _SECRET not in shown
        assert "SigningKey(signkey-test-***)" in shown


def test_a_key_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        _KEY.secret = "00"  # type: ignore[misc]


def test_bearer_digests_equal_the_test_vectors() -> None:
    assert bearer_digest(_KEY) == _DIGEST == transforms.hash_signing_key(_SECRET)
    assert (
        bearer_digest(SigningKey.parse("12345678"))
        == "b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c"
    )


def test_the_case_of_a_key_does_not_change_its_digest() -> None:
    assert bearer_digest(SigningKey.parse(_SECRET.upper())) == _DIGEST


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer signkey-test-{_DIGEST}",  # TypeScript, Go
        f"Bearer {_DIGEST}",  # Python
        f"Bearer signkey-test-{_SECRET}",  # Go, checkpoints
        f"Bearer {_SECRET}",
        f"Bearer signkey-prod-{_DIGEST}",
        f"bearer {_DIGEST}",
        f"BEARER {_SECRET}",
    ],
)
def test_every_form_that_an_sdk_sends_is_accepted(authorization: str) -> None:
    assert bearer_is_valid(authorization, _KEY)
    assert bearer_is_valid(authorization, SigningKey.parse(_SECRET))


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearer undefined",
        "Bearer signkey-test-",
        f"Basic {_SECRET}",
        _SECRET,
        _DIGEST,
        f"Bearer{_SECRET}",
        f"Bearer  {_SECRET}",
        f"Bearer {_SECRET} ",
        f"Bearer {_SECRET[:-1]}",
        f"Bearer {_SECRET.upper()}",
        f"Bearer {_DIGEST.upper()}",
        f"Bearer signkey-test-signkey-test-{_SECRET}",
        "Bearer é",
        "Bearer \ud800",
        f"Bearer {hashlib.sha256(b'').hexdigest()}",
    ],
)
def test_everything_else_is_refused(authorization: str | None) -> None:
    assert not bearer_is_valid(authorization, _KEY)


@pytest.mark.parametrize("authorization", [None, "", "Bearer ", "Bearer wrong", "Basic x"])
def test_without_a_configured_key_everything_passes(authorization: str | None) -> None:
    assert bearer_is_valid(authorization, None)


def test_the_event_key_hash_equals_the_test_vector() -> None:
    expected = "756db3455bd70816c089ed7fcd514ab0e66cf5cdf62ccb7a3bca66d96ee3132c"
    assert event_key_hash("my-event-key") == expected == transforms.hash_event_key("my-event-key")
