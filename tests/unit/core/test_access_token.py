"""Tokens, and what is kept of them."""

import pytest

from stepwell.core.access_token import (
    ENTROPY_BYTES,
    TOKEN_CHARS_MAX,
    TOKEN_CHARS_MIN,
    TokenHash,
    new_operator_token,
    token_fault,
)

TOKEN = new_operator_token(bytes(range(ENTROPY_BYTES)))


def test_a_new_token_is_told_by_its_beginning_and_holds_all_that_was_random() -> None:
    assert TOKEN == "stepwell_op_000102030405060708090a0b0c0d0e0f1011121314151617"
    assert token_fault(TOKEN) is None


@pytest.mark.parametrize("entropy", [b"", bytes(ENTROPY_BYTES - 1), bytes(ENTROPY_BYTES + 1)])
def test_less_randomness_than_promised_makes_no_token(entropy: bytes) -> None:
    with pytest.raises(AssertionError):
        new_operator_token(entropy)


def test_a_hash_knows_its_token_and_no_other_text() -> None:
    kept = TokenHash.of(TOKEN)

    assert kept.matches(TOKEN)
    assert kept == TokenHash(kept.digest)
    for other in (
        "",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.upper(),
        f" {TOKEN}",
        "ä",
        "\udcff",
        "x" * 9999,
    ):
        assert not kept.matches(other)


def test_a_hash_is_no_token_and_is_not_printed() -> None:
    kept = TokenHash.of(TOKEN)

    assert not kept.matches(kept.digest.hex())
    assert len(kept.digest) == 32
    assert TOKEN not in repr(kept)
    assert kept.digest.hex() not in repr(kept)


@pytest.mark.parametrize(
    ("text", "is_fault"),
    [
        ("x" * (TOKEN_CHARS_MIN - 1), True),
        ("x" * TOKEN_CHARS_MIN, False),
        ("x" * TOKEN_CHARS_MAX, False),
        ("x" * (TOKEN_CHARS_MAX + 1), True),
        ("", True),
        ("x" * 40 + " y", True),
        ("x" * 40 + "\n", True),
        ("x" * 40 + "ä", True),
    ],
)
def test_a_token_is_long_and_fits_into_a_header(text: str, *, is_fault: bool) -> None:
    fault = token_fault(text)

    assert (fault is not None) is is_fault
    assert fault is None or not text or text not in fault
