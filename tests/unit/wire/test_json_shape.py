"""What is known of a JSON text without decoding it."""

import pytest

from stepwell.wire.json_shape import array_prefix, is_deeper_than


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_exact_at_the_edge(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    text = opening * 10 + b"1" + closing * 10
    assert not is_deeper_than(10, text)
    assert is_deeper_than(9, text)


def test_width_is_not_depth() -> None:
    assert not is_deeper_than(3, b'{"a":[' + b",".join([b"{}"] * 100) + b"]}")


def test_brackets_inside_strings_do_not_count() -> None:
    assert not is_deeper_than(1, rb'{"a":"[[[[ \" [[[[ \\"}')


@pytest.mark.parametrize(
    ("text", "elements", "reason"),
    [
        (b"[]", [], None),
        (b"[ ] ", [], None),
        (b'[{"a":1}, {"b":[2]} ]', [b'{"a":1}', b'{"b":[2]}'], None),
        (b'[{"a":1},{"b":', [b'{"a":1}'], "no valid value at character 9"),
        (b'[{"a":1},]', [b'{"a":1}'], "no valid value at character 9"),
        (b'[{"a":1}', [b'{"a":1}'], "expected ',' or ']' at character 8"),
        (b'[{"a":1} {"b":2}]', [b'{"a":1}'], "expected ',' or ']' at character 9"),
        (b"[1] [2]", [b"1"], "invalid character '[' after top-level value"),
        (b"[] x", [], "invalid character 'x' after top-level value"),
        (
            '["é", "😀", x'.encode(),
            ['"é"'.encode(), '"😀"'.encode()],
            "no valid value at character 11",
        ),
        (b"[", [], "no valid value at character 1"),
    ],
)
def test_elements_before_an_error_are_found(
    text: bytes, elements: list[bytes], reason: str | None
) -> None:
    assert array_prefix(text, elements_max=10) == (elements, reason)


def test_no_more_elements_are_read_than_asked_for() -> None:
    assert array_prefix(b"[1,2,3,x", elements_max=3) == ([b"1", b"2", b"3"], None)


def test_an_element_too_deep_to_read_ends_the_prefix() -> None:
    text = b"[1," + b"[" * 100_000
    assert array_prefix(text, elements_max=10) == ([b"1"], "nested too deeply")


def test_numbers_of_any_length_are_passed_over() -> None:
    digits = b"9" * 10_000
    assert array_prefix(b"[" + digits + b",", elements_max=10)[0] == [digits]
