"""How the schema came to be: one module per revision in `versions/`, applied forward only."""

from typing import Final

__all__ = ["HEAD", "REVISIONS"]

#: All revisions, oldest first. A database with any other one was written by a newer Stepwell.
REVISIONS: Final = (
    "0001_durable_core",
    "0002_flow_control",
    "0003_reading",
    "0004_sync_history",
    "0005_operator_tokens",
    "0006_partition_leases",
    "0007_nodes",
)

#: What this version of Stepwell works with.
HEAD: Final = REVISIONS[-1]
