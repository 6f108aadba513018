"""What must hold for every SDK: options are stored as an app declared them."""

from typing import Any

from tests.compat.flow.stage import FlowApp

__all__ = ["DeclaredScenarios"]


class DeclaredScenarios:
    """How the options of the app's functions are shown after its registration.

    A scope of `fn` and a mode of `skip` are the defaults and are not shown.
    """

    #: Durations and defaults that this SDK writes in its own way, by the function's id.
    spelled: dict[str, dict[str, Any]]

    def test_every_option_is_registered_as_declared(self, app: FlowApp) -> None:
        functions = app.server.functions(app.id)

        options = {**self._options(app), **self.spelled}
        shown = {
            name: {option: functions[app.slug(name)].get(option) for option in declared}
            for name, declared in options.items()
        }
        assert shown == options

    def _options(self, app: FlowApp) -> dict[str, dict[str, Any]]:
        number = "event.data.number"
        return {
            "limit-one": {"concurrency": [{"limit": 1}]},
            "limit-both": {"concurrency": [{"limit": 2}, {"limit": 1, "key": number}]},
            "shared-account-a": {
                "concurrency": [{"limit": 1, "key": f"'{app.id}-account'", "scope": "account"}]
            },
            "shared-env-a": {
                "concurrency": [{"limit": 1, "key": f"'{app.id}-env'", "scope": "env"}]
            },
            "throttled-burst": {"throttle": {"limit": 2, "period": "2s", "burst": 1}},
            "idempotent": {"idempotency": "event.data.order"},
            "debounced-keyed": {"debounce": {"period": "1s", "key": "event.data.key"}},
            "debounced-timeout": {"debounce": {"period": "2s", "timeout": "3s"}},
            "batched-keyed": {
                "batchEvents": {"maxSize": 2, "timeout": "2s", "key": "event.data.key"}
            },
            "batched-if": {
                "batchEvents": {"maxSize": 5, "timeout": "20s", "if": "event.data.together == true"}
            },
            "prioritised": {"priority": {"run": "event.data.high == true ? 60 : 0"}},
            "singleton-skip": {"singleton": {"key": "event.data.user", "mode": "skip"}},
            "singleton-cancel": {"singleton": {"key": "event.data.user", "mode": "cancel"}},
            "start-timeout": {"timeouts": {"start": "1s"}},
            "finish-timeout": {"timeouts": {"finish": "2s"}},
            "cancel-within": {
                "cancel": [
                    {
                        "event": app.event("cancel.within.now"),
                        "if": "event.data.order == async.data.order",
                        "timeout": "3s",
                    }
                ]
            },
            "marker": {"concurrency": None, "throttle": None, "rateLimit": None},
        }
