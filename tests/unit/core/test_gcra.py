"""The pace of throttles and rate limits, with the sequences that were measured."""

import pytest

from stepwell.core.gcra import NS_PER_MS, UNUSED_TAT_NS, Gcra, expires_ms, rate_limit, throttle

_S = 1_000 * NS_PER_MS
_NOW = 1_790_000_000 * _S


def starts_s(gcra: Gcra, count: int) -> list[float]:
    """When `count` that come at once are let in, in s."""
    tat_ns, now_ns, found = UNUSED_TAT_NS, _NOW, []
    for _ in range(count):
        now_ns = gcra.next_allowed_ns(tat_ns, now_ns)
        assert gcra.allows(tat_ns, now_ns)
        found.append((now_ns - _NOW) / _S)
        tat_ns = gcra.after(tat_ns, now_ns)
    return found


@pytest.mark.parametrize(
    ("limit", "period_s", "burst", "expected"),
    [
        (2, 6, 1, [0, 0, 0, 3, 6]),
        (1, 3, 0, [0, 3, 6, 9, 12]),
        (3, 9, 0, [0, 0, 0, 3, 6]),
        (0, 3, 0, [0, 3, 6]),
        (1, 5, 1, [0, 0, 5, 10]),
    ],
)
def test_a_throttle_lets_in_what_was_measured(
    limit: int, period_s: int, burst: int, expected: list[float]
) -> None:
    """Source: flow control, 4."""
    assert starts_s(throttle(limit, period_s * 1_000, burst), len(expected)) == expected


@pytest.mark.parametrize(("limit", "at_once"), [(1, 1), (9, 1), (10, 2), (20, 3), (100, 11)])
def test_a_rate_limit_lets_in_a_tenth_and_one_at_once(limit: int, at_once: int) -> None:
    """Source: flow control, 5."""
    found = starts_s(rate_limit(limit, 3_600_000), at_once + 1)
    assert found == [0.0] * at_once + [3_600 / limit]


def test_one_ns_before_its_time_nothing_is_let_in() -> None:
    gcra = throttle(1, 1_000, 0)
    tat_ns = gcra.after(UNUSED_TAT_NS, _NOW)
    assert not gcra.allows(tat_ns, _NOW + _S - 1)
    assert gcra.allows(tat_ns, _NOW + _S)


def test_those_ahead_are_counted() -> None:
    gcra = throttle(2, 1_000, 0)
    tat_ns = gcra.after(gcra.after(UNUSED_TAT_NS, _NOW), _NOW)
    assert gcra.next_allowed_ns(tat_ns, _NOW, ahead=3) == _NOW + 2 * _S


def test_a_limit_beyond_the_resolution_still_has_a_pace() -> None:
    assert throttle(10**12, 1_000, 0).interval_ns == 1


@pytest.mark.parametrize(
    ("limit", "period_s", "burst"), [(1, 604_800, 10**15), (1, 1, 2**63 - 1), (2**63 - 1, 1, 0)]
)
def test_a_state_can_be_stored_whatever_is_let_in_at_once(
    limit: int, period_s: int, burst: int
) -> None:
    """The state of a limit that is used up as fast as possible stays a number of 64 bits."""
    gcra = throttle(limit, period_s * 1_000, burst)
    furthest_ns = _NOW + gcra.tolerance_ns - gcra.interval_ns
    assert gcra.allows(furthest_ns, _NOW)
    assert not gcra.allows(furthest_ns + 1, _NOW)
    assert gcra.after(furthest_ns, _NOW) < 2**63


def test_a_state_expires_when_it_is_as_good_as_none() -> None:
    gcra = throttle(3, 1_000, 0)
    tat_ns = gcra.after(UNUSED_TAT_NS, _NOW)
    expired_ns = expires_ms(tat_ns) * NS_PER_MS
    assert tat_ns <= expired_ns < tat_ns + NS_PER_MS
    assert gcra.after(tat_ns, expired_ns) == gcra.after(UNUSED_TAT_NS, expired_ns)
