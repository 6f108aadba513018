"""The vocabulary in which endpoints declare what they take and answer."""

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

__all__ = [
    "Answer",
    "Body",
    "Declaration",
    "DeclarationTable",
    "Envelope",
    "Link",
    "Parameter",
    "Refusal",
    "Tag",
    "Unlisted",
    "data",
    "empty",
    "json",
    "refused",
    "text_of",
]

_JSON: Final = "application/json"
_TEXT: Final = "text/plain"


class Tag(enum.StrEnum):
    """Chapters of the document, in their order."""

    EVENTS = "Events"
    RUNS = "Runs"
    FUNCTIONS = "Functions"
    APPS = "Apps"
    BULK = "Bulk operations"
    SERVER = "Server"
    SDK = "Routes for SDKs"


class Envelope(enum.Enum):
    """What stands around the value that an answer consists of."""

    NONE = enum.auto()
    #: `{"data": …, "metadata": {"fetched_at": …}}`
    DATA = enum.auto()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused.

    Attributes:
        error: What is wrong, for people.
        data: What else there is to say; null for most errors.
        status: The HTTP status.
        code: Of an error that has a page in the documentation.
    """

    error: str
    data: dict[str, Any] | None
    status: int
    code: str | msgspec.UnsetType = msgspec.UNSET


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of the path, the query or the headers.

    Attributes:
        kind: A type that msgspec knows, such as `int` or `Ulid`.
        text: What it means.
        example: A value that can be tried out.
    """

    name: str
    kind: Any = str
    text: str = ""
    place: Literal["path", "query", "header"] = "query"
    is_required: bool = False
    example: Any = None


class Body(msgspec.Struct, frozen=True):
    """The body of a request.

    Attributes:
        kind: Its type; None for bytes that are no JSON.
    """

    kind: Any
    text: str = ""
    media_type: str = _JSON
    is_required: bool = True
    example: Any = None


class Answer(msgspec.Struct, frozen=True):
    """One way in which a request is answered.

    Attributes:
        texts: When it is given, or the texts of the error.
        kind: Type of the value; None if the body is empty or no JSON.
        media_type: None without a body.
    """

    status: int
    texts: tuple[str, ...] = ()
    kind: Any = None
    media_type: str | None = _JSON
    envelope: Envelope = Envelope.NONE


class Link(msgspec.Struct, frozen=True):
    """Where to go from an answer with status 200.

    Attributes:
        to: Id of a declaration.
        parameter: Which of its parameters.
        source: Where its value is in the answer, as a JSON pointer.
    """

    to: str
    parameter: str
    source: str


class Declaration(msgspec.Struct, frozen=True):
    """What one method of one path takes and answers.

    Attributes:
        id: Unique name, in camel case.
        summary: What it does, in one line.
        text: What else there is to know.
        parameters: Those of the query and headers, and those of the path that are not known by name.
        answers: Without those that every route has.
        links: Where to go from its answer.
        refusal: Shape of the errors that are added for every route.
        is_endless: Whether an answer may go on for ever.
    """

    id: str
    summary: str
    tag: Tag
    answers: tuple[Answer, ...]
    text: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    links: tuple[Link, ...] = ()
    refusal: Any = Refusal
    is_endless: bool = False


class Unlisted(msgspec.Struct, frozen=True):
    """A route that is no part of the API, and why there is one."""

    reason: str


#: By path and method, as in a `RouteTable`.
DeclarationTable = Mapping[str, Mapping[str, Declaration | Unlisted]]


def data(kind: Any, text: str = "") -> Answer:
    """200 with the value in `data`."""
    return Answer(200, (text,) if text else (), kind, envelope=Envelope.DATA)


def json(kind: Any, text: str = "", *, status: int = 200) -> Answer:
    """The value as it is."""
    return Answer(status, (text,) if text else (), kind)


def text_of(media_type: str, text: str = "", *, status: int = 200) -> Answer:
    """What is no JSON."""
    return Answer(status, (text,) if text else (), None, media_type)


def empty(text: str = "", *, status: int = 200, media_type: str | None = None) -> Answer:
    """No body."""
    return Answer(status, (text,) if text else (), None, media_type)


def refused(status: int, *texts: str, kind: Any = Refusal) -> Answer:
    """An error, with the texts it may have."""
    return Answer(status, texts, kind)
