"""How a request that cannot be made or answered gets out of the code that found it."""

from stepwell.core.steps.requested import RequestFailed

__all__ = ["RequestStoppedError"]


class RequestStoppedError(Exception):
    """The request is over without an answer. It never leaves the client, which makes it a result.

    Attributes:
        failure: What the step is told.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.failure = RequestFailed(message, retryable=retryable)
