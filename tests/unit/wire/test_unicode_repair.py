"""Text is repaired where strict readers would refuse it, and nowhere else."""

import json

import msgspec
import pytest

from stepwell.wire.unicode_repair import with_unicode_repaired


def test_valid_text_comes_back_as_the_same_object() -> None:
    for text in (b'{"a":"plain"}', '{"a":"déjà vu 😀"}'.encode()):
        assert with_unicode_repaired(text) is text


@pytest.mark.parametrize(
    ("escaped", "repaired"),
    [
        (r"\ud83d", r"\ufffd"),
        (r"\uDE00", r"\ufffd"),
        (r"\ud83d\ude00", r"\ud83d\ude00"),
        (r"\uD83D\uDE00", r"\uD83D\uDE00"),
        (r"\ud83dx\ude00", r"\ufffdx\ufffd"),
        (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
        (r"\ude00\ud83d", r"\ufffd\ufffd"),
        (r"\ud83d\n", r"\ufffd\n"),
        (r"\\ud83d", r"\\ud83d"),
        (r"\\\ud83d", r"\\\ufffd"),
        (r"\ud7ff\ue000", r"\ud7ff\ue000"),
    ],
)
def test_only_half_surrogate_pairs_are_replaced(escaped: str, repaired: str) -> None:
    text = with_unicode_repaired(f'"{escaped}"'.encode())
    assert text == f'"{repaired}"'.encode()
    assert msgspec.json.decode(text) == json.loads(text)


def test_bytes_that_are_not_utf_8_become_the_replacement_character() -> None:
    assert msgspec.json.decode(with_unicode_repaired(b'"caf\xe9"')) == "caf\ufffd"
