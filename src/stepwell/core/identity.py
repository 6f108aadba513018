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
    "NodeId",
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
#: A server from the moment it joins until it leaves or is taken for dead. Never used again.
NodeId = NewType("NodeId", int)
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

#: The first partition, and the only one where one server is all there can be. Work that belongs to
#: no function lies here.
LOCAL_PARTITION: Final = PartitionId(0)
