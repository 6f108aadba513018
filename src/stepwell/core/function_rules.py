"""The rules for registered functions that need an expression or a cron parser.

The others are in `stepwell.wire.config_rules`.

Source: execution semantics, 1.10, 6.1 and 7.7; flow control, 1.4.
"""

from collections.abc import Iterator
from typing import Final

from stepwell.core.cron import CRON_CHARACTERS_MAX, CronInvalid, parse_cron
from stepwell.core.expressions import check_restricted, check_value
from stepwell.wire.config import ConfigProblem, CronTrigger, FunctionConfig, expressions_of
from stepwell.wire.config_rules import expression_problem_code, validate
from stepwell.wire.registration import RegisterRequest

__all__ = ["PROBLEMS_MAX", "problems_of"]

#: More are no help to anyone, and they are stored with the app.
PROBLEMS_MAX: Final = 100


def problems_of(request: RegisterRequest) -> tuple[ConfigProblem, ...]:
    """Why a registration must be refused, at most `PROBLEMS_MAX` reasons; empty if it is well.

    Keys of concurrency, throttle and singleton limits must compile as all others, although the
    reference lets some of them pass: there, they only fail once events come.
    """
    problems = validate(request)
    for config in request.functions:
        problems += _cron_problems(config)
        problems += _expression_problems(config)
    return tuple(problems[:PROBLEMS_MAX])


def _cron_problems(config: FunctionConfig) -> Iterator[ConfigProblem]:
    for index, trigger in enumerate(config.triggers):
        # Texts that are too long were found by `validate`.
        if isinstance(trigger, CronTrigger) and len(trigger.cron) <= CRON_CHARACTERS_MAX:
            try:
                parse_cron(trigger.cron)
            except CronInvalid as invalid:
                yield ConfigProblem(
                    config.slug, f"triggers[{index}].cron", "schedule_invalid", str(invalid)
                )


def _expression_problems(config: FunctionConfig) -> Iterator[ConfigProblem]:
    for field, expression, kind in expressions_of(config):
        is_cancel = kind == "event+async"
        reason = check_restricted(expression) if is_cancel else check_value(expression)
        if reason is not None:
            yield ConfigProblem(
                config.slug,
                field,
                expression_problem_code(field),
                f"The expression of {field} is invalid: {reason}",
            )
