"""What a query asks of a run, once it has been read.

A condition is true, false or unknown. It is unknown where a field is missing, and stays so however
it is negated; only runs for which the whole query is true are found.

Source: GraphQL API, 6 (grammar, null comparison).
"""

import enum
from typing import Literal

import msgspec

__all__ = [
    "AllOf",
    "AnyOf",
    "Comparison",
    "Condition",
    "Field",
    "Literals",
    "Membership",
    "Not",
    "Operator",
    "Part",
    "TextTest",
    "fields_of",
]

Literals = str | int | float | bool | None
"""What fields are compared with: the scalars of JSON."""


class Part(enum.Enum):
    """The parts of a run that have fields. The values are the words a query uses."""

    EVENT_ID = "event.id"
    EVENT_NAME = "event.name"
    EVENT_VERSION = "event.v"
    EVENT_TS = "event.ts"
    EVENT_DATA = "event.data"
    OUTPUT = "output"
    ERROR = "error"


class Operator(enum.Enum):
    """How two values are compared. The values are the words a query uses."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="

    @property
    def is_order(self) -> bool:
        """Whether it only has a meaning for numbers."""
        return self not in {Operator.EQUAL, Operator.UNEQUAL}


class Field(msgspec.Struct, frozen=True):
    """A place in a run.

    Attributes:
        keys: The way inside the part: names of objects, positions in lists from 0.
    """

    part: Part
    keys: tuple[str | int, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """`field OP value`."""

    field: Field
    operator: Operator
    value: Literals


class Membership(msgspec.Struct, frozen=True):
    """`field in [values]`: whether it equals one of them."""

    field: Field
    values: tuple[Literals, ...]


class TextTest(msgspec.Struct, frozen=True):
    """`field.startsWith(argument)` and its relatives; unknown for what is no text."""

    field: Field
    function: Literal["startsWith", "endsWith", "contains", "matches"]
    argument: str


class AllOf(msgspec.Struct, frozen=True):
    """`&&`."""

    conditions: "tuple[Condition, ...]"


class AnyOf(msgspec.Struct, frozen=True):
    """`||`."""

    conditions: "tuple[Condition, ...]"


class Not(msgspec.Struct, frozen=True):
    """`!`; what is unknown stays unknown."""

    condition: "Condition"


Condition = Comparison | Membership | TextTest | AllOf | AnyOf | Not


def fields_of(condition: Condition) -> frozenset[Field]:
    """All fields that the condition reads."""
    match condition:
        case AllOf(conditions=conditions) | AnyOf(conditions=conditions):
            return frozenset().union(*map(fields_of, conditions))
        case Not(condition=inner):
            return fields_of(inner)
        case _:
            return frozenset({condition.field})
