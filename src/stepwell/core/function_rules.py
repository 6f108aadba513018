"""The rules for registered functions that need an expression or a cron parser.

The others are in `stepwell.wire.config_rules`.

Source: execution semantics, 1.10, 6.1 and 7.7; flow control, 1.4.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

import msgspec

from stepwell.core.cron import CRON_CHARACTERS_MAX, CronInvalid, parse_cron
from stepwell.core.expressions import check_restricted, check_value
from stepwell.wire.config import (
    ConfigProblem,
    CronTrigger,
    ExpressionKind,
    FunctionConfig,
    expressions_of,
)
from stepwell.wire.config_rules import TRIGGERS_MAX, expression_problem_code, validate
from stepwell.wire.registration import RegisterRequest

__all__ = ["EXPRESSIONS_CHARS_MAX", "PROBLEMS_MAX", "problems_of"]

#: More are no help to anyone, and they are stored with the app.
PROBLEMS_MAX: Final = 100
#: All different expressions of an app together. Compiling them holds up everything else, which at
#: this length takes a second or two.
EXPRESSIONS_CHARS_MAX: Final = 256 * 1024
#: Compiling takes a fifth of a millisecond even if there is next to nothing to compile.
_EXPRESSION_CHARS_MIN: Final = 32
#: What apps write is quoted in problems, whatever its length.
_PROBLEM_CHARS_MAX: Final = 2048


def problems_of(request: RegisterRequest) -> tuple[ConfigProblem, ...]:
    """Why a registration must be refused, at most `PROBLEMS_MAX` reasons; empty if it is well.

    Keys of concurrency, throttle and singleton limits must compile as all others, although the
    reference lets some of them pass: there, they only fail once events come.
    """
    problems = chain(
        validate(request),
        _cron_problems(request.functions),
        _expression_problems(request.functions),
    )
    return tuple(map(_short, islice(problems, PROBLEMS_MAX)))


def _cron_problems(configs: Iterable[FunctionConfig]) -> Iterator[ConfigProblem]:
    for config in configs:
        for index, trigger in enumerate(config.triggers[:TRIGGERS_MAX]):
            # Texts that are too long were found by `validate`.
            if isinstance(trigger, CronTrigger) and len(trigger.cron) <= CRON_CHARACTERS_MAX:
                try:
                    parse_cron(trigger.cron)
                except CronInvalid as invalid:
                    yield ConfigProblem(
                        config.slug, f"triggers[{index}].cron", "schedule_invalid", str(invalid)
                    )


def _expression_problems(configs: Iterable[FunctionConfig]) -> Iterator[ConfigProblem]:
    reasons: dict[tuple[str, ExpressionKind], str | None] = {}
    chars = 0
    for config in configs:
        for field, expression, kind in expressions_of(config):
            if (expression, kind) not in reasons:
                chars += max(len(expression), _EXPRESSION_CHARS_MIN)
                if chars > EXPRESSIONS_CHARS_MAX:
                    message = (
                        "The expressions of the app's functions are too many or too long: together"
                        f" they may have {EXPRESSIONS_CHARS_MAX} characters"
                    )
                    yield ConfigProblem(config.slug, field, "config_invalid", message)
                    return
                is_cancel = kind == "event+async"
                check = check_restricted if is_cancel else check_value
                reasons[expression, kind] = check(expression)
            reason = reasons[expression, kind]
            if reason is not None:
                yield ConfigProblem(
                    config.slug,
                    field,
                    expression_problem_code(field),
                    f"The expression of {field} is invalid: {reason}",
                )


def _short(problem: ConfigProblem) -> ConfigProblem:
    """The problem, its texts cut where they would fill the database."""
    texts = msgspec.structs.astuple(problem)
    if all(len(text) <= _PROBLEM_CHARS_MAX for text in texts):
        return problem
    cut = (
        text if len(text) <= _PROBLEM_CHARS_MAX else f"{text[:_PROBLEM_CHARS_MAX]}…"
        for text in texts
    )
    return ConfigProblem(*cut)
