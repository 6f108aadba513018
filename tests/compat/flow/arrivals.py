"""What must hold for every SDK: what becomes of events that come together, or one after another."""

from collections import Counter
from typing import Any

from stepwell.wire.ulid import ulid_ms
from tests.compat.flow.stage import FlowApp, eventually, now_ms
from tests.compat.harness import Run

__all__ = ["ArrivalScenarios"]

MB = 1_000_000
#: The clocks of two processes on one machine; times are rounded to milliseconds.
_EARLY_MS = 20


class ArrivalScenarios:
    """Debounce, batches, priority and singletons."""

    def test_debounced_events_become_one_run_of_the_last(self, app: FlowApp) -> None:
        events = [app.send("debounced", {"n": n}) for n in range(2)]
        sent_ms = now_ms()
        last = app.send("debounced", {"n": 2})

        (run,) = app.ended(last)

        assert run.output == {"n": 2}
        (begin,) = app.notes("debounced", "begin")
        assert begin["at_ms"] - sent_ms >= 1_000 - _EARLY_MS
        later = app.run("debounced", {"n": 3})
        assert later.output == {"n": 3}
        assert [app.runs(event_id) for event_id in events] == [[], []]
        assert len(app.notes("debounced", "begin")) == 2

    def test_each_key_is_debounced_alone(self, app: FlowApp) -> None:
        data = [{"key": f"k{key}", "n": n} for n in (0, 1) for key in range(5)]

        runs = app.ended_each(app.send_many("debounced.keyed", data)[5:])

        assert [run.output for run in runs] == data[5:]
        assert len(app.notes("debounced-keyed", "begin")) == 5

    def test_the_event_with_the_latest_time_wins(self, app: FlowApp) -> None:
        ts = now_ms()
        newest = app.send("debounced.ordered", {"n": "newest"}, ts=ts)
        older = [app.send("debounced.ordered", {"n": n}, ts=ts - 1_000 * n) for n in (3, 2)]

        (run,) = app.ended(newest)

        assert run.output == {"n": "newest"}
        assert [app.runs(event_id) for event_id in older] == [[], []]
        assert len(app.notes("debounced-ordered", "begin")) == 1

    def test_a_debounce_is_not_put_off_beyond_its_timeout(self, app: FlowApp) -> None:
        """Events keep coming within the period of 2 s; after the timeout of 3 s it runs anyway."""
        first_ms = now_ms()
        sent: list[str] = []

        def ran_after_one_more() -> list[Any]:
            if not sent or now_ms() - last_ms[0] >= 400:
                sent.append(app.send("debounced.timeout", {"n": len(sent)}))
                last_ms[0] = now_ms()
            return app.notes("debounced-timeout", "begin")

        last_ms = [0]
        (begin,) = eventually(ran_after_one_more, what="the run in spite of new events")

        assert begin["at_ms"] - first_ms >= 3_000 - _EARLY_MS
        # How many came by then depends on the machine.
        assert begin["data"]["n"] >= 1

    def test_a_batch_runs_when_it_is_full_or_when_its_time_is_up(self, app: FlowApp) -> None:
        sent_ms = now_ms()
        events = app.send_many("batched", [{"n": n} for n in range(8)])

        runs = app.ended_each(events)

        outputs = [[0, 1, 2, 3, 4]] * 5 + [[5, 6, 7]] * 3
        assert [run.output for run in runs] == outputs
        full, rest = sorted(app.notes("batched", "begin"), key=lambda call: int(call["at_ms"]))
        assert [run.id for run in runs] == [full["run_id"]] * 5 + [rest["run_id"]] * 3
        assert _let_in_after_ms(full["run_id"], events[4]) < 2_000
        assert rest["at_ms"] - sent_ms >= 2_000 - _EARLY_MS

    def test_a_batch_run_says_that_it_is_one(self, app: FlowApp) -> None:
        (first, _) = app.send_many("batched.keyed", [{"key": "shown", "n": n} for n in (1, 2)])
        (run,) = app.ended(first)

        response = app.server.http.get(f"/v1/runs/{run.id}")

        assert len(response.json()["data"]["batch_id"]) == 26

    def test_each_key_fills_a_batch_of_its_own(self, app: FlowApp) -> None:
        sent_ms = now_ms()
        data = [{"key": key, "n": f"{key}{n}"} for n in (1, 2) for key in ("a", "b")]
        events = app.send_many("batched.keyed", [*data, {"key": "c", "n": "c1"}])

        runs = app.ended_each(events)

        a, b = ["a1", "a2"], ["b1", "b2"]
        assert [run.output for run in runs] == [a, b, a, b, ["c1"]]
        begun_ms = {
            tuple(call["data"]["numbers"]): call["at_ms"] - sent_ms
            for call in app.notes("batched-keyed", "begin")
        }
        assert _let_in_after_ms(runs[2].id, events[2]) < 2_000
        assert _let_in_after_ms(runs[3].id, events[3]) < 2_000
        assert begun_ms["c1",] >= 2_000 - _EARLY_MS

    def test_events_that_do_not_meet_the_condition_run_alone_and_at_once(
        self, app: FlowApp
    ) -> None:
        data = [{"n": n, "together": n % 2 == 0} for n in range(10)]

        runs = app.ended_each(app.send_many("batched.if", data))

        outputs = [[0, 2, 4, 6, 8] if n % 2 == 0 else [n] for n in range(10)]
        assert [run.output for run in runs] == outputs
        assert len({run.id for run in runs}) == 6

    def test_events_that_do_not_trigger_the_function_are_in_no_batch(self, app: FlowApp) -> None:
        data = [{"n": n, "wanted": n in {1, 3}} for n in range(4)]

        events = app.send_many("batched.trigger", data)

        assert [run.output for run in app.ended_each(events[1::2])] == [[1, 3], [1, 3]]
        assert [app.runs(event_id) for event_id in events[0::2]] == [[], []]

    def test_every_caller_of_a_batch_gets_its_result(self, app: FlowApp) -> None:
        runs = app.ended_each(app.send_many("batch.caller", [{"n": n} for n in range(5)]))

        assert {run.status for run in runs} == {"Completed"}
        assert Counter(run.output for run in runs) == {3: 3, 2: 2}

    def test_a_batch_beyond_the_size_of_a_request_arrives_whole(self, app: FlowApp) -> None:
        """Eight events of 1 MB: the call carries none of them, and the SDK asks the API."""
        text = "x" * MB
        events = [app.send("batched.large", {"n": n, "text": text}) for n in range(8)]

        runs = app.ended_each(events)

        assert len({run.id for run in runs}) == 1
        assert runs[0].output == [[n, MB] for n in range(8)]

    def test_a_run_of_high_priority_starts_before_an_older_one(self, app: FlowApp) -> None:
        gate = {"gate": f"{app.id} priority"}
        blocking = app.send("prioritised", {"n": "blocking", **gate})
        app.noted("prioritised", "begin")
        low = app.send("prioritised", {"n": "low", **gate})
        high = app.send("prioritised", {"n": "high", "high": True, **gate})
        assert {app.one_run(event_id).status for event_id in (low, high)} == {"Scheduled"}

        app.open_gate(gate["gate"])

        assert {run.status for run in app.ended_each([blocking, low, high])} == {"Completed"}
        begins = app.notes("prioritised", "begin")
        assert [call["data"]["n"] for call in begins] == ["blocking", "high", "low"]

    def test_a_singleton_skips_what_comes_while_it_runs(self, app: FlowApp) -> None:
        data = {"user": "skipping", "gate": f"{app.id} singleton"}
        events = app.send_many("singleton.skip", [data] * 20)
        app.noted("singleton-skip", "begin", user="skipping")

        skipped = app.ended_each(events[1:])

        assert {run.status for run in skipped} == {"Skipped"}
        (live,) = app.runs(events[0])
        assert not live.is_ended
        app.open_gate(data["gate"])
        assert app.ended_run(live.id).status == "Completed"
        assert app.run("singleton.skip", data).status == "Completed"
        app.noted("singleton-skip", "end", count=2, user="skipping")

    def test_events_without_the_key_of_a_singleton_all_run(self, app: FlowApp) -> None:
        gate = f"{app.id} no singleton"
        events = app.send_many("singleton.skip", [{"gate": gate}] * 2)

        app.noted("singleton-skip", "begin", count=2, gate=gate)

        app.open_gate(gate)
        assert {run.status for run in app.ended_each(events)} == {"Completed"}

    def test_a_burst_of_a_cancelling_singleton_leaves_one_success(self, app: FlowApp) -> None:
        data = [{"user": "cancelling", "n": n} for n in range(20)]

        runs = app.ended_each(app.send_many("singleton.cancel", data))

        assert Counter(run.status for run in runs) == {"Cancelled": 19, "Completed": 1}
        assert runs[-1].output == 19

    def test_a_cancelling_singleton_leaves_other_keys_alone(self, app: FlowApp) -> None:
        data = [{"user": f"other {n}", "n": n} for n in range(2)]

        runs = app.ended_each(app.send_many("singleton.cancel", data))

        assert [(run.status, run.output) for run in runs] == [("Completed", 0), ("Completed", 1)]

    def test_the_run_that_a_cancelling_singleton_replaces_is_cancelled(self, app: FlowApp) -> None:
        first = app.send("singleton.cancel", {"user": "replaced", "n": 1, "nap": "10m"})
        app.noted("singleton-cancel", "begin", user="replaced", n=1)

        second = app.run("singleton.cancel", {"user": "replaced", "n": 2})

        replaced: list[Run] = app.ended(first)
        assert [run.status for run in replaced] == ["Cancelled"]
        assert (second.status, second.output) == ("Completed", 2)


def _let_in_after_ms(run_id: str, event_id: str) -> int:
    """From the event to its run by the server's clock: how busy the machine is counts little."""
    return ulid_ms(run_id) - ulid_ms(event_id)
