"""Identifiers of the core and the fixed ones every client of the protocol expects."""

from typing import Final, NewType

__all__ = [
    "ACCOUNT_ID",
    "DEFAULT_ENVIRONMENT_ID",
    "LOCAL_PARTITION",
    "NO_EVENT",
    "AppId",
    "EnvironmentId",
    "EventId",
    "FunctionId",
    "ItemId",
    "OperationId",
    "PartitionId",
    "RunId",
    "StepId",
    "WaitId",
]

AppId = NewType("AppId", str)
EnvironmentId = NewType("EnvironmentId", str)
#: The internal ULID of an accepted event, never the id its sender chose.
EventId = NewType("EventId", str)
FunctionId = NewType("FunctionId", str)
ItemId = NewType("ItemId", int)
PartitionId = NewType("PartitionId", int)
RunId = NewType("RunId", str)
#: A bulk cancellation or a replay; a ULID.
OperationId = NewType("OperationId", str)
NO_EVENT: Final = EventId("")
#: The SDK's hashed step id; opaque to the server.
StepId = NewType("StepId", str)
WaitId = NewType("WaitId", int)

# Clients compare these two literally. Source: execution semantics, 1.1.
ACCOUNT_ID: Final = "00000000-0000-4000-a000-000000000000"
DEFAULT_ENVIRONMENT_ID: Final = EnvironmentId("00000000-0000-4000-b000-000000000000")

#: A single node owns all scheduling state as one partition.
LOCAL_PARTITION: Final = PartitionId(0)
