"""What must hold for every SDK: limits on how much runs, and how much starts."""

from tests.compat.flow.stage import FlowApp, now_ms, overlap

__all__ = ["LimitScenarios"]

#: What a start may come too late by on a machine that is busy.
_LATE_MS = 2_000


class LimitScenarios:
    """Concurrency, throttle, rate limit and idempotency."""

    #: How many runs start at once, beside the limit, when an app does not say.
    default_burst: int

    def test_one_step_at_a_time_runs_under_a_limit_of_one(self, app: FlowApp) -> None:
        events = app.send_many("limit.one", [{"n": n} for n in range(3)])

        spans = app.spans("limit-one", count=3)

        assert overlap(spans) == 1
        assert {run.status for run in app.ended_each(events)} == {"Completed"}

    def test_each_of_two_functions_has_its_own_limit(self, app: FlowApp) -> None:
        app.send_many("fan", [{"n": n} for n in range(3)])

        left, right = (app.spans(name, count=3) for name in ("fan-left", "fan-right"))

        assert overlap(left) == 1
        assert overlap(right) == 1
        assert overlap([*left, *right]) == 2

    def test_each_key_has_a_limit_of_its_own(self, app: FlowApp) -> None:
        app.send_many("limit.keyed", [{"number": number} for number in (0, 1, 2, 0)])

        spans = app.spans("limit-keyed", count=4)

        assert overlap(spans) == 3
        assert overlap(span for span in spans if span.data["number"] == 0) == 1

    def test_a_step_needs_a_place_under_both_limits(self, app: FlowApp) -> None:
        app.send_many("limit.both", [{"number": number} for number in (0, 1, 2, 0)])

        spans = app.spans("limit-both", count=4)

        assert overlap(spans) == 2
        assert overlap(span for span in spans if span.data["number"] == 0) == 1

    def test_two_functions_share_a_limit_of_the_account(self, app: FlowApp) -> None:
        events = app.send_many("shared.account", [{"n": n} for n in range(3)])

        assert overlap(app.spans("shared-account", count=6)) == 1
        for event_id in events:
            app.ended(event_id, count=2)

    def test_two_functions_share_a_limit_of_the_environment(self, app: FlowApp) -> None:
        events = app.send_many("shared.env", [{"n": n} for n in range(3)])

        assert overlap(app.spans("shared-env", count=6)) == 1
        for event_id in events:
            app.ended(event_id, count=2)

    def test_throttled_runs_start_one_after_the_other(self, app: FlowApp) -> None:
        sent_ms = now_ms()
        events = app.send_many("throttled", [{"n": n} for n in range(4)])

        self._assert_a_start_each_second(
            app, "throttled", runs=4, at_once=1 + self.default_burst, sent_ms=sent_ms
        )
        assert {run.status for run in app.ended_each(events)} == {"Completed"}

    def test_a_burst_lets_more_runs_start_at_once(self, app: FlowApp) -> None:
        sent_ms = now_ms()
        app.send_many("throttled.burst", [{"n": n} for n in range(5)])

        self._assert_a_start_each_second(app, "throttled-burst", runs=5, at_once=3, sent_ms=sent_ms)

    def test_a_throttle_counts_each_key_and_no_step_but_the_first(self, app: FlowApp) -> None:
        """One start a minute: had the later steps to wait for it, or the other keys, it showed."""
        customers = [{"customer": f"c{n}"} for n in range(3)]

        runs = app.ended_each(app.send_many("throttled.keyed", customers))

        assert {run.status for run in runs} == {"Completed"}
        assert len(app.spans("throttled-keyed", count=9)) == 9

    def test_a_rate_limit_drops_the_second_event_of_a_key(self, app: FlowApp) -> None:
        first = app.run("rate.limited", {"customer": "a"})
        dropped = app.send("rate.limited", {"customer": "a"})
        # Events are decided on in order: with the next one, the one before is decided.
        other = app.run("rate.limited", {"customer": "b"})

        assert (first.output, other.output) == ("a", "b")
        assert app.runs(dropped) == []

    def test_a_rate_limit_lets_all_events_pass_that_have_no_key(self, app: FlowApp) -> None:
        runs = [app.run("rate.limited", {"nobody": n}) for n in range(2)]

        assert {run.status for run in runs} == {"Completed"}

    def test_failures_of_a_rate_limited_function_are_all_handled(self, app: FlowApp) -> None:
        """The event that tells of a failure has no such key, and is never limited."""
        for customer in ("x", "y"):
            assert app.run("rate.limited.failing", {"customer": customer}).status == "Failed"

        notes = app.noted("rate-limited-failing", "on failure", count=2)
        assert {call["data"]["customer"] for call in notes} == {"x", "y"}

    def test_invoking_a_rate_limited_function_fails_the_step(self, app: FlowApp) -> None:
        run = app.run("invoke.limited", {"customer": "caller"})

        assert run.status == "Completed"
        assert run.output == {"first": "caller", "error": "invoked function is rate limited"}

    def test_an_idempotency_key_starts_one_run(self, app: FlowApp) -> None:
        first = app.run("idempotent", {"order": "o-1"})
        again = app.send("idempotent", {"order": "o-1"})
        other = app.run("idempotent", {"order": "o-2"})

        assert (first.output, other.output) == ("o-1", "o-2")
        assert app.runs(again) == []

    def test_events_without_the_idempotency_key_all_run(self, app: FlowApp) -> None:
        runs = [app.run("idempotent", {"no": "order"}) for _ in range(2)]

        assert [run.output for run in runs] == [None, None]

    def _assert_a_start_each_second(
        self, app: FlowApp, function: str, *, runs: int, at_once: int, sent_ms: int
    ) -> None:
        """That after `at_once` runs one starts each second, neither earlier nor much later."""
        begins = app.noted(function, "begin", count=runs)
        starts = sorted(call["at_ms"] for call in begins)
        for index, start_ms in enumerate(starts):
            wait_ms = max(0, index + 1 - at_once) * 1_000
            assert sent_ms + wait_ms <= start_ms <= starts[0] + wait_ms + _LATE_MS, starts
