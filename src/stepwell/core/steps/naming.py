"""How a reported step is shown."""

from typing import Final

from stepwell.core.journal import ABSENT, StepName
from stepwell.wire.opcodes import Opcode

__all__ = ["step_name"]

# Source: execution semantics, 11 (step name in traces).
_SHOWN_CHARS_MAX: Final = 256


def step_name(op: Opcode, *, with_options: bool = True) -> StepName:
    """Name, kind and options of the step an opcode is about.

    Options hold the step's input, up to 4 MiB: only the first entry about a step needs them.
    """
    userland = op.userland
    return StepName(
        op.shown_name[:_SHOWN_CHARS_MAX],
        op.op.value,
        id=userland[0][:_SHOWN_CHARS_MAX] if userland is not None else "",
        index=(userland[1] or 0) if userland is not None else 0,
        opts=op.opts if with_options and op.opts is not None else ABSENT,
    )
