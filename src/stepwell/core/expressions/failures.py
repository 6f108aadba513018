"""The two ways an expression can go wrong: it does not compile, or it has no usable value."""


class ExpressionInvalid(ValueError):
    """The text is not an expression Stepwell can evaluate. Repeating cannot help.

    Attributes:
        source: The expression as it was written.
        reason: What the compiler says, with line and column where it knows them; may span lines.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(reason)
        self.source = source
        self.reason = reason


class ExpressionFailed(Exception):
    """The expression has no usable value for these events. The caller treats it as "no match".

    Raised for wrong operand types, for a condition that does not give true or false, and when the
    evaluation would cost more than `COST_MAX`.

    Attributes:
        reason: One line saying what went wrong.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
