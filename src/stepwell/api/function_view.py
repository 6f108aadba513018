"""Registered functions as the APIs show them: in the spelling in which SDKs send them."""

from typing import Any

from stepwell.core.function import Function
from stepwell.wire.config import Batch, CancelOn, EventTrigger, FunctionConfig, Singleton, Trigger

__all__ = ["function_view"]


def function_view(function: Function) -> dict[str, Any]:
    """The function with its triggers, its one step, and the options it was registered with.

    Source: HTTP APIs, 5.1.
    """
    config = function.config
    return {
        "id": function.id,
        "fv": function.version,
        "name": function.name,
        "slug": function.slug,
        "triggers": [_trigger(trigger) for trigger in config.triggers] or None,
        "steps": [
            {
                "id": "step",
                "name": function.name,
                "uri": config.url,
                "retries": config.attempts_max - 1,
            }
        ],
        **_options(config),
    }


def _trigger(trigger: Trigger) -> dict[str, str]:
    if isinstance(trigger, EventTrigger):
        return _present({"event": trigger.event, "expression": trigger.expression})
    return _present({"cron": trigger.cron, "jitter": trigger.jitter})


def _options(config: FunctionConfig) -> dict[str, Any]:
    return _present(
        {
            "concurrency": config.concurrency or None,
            "runConcurrency": config.run_concurrency,
            "throttle": config.throttle,
            "rateLimit": config.rate_limit,
            "idempotency": config.idempotency,
            "debounce": config.debounce,
            "batchEvents": config.batch and _batch(config.batch),
            "priority": config.priority and {"run": config.priority},
            "cancel": [_cancel(cancel) for cancel in config.cancel] or None,
            "timeouts": config.timeouts,
            "singleton": config.singleton and _singleton(config.singleton),
        }
    )


def _batch(batch: Batch) -> dict[str, Any]:
    return _present(
        {
            "maxSize": batch.size_max,
            "timeout": batch.timeout,
            "key": batch.key,
            "if": batch.condition,
        }
    )


def _singleton(singleton: Singleton) -> dict[str, Any]:
    """With its mode, which is left out where it is stored because it is the usual one."""
    return _present({"mode": singleton.mode, "key": singleton.key})


def _cancel(cancel: CancelOn) -> dict[str, Any]:
    return _present({"event": cancel.event, "if": cancel.condition, "timeout": cancel.timeout})


def _present(members: dict[str, Any]) -> dict[str, Any]:
    """Without those the app left out."""
    return {name: value for name, value in members.items() if value is not None}
