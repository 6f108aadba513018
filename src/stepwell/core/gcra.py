"""How throttles and rate limits space things out in time: the generic cell rate algorithm (GCRA).

All that is remembered of a limit is one number, its theoretical arrival time (TAT): when everything
let in so far would have been used up at an even pace. A limit that was never used has the TAT 0.
Times are integer ns since 1970 UTC, so that nothing is lost by rounding.

Source: flow control, 4 and 5.
"""

from typing import Final

import msgspec

__all__ = ["NS_PER_MS", "UNUSED_TAT_NS", "Gcra", "expires_ms", "rate_limit", "throttle"]

NS_PER_MS: Final = 1_000_000
#: The state of a limit that was never used, or not for a long time.
UNUSED_TAT_NS: Final = 0
#: 101 years. A TAT is never further ahead than this and an interval, so that it can be stored.
_TOLERANCE_MAX_NS: Final = 101 * 365 * 86_400 * 1_000_000_000


class Gcra(msgspec.Struct, frozen=True, gc=False):
    """One limit: a steady pace and how far one may be ahead of it.

    Attributes:
        interval_ns: Time between two that are let in at the steady pace; at least 1.
        tolerance_ns: A multiple of the interval: as many are let in at once after a rest. Within
            101 years.
    """

    interval_ns: int
    tolerance_ns: int

    def allows(self, tat_ns: int, now_ns: int) -> bool:
        """Whether one more may be let in now."""
        return tat_ns + self.interval_ns - self.tolerance_ns <= now_ns

    def after(self, tat_ns: int, now_ns: int) -> int:
        """The new TAT once one was let in."""
        return max(tat_ns, now_ns) + self.interval_ns

    def next_allowed_ns(self, tat_ns: int, now_ns: int, *, ahead: int = 0) -> int:
        """When one more may be let in, after `ahead` others; `now_ns` if that is already so."""
        return max(now_ns, tat_ns + (ahead + 1) * self.interval_ns - self.tolerance_ns)


def throttle(limit: int, period_ms: int, burst: int) -> Gcra:
    """`limit` in a period at an even pace, and `limit + burst` at once. A limit of 0 counts as 1.

    Source: flow control, 4.
    """
    assert limit >= 0
    assert burst >= 0
    counted = max(1, limit)
    interval_ns = max(1, period_ms * NS_PER_MS // counted)
    return Gcra(interval_ns, min(interval_ns * (counted + burst), _TOLERANCE_MAX_NS))


def rate_limit(limit: int, period_ms: int) -> Gcra:
    """`limit` in a period at an even pace, and a tenth of them and one more at once.

    Source: flow control, 5.
    """
    assert limit >= 0
    counted = max(1, limit)
    interval_ns = max(1, period_ms * NS_PER_MS // counted)
    return Gcra(interval_ns, interval_ns * (counted // 10 + 1))


def expires_ms(tat_ns: int) -> int:
    """When a limit is as good as never used: the first ms that is not before its TAT."""
    return -(-tat_ns // NS_PER_MS)
