"""For Schemathesis: what to send where no JSON is taken."""

from typing import Final

import schemathesis
from hypothesis import strategies as st

_PROTOBUF: Final = "application/x-protobuf"

schemathesis.openapi.media_type(_PROTOBUF, st.binary(max_size=64))


@schemathesis.serializer(_PROTOBUF)
def as_it_is(_context: object, value: bytes) -> bytes:
    """Bytes are sent as they are."""
    return value
