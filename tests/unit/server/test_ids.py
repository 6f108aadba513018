"""Identifiers of a real process."""

from collections import Counter

from stepwell.server.ids import RandomIds
from stepwell.wire.ulid import ULID_ALPHABET, is_ulid, ulid_ms

NOW_MS = 1_790_000_000_000


class FixedClock:
    def now_ms(self) -> int:
        return NOW_MS


def test_ulids_carry_the_time_they_are_asked_for() -> None:
    ids = RandomIds(FixedClock())
    for at_ms in (NOW_MS, NOW_MS, NOW_MS + 1, 0, 2**48 - 1):
        ulid = ids.ulid(at_ms)
        assert is_ulid(ulid)
        assert ulid_ms(ulid) == at_ms


def test_ulids_differ_and_use_all_letters_alike() -> None:
    """More than are made of one read of the system's generator."""
    ids = RandomIds(FixedClock())
    ulids = [ids.ulid(NOW_MS) for _ in range(2_000)]
    assert len(set(ulids)) == len(ulids)
    counts = Counter("".join(ulid[10:] for ulid in ulids))
    assert set(counts) == set(ULID_ALPHABET)
    # 1,000 of each are expected; twelve standard deviations away is no accident.
    assert all(600 < count < 1_400 for count in counts.values())


def test_numbers_grow_with_time_and_beyond_earlier_ones() -> None:
    ids = RandomIds(FixedClock())
    first, second, third = ids.number(), ids.number(), ids.number()
    assert first == NOW_MS << 20
    assert third - second == second - first > 0
    ids.begin_after(first + 100_000)
    assert first + 100_000 < ids.number() <= first + 100_000 + (second - first)


def test_nobody_gives_a_number_that_somebody_with_another_share_gives() -> None:
    shares = [RandomIds(FixedClock()) for _ in range(512)]
    for number, ids in enumerate(shares):
        ids.share(number)
    numbers = [ids.number() for ids in shares for _ in range(20)]
    assert len(set(numbers)) == len(numbers)
    for ids in shares:
        ids.begin_after(max(numbers))
    assert min(ids.number() for ids in shares) > max(numbers)
