"""Canonical JSON: what the SDKs' own canonicalisers make of a document, byte for byte."""

import json
import math
from typing import Any

import jcs  # type: ignore[import-untyped]  # what the official Python SDK computes with
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.wire.canonical import canonical_json

# Without halves of surrogate pairs, which no canonicaliser but JavaScript's accepts.
_TEXT = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from('"\\/\b\f\n\r\t\x00\x1f\x7f\u2028\ue000\ufb33\uffff\U00010000\U0001f600'),
    )
)
_NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.integers(min_value=2**53 - 4, max_value=2**53 + 4),
    st.floats(allow_nan=False, allow_infinity=False),
)
_DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(_TEXT, inner)),
    max_leaves=12,
)


@given(document=_DOCUMENTS, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_the_python_sdk_computes_the_same(
    document: Any, *, ascii_only: bool, indent: int | None
) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert canonical_json(raw) == jcs.canonicalize(document)


@given(document=_DOCUMENTS)
def test_canonical_form_is_its_own_canonical_form(document: Any) -> None:
    canonical = canonical_json(json.dumps(document).encode())
    assert canonical_json(canonical) == canonical


def test_the_protocol_example_becomes_116_bytes() -> None:
    raw = (
        rb'{ "event": {"name":"demo/hi","data":{"msg":"h\u00e9llo"}}, "n": 1.0, '
        rb'"ctx": {"run_id":"01JX0000000000000000000000","attempt":0} }'
    )
    canonical = canonical_json(raw)
    assert (
        canonical
        == (
            '{"ctx":{"attempt":0,"run_id":"01JX0000000000000000000000"},'
            '"event":{"data":{"msg":"héllo"},"name":"demo/hi"},"n":1}'
        ).encode()
    )
    assert len(canonical) == 116


def test_the_rfc_example_is_sorted_by_utf16_code_units() -> None:
    """RFC 8785, 3.2.3: the emoji sorts before U+FB33, although its code point is higher."""
    raw = (
        rb'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",'
        rb'"1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",'
        rb'"\u00f6":"Latin Small Letter O With Diaeresis"}'
    )
    assert list(json.loads(canonical_json(raw)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_raw_and_escaped_emoji_keys_sort_alike() -> None:
    raw = '{"\ufb33":{"\ufb33":1,"😀":2},"😀":[{"\ufb33":3,"😀":4}]}'
    canonical = '{"😀":[{"😀":4,"\ufb33":3}],"\ufb33":{"😀":2,"\ufb33":1}}'.encode()
    assert canonical_json(raw.encode()) == canonical
    assert canonical_json(json.dumps(json.loads(raw)).encode()) == canonical


@pytest.mark.parametrize(
    ("number", "canonical"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("-0e5", "0"),
        ("1.0", "1"),
        ("-1.50", "-1.5"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("4.50", "4.5"),
        ("2e-3", "0.002"),
        ("0.000001", "0.000001"),
        ("-0.0000012", "-0.0000012"),
        ("0.0000001", "1e-7"),
        ("-1.5e-7", "-1.5e-7"),
        ("1e-27", "1e-27"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
        ("0.00001234", "0.00001234"),
        ("1e20", "100000000000000000000"),
        ("-1.5e20", "-150000000000000000000"),
        ("999999999999999900000", "999999999999999900000"),
        ("1e21", "1e+21"),
        ("-1.25e21", "-1.25e+21"),
        ("1e23", "1e+23"),
        ("333333333.33333329", "333333333.3333333"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740993", "9007199254740992"),
        ("-9007199254740993", "-9007199254740992"),
        ("9223372036854775807", "9223372036854776000"),
        ("12345678901234567890", "12345678901234567000"),
        ("123456789012345678901234", "1.2345678901234569e+23"),
    ],
)
def test_numbers_are_written_as_javascript_writes_them(number: str, canonical: str) -> None:
    assert canonical_json(number.encode()) == canonical.encode()
    nested = f'{{"a" : [ {number} ,{number}],"b":{number}}}'.encode()
    assert canonical_json(nested) == f'{{"a":[{canonical},{canonical}],"b":{canonical}}}'.encode()


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 310, "-" + "9" * 5_000])
def test_numbers_beyond_a_double_become_null(number: str) -> None:
    """JavaScript reads them as infinite, which JSON cannot say."""
    assert canonical_json(f"[{number}]".encode()) == b"[null]"


def test_only_integers_are_cut_among_the_very_long_numbers() -> None:
    digits = "1" * 5_000
    raw = f'{{"s":"{digits}","f":0.{digits},"i":{digits},"e":{digits}e-5000}}'.encode()
    assert json.loads(canonical_json(raw)) == {
        "s": digits,
        "f": float(f"0.{digits}"),
        "i": None,
        "e": float(f"{digits}e-5000"),
    }


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_no_double_changes_its_value(number: float) -> None:
    canonical = canonical_json(repr(number).encode())
    assert float(canonical) == number
    assert math.copysign(1, float(canonical)) == (math.copysign(1, number) if number else 1)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (rb'"\u0000\u001F\u007f\/\"\\"', b'"\\u0000\\u001f\x7f/\\"\\\\"'),
        (rb'"\b\f\n\r\t\u000a"', rb'"\b\f\n\r\t\n"'),
        (rb'"\u2028\u00e9\ud83d\ude00"', '"\u2028é😀"'.encode()),
        (b'"\x7f"', b'"\x7f"'),
    ],
)
def test_strings_carry_only_the_escapes_they_need(text: bytes, canonical: bytes) -> None:
    assert canonical_json(text) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"cut \uD83D off"', "cut \ufffd off"),
        (rb'"\ude00\ud83d"', "\ufffd\ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd😀"),
        (rb'"\\ud83d \ud83d"', "\\ud83d \ufffd"),
        (b'"\xff ok"', "\ufffd ok"),
        (b'"\xed\xa0\xbd"', "\ufffd\ufffd\ufffd"),
    ],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(text: bytes, canonical: str) -> None:
    """The Python SDK fails on half a pair: each call would be refused for its signature."""
    assert json.loads(canonical_json(text)) == canonical
    assert list(json.loads(canonical_json(b"{" + text + b":1}"))) == [canonical]


def test_the_last_of_repeated_keys_counts() -> None:
    assert canonical_json(b'{"a":1,"b":2,"a":3}') == b'{"a":3,"b":2}'


def test_keys_that_javascript_knows_are_keys_like_others() -> None:
    raw = b'{"toJSON":1,"__proto__":2,"constructor":3,"10":4,"9":5,"":6}'
    assert canonical_json(raw) == (b'{"":6,"10":4,"9":5,"__proto__":2,"constructor":3,"toJSON":1}')


def test_scalars_and_empty_containers_are_documents() -> None:
    for raw in (b"null", b"true", b"false", b'""', b"[]", b"{}"):
        assert canonical_json(b" \n" + raw + b"\t ") == raw


def test_an_empty_body_stays_empty() -> None:
    assert canonical_json(b"") == b""


def test_a_document_too_deep_to_follow_comes_back_unchanged() -> None:
    depth = 100_000
    for raw in (b"[" * depth + b"]" * depth, b'[{"a": ' * depth + b"1" + b"}]" * depth):
        assert canonical_json(raw) == raw


def test_three_hundred_levels_are_canonical() -> None:
    raw = b'{ "b":1,"a": ' * 300 + b"9007199254740993" + b"}" * 300
    assert canonical_json(raw) == b'{"a":' * 300 + b"9007199254740992" + b',"b":1}' * 300


@pytest.mark.parametrize(
    "raw",
    [b"{", b"nope", b"NaN", b"1 2", b" ", b"[1,]", b"01", b"{a:1}", b'"\\x"', b"\xef\xbb\xbf1"],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        canonical_json(raw)
