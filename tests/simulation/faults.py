"""What goes wrong, and how often: drawn from the seed, so that every world has its own weather."""

from random import Random

__all__ = ["KINDS", "Faults"]

KINDS = (
    # On the way to the app and back.
    "call_lost",
    "call_repeated",
    "answer_lost",
    "answer_repeated",
    "answer_after_cancel",
    "answer_streamed",
    "proxy_error",
    "not_sdk",
    # On the way to what steps fetch from, and back.
    "gateway_unreachable",
    "gateway_unanswered",
    # In what apps report while they go on.
    "checkpoint_repeated",
    "checkpoint_late",
    # On the way from clients to the server and back.
    "request_lost",
    "request_unanswered",
    # In the database.
    "commit_refused",
    "commit_unconfirmed",
    "commit_slow",
    "read_refused",
    "read_slow",
    # The process dies.
    "crash_before_commit",
    "crash_after_commit",
)

#: What only several servers can meet. They are drawn apart, so that worlds of one stay as they are.
_NODE_KINDS = ("wake_lost",)

# The most that is drawn: enough to happen in every world that has it, rare enough for progress.
_RATE_MAX = {
    "crash_before_commit": 0.02,
    "crash_after_commit": 0.02,
    "commit_refused": 0.02,
    "commit_unconfirmed": 0.02,
    "read_refused": 0.01,
}
_RATE_MAX_OTHERWISE = 0.15
# What throws the server back happens so often at most: when it happens faster than work is done,
# steps are repeated for ever, and what they send grows without end.
_SETBACKS_MAX = 25


class Faults:
    """Decides about every single thing whether it goes wrong."""

    def __init__(self, random: Random, rates: dict[str, float] | None = None) -> None:
        self._random = random
        self._rates = dict.fromkeys(KINDS, 0.0) | (rates or {})
        assert set(KINDS) <= set(self._rates) <= {*KINDS, *_NODE_KINDS}
        self._setbacks_left = _SETBACKS_MAX
        self.network_max_s = 0.005
        self._others: list[Faults] = []

    @classmethod
    def of_a_swarm(cls, random: Random) -> "Faults":
        """Some kinds of faults, each at a rate of its own."""
        rates = {
            kind: random.random() ** 2 * _RATE_MAX.get(kind, _RATE_MAX_OTHERWISE)
            for kind in KINDS
            if random.random() < 0.5
        }
        faults = cls(random, rates)
        faults.network_max_s = random.choice([0.001, 0.01, 0.3])
        return faults

    @property
    def are_any(self) -> bool:
        """Whether anything can go wrong."""
        return any(self._rates.values())

    @property
    def are_slow(self) -> bool:
        """Whether the database can take long."""
        return any(self._rates[kind] for kind in ("commit_slow", "read_slow"))

    def happens(self, kind: str) -> bool:
        """Whether this goes wrong now."""
        rate = self._rates.get(kind, 0.0)
        if rate <= 0 or self._random.random() >= rate:
            return False
        if kind in _RATE_MAX:
            self._setbacks_left -= 1
            return self._setbacks_left >= 0
        return True

    def stop(self) -> None:
        """From now on nothing goes wrong."""
        self._rates = dict.fromkeys(KINDS, 0.0)
        for other in self._others:
            other.stop()

    def elsewhere(self, random: Random) -> "Faults":
        """What goes wrong on another machine: the same kinds of faults, but not as often.

        When these faults stop, those do, too.
        """
        rates = {kind: rate * 2 * random.random() for kind, rate in self._rates.items()}
        if self.are_any and random.random() < 0.5:
            rates["wake_lost"] = random.choice([0.1, 0.5, 1.0])
        other = Faults(Random(random.getrandbits(64)), rates)
        other.network_max_s = self.network_max_s
        self._others.append(other)
        return other

    def network_s(self) -> float:
        """How long something is on its way."""
        return self._random.random() * self.network_max_s

    def disk_s(self) -> float:
        """How long the database takes."""
        if self.happens("commit_slow"):
            return self._random.random() * 2
        return self._random.random() * 0.002

    def read_s(self) -> float:
        """How long it takes to read, or until what was read has arrived."""
        if self.happens("read_slow"):
            return self._random.random() * 2
        return self._random.random() * 0.001
