"""A place in a list of runs, and the text that clients keep of it."""

import base64
import binascii
from typing import Annotated

import msgspec

from stepwell.core.identity import RunId

__all__ = ["CURSOR_CHARS_MAX", "RunsCursor", "decode_cursor", "encode_cursor"]

CURSOR_CHARS_MAX = 200
"""Longest cursor looked at; ours have about 80 characters."""


class RunsCursor(msgspec.Struct, frozen=True, gc=False):
    """The place right behind a run.

    Attributes:
        at_ms: When the run was queued, started or ended: what the list is sorted by.
        run_id: The run; among runs of one moment it decides, smaller ids first.
    """

    at_ms: Annotated[int, msgspec.Meta(ge=0, lt=2**48)] = msgspec.field(name="v")
    run_id: Annotated[RunId, msgspec.Meta(pattern="^[0-9A-Za-z]{26}$")] = msgspec.field(name="id")


_DECODER = msgspec.json.Decoder(RunsCursor)


def encode_cursor(cursor: RunsCursor) -> str:
    """The cursor as base64 of JSON, opaque to clients."""
    return base64.b64encode(msgspec.json.encode(cursor)).decode("ascii")


def decode_cursor(text: str) -> RunsCursor | None:
    """The cursor, or None for a text that is none, which stands for the first page.

    Source: GraphQL API, 3.4.
    """
    if len(text) > CURSOR_CHARS_MAX:
        return None
    try:
        return _DECODER.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
