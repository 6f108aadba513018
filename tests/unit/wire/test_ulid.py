"""ULIDs and the seed that makes the ids of events repeatable."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.wire.ulid import EventIdSeed, is_ulid, parse_event_id_seed, ulid_from, ulid_ms

_MS = st.integers(min_value=0, max_value=2**48 - 1)
_ENTROPY = st.binary(min_size=10, max_size=10)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(ms=_MS, entropy=_ENTROPY)
def test_a_ulid_is_time_and_entropy_in_base_32(ms: int, entropy: bytes) -> None:
    number = ms << 80 | int.from_bytes(entropy, "big")
    digits = ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    assert ulid_from(ms, entropy) == digits


@given(ms=_MS, entropy=_ENTROPY)
def test_the_time_can_be_read_back(ms: int, entropy: bytes) -> None:
    ulid = ulid_from(ms, entropy)
    assert is_ulid(ulid)
    assert ulid_ms(ulid) == ulid_ms(ulid.lower()) == ms


@given(left=st.tuples(_MS, _ENTROPY), right=st.tuples(_MS, _ENTROPY))
def test_ulids_sort_by_time_and_then_by_entropy(
    left: tuple[int, bytes], right: tuple[int, bytes]
) -> None:
    assert (ulid_from(*left) < ulid_from(*right)) == (left < right)


def test_the_ends_of_the_range() -> None:
    assert ulid_from(0, bytes(10)) == "0" * 26
    assert ulid_from(2**48 - 1, b"\xff" * 10) == "7" + "Z" * 25
    assert ulid_ms("7" + "Z" * 25) == 2**48 - 1


def test_the_example_of_the_specification() -> None:
    """https://github.com/ulid/spec: the encoded time of 1469918176385."""
    assert ulid_from(1469918176385, bytes(10))[:10] == "01ARYZ6S41"
    assert ulid_ms("01ARYZ6S41TSV4RRFFQ69G5FAV") == 1469918176385


@pytest.mark.parametrize("ms", [-1, 2**48])
def test_a_time_beyond_48_bits_is_a_bug(ms: int) -> None:
    with pytest.raises(AssertionError):
        ulid_from(ms, bytes(10))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01ARYZ6S41TSV4RRFFQ69G5FA",
        "01ARYZ6S41TSV4RRFFQ69G5FAVV",
        "81ARYZ6S41TSV4RRFFQ69G5FAV",  # beyond 128 bits
        "01ARYZ6S41TSV4RRFFQ69G5FAI",
        "01ARYZ6S41TSV4RRFFQ69G5FAl",
        "01ARYZ6S41TSV4RRFFQ69G5FAO",
        "01ARYZ6S41TSV4RRFFQ69G5FAu",
        "01ARYZ6S41TSV4RRFFQ69G5FA-",
        "01ARYZ6S41TSV4RRFFQ69G5FA_",
        "01ARYZ6S41TSV4RRFFQ69G5FAV\n",
        " 1ARYZ6S41TSV4RRFFQ69G5FAV",
        "01ARYZ6S41TSV4RRFFQ69G5FA\u212a",  # Kelvin sign, a k when case is ignored
        "01ARYZ6S41TSV4RRFFQ69G5FA\u0663",  # a digit, but not of the alphabet
    ],
)
def test_other_texts_are_no_ulids(text: str) -> None:
    assert not is_ulid(text)


def test_lower_case_is_accepted() -> None:
    assert is_ulid("01aryz6s41tsv4rrffq69g5fav")
    assert is_ulid("01ARYZ6S41tsv4rrffq69g5fav")


@pytest.mark.parametrize("text", ["", "I" * 26, "0_1ARYZ6S4", " 1ARYZ6S41", "+1ARYZ6S41", "é" * 26])
def test_no_time_is_read_from_other_texts(text: str) -> None:
    with pytest.raises(ValueError):
        ulid_ms(text)


def test_the_seed_of_an_sdk_is_read() -> None:
    seed = parse_event_id_seed("1743130137367,eii2YKXRVTJPuA==")
    assert seed == EventIdSeed(1743130137367, base64.b64decode("eii2YKXRVTJPuA=="))


def test_ids_count_up_from_the_seed() -> None:
    """Observed: the entropies of the first two events of a request end in 0A and 0B."""
    seed = EventIdSeed(1743130137367, bytes(range(10)))
    assert seed.ulid(0) == ulid_from(1743130137367, bytes(range(10)))
    assert seed.ulid(1) == ulid_from(1743130137367, bytes.fromhex("0001020304050607080a"))
    assert seed.ulid(2) == ulid_from(1743130137367, bytes.fromhex("0001020304050607080b"))
    assert seed.ulid(1) == seed.ulid(1)


def test_only_the_last_four_bytes_count_and_they_wrap() -> None:
    seed = EventIdSeed(5, b"abcdef\xff\xff\xff\xfe")
    assert seed.ulid(1) == ulid_from(5, b"abcdef\xff\xff\xff\xff")
    assert seed.ulid(2) == ulid_from(5, b"abcdef\x00\x00\x00\x00")
    assert seed.ulid(3) == ulid_from(5, b"abcdef\x00\x00\x00\x01")


@given(ms=_MS, entropy=_ENTROPY)
def test_every_well_formed_seed_is_read(ms: int, entropy: bytes) -> None:
    header = f"{ms},{base64.b64encode(entropy).decode()}"
    assert parse_event_id_seed(header) == EventIdSeed(ms, entropy)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ",",
        "1743130137367",
        "eii2YKXRVTJPuA==",
        "1743130137367,",
        ",eii2YKXRVTJPuA==",
        "x,eii2YKXRVTJPuA==",
        "-1,eii2YKXRVTJPuA==",
        "1.5,eii2YKXRVTJPuA==",
        "1_000,eii2YKXRVTJPuA==",
        "\u0661,eii2YKXRVTJPuA==",
        "281474976710656,eii2YKXRVTJPuA==",  # 2**48
        "1743130137367,eii2YKXRVTJPuA",  # no padding
        "1743130137367,eii2YKXRVTJPuKU=",  # eleven bytes
        "1743130137367,eii2YKXRVTJP",  # nine bytes
        "1743130137367,eii2YKXRVTJ_uA==",  # the URL alphabet
        "1743130137367,eii2YKXRVTJPuA==,1",
        "1743130137367, eii2YKXRVTJPuA==",
        "1743130137367,eii2YKXRVTJPuA==\n",
    ],
)
def test_a_malformed_seed_is_ignored(header: str | None) -> None:
    assert parse_event_id_seed(header) is None
