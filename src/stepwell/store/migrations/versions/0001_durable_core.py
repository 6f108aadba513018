"""Events, runs, journal, queue, waits, and the apps and functions they belong to."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, text

from stepwell.store.migrations.postgres import TEXT, add_default_partition, keep_small

revision = "0001_durable_core"
down_revision = None
branch_labels = None
depends_on = None

_DEFAULT_ENVIRONMENT = "00000000-0000-4000-b000-000000000000"

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=False, primary_key=key)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, primary_key=key, autoincrement=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def upgrade() -> None:
    _create_environments()
    _create_partitions()
    _create_apps()
    _create_functions()
    _create_events()
    _create_runs()
    _create_journal()
    _create_queue()
    _create_waits()
    _create_claims()
    _create_skips()


def _create_environments() -> None:
    environments = op.create_table(
        "environments",
        _text("id", key=True),
        _text("name"),
        _integer("created_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.bulk_insert(environments, [{"id": _DEFAULT_ENVIRONMENT, "name": "default", "created_ms": 0}])


def _create_partitions() -> None:
    op.create_table(
        "partitions",
        _integer("id", key=True),
        _integer("epoch"),
        _bytes("probe"),
        sqlite_strict=True,
    )
    keep_small("partitions", fillfactor=50)


def _create_apps() -> None:
    op.create_table(
        "apps",
        _text("id", key=True),
        _text("environment_id"),
        _text("name"),
        _text("url"),
        _text("method"),
        _text("sdk_language"),
        _text("sdk_version"),
        _text("framework"),
        _text("platform"),
        _text("app_version"),
        _text("checksum"),
        _text("error"),
        _text("error_detail"),
        _integer("created_ms"),
        _integer("synced_ms"),
        _integer("archived_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _create_functions() -> None:
    op.create_table(
        "functions",
        _text("id", key=True),
        _text("app_id"),
        _text("app_name"),
        _text("environment_id"),
        _text("slug"),
        _text("name"),
        _integer("version"),
        _bytes("config"),
        _integer("updated_ms"),
        _integer("archived"),
        _integer("steps_max"),
        _integer("state_bytes_max"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        _text("id", key=True),
        _integer("number", key=True),
        _text("environment_id"),
        _text("name"),
        _text("external_id"),
        _integer("ts_ms"),
        _integer("received_ms"),
        _bytes("payload"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (id)",
    )
    add_default_partition("events")
    op.create_index("events_name", "events", ["name", "id"])
    op.create_index(
        "events_repeated",
        "events",
        ["number"],
        sqlite_where=text("number > 0"),
        postgresql_where=text("number > 0"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        _text("id", key=True),
        _text("environment_id"),
        _text("app_id"),
        _text("function_id"),
        _integer("function_version"),
        _integer("status"),
        _integer("queued_ms"),
        _integer("scheduled_ms"),
        _integer("started_ms"),
        _integer("ended_ms"),
        _integer("ended_seq"),
        _text("event_id"),
        _text("event_name"),
        _text("event_ids"),
        _text("cron"),
        _text("parent_run_id"),
        _text("parent_function_id"),
        _text("parent_step"),
        _text("origin_run_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (id)",
    )
    add_default_partition("runs")
    op.create_table(
        "batch_events",
        _text("event_id", key=True),
        _text("run_id", key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (event_id)",
    )
    add_default_partition("batch_events")
    op.create_index("runs_event", "runs", ["event_id"])


def _create_journal() -> None:
    op.create_table(
        "journal",
        _text("run_id", key=True),
        _integer("seq", key=True),
        _bytes("body"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (run_id)",
    )
    add_default_partition("journal")


def _create_queue() -> None:
    op.create_table(
        "queue",
        _integer("item_id", key=True),
        _integer("partition_id"),
        _text("function_id"),
        _text("run_id"),
        _integer("kind"),
        _text("step"),
        _integer("attempt"),
        _integer("due_ms"),
        _integer("queued_ms"),
        _bytes("body"),
        sqlite_strict=True,
    )
    keep_small("queue", fillfactor=70)
    op.create_index("queue_due", "queue", ["partition_id", "function_id", "due_ms", "item_id"])
    op.create_index("queue_run", "queue", ["run_id"])


def _create_waits() -> None:
    op.create_table(
        "waits",
        _integer("wait_id", key=True),
        _integer("kind"),
        _text("environment_id"),
        _text("event_name"),
        _text("match_path"),
        _text("match_value"),
        _text("condition"),
        _bytes("bindings"),
        _text("run_id"),
        _text("function_id"),
        _text("step"),
        _integer("created_ms"),
        _integer("expires_ms"),
        _text("trigger_id"),
        sqlite_strict=True,
    )
    keep_small("waits", fillfactor=90)
    op.create_index(
        "waits_match",
        "waits",
        ["environment_id", "event_name", "match_path", "match_value", "wait_id"],
    )
    op.create_index("waits_run", "waits", ["run_id"])


def _create_claims() -> None:
    op.create_table(
        "claims",
        _text("function_id", key=True),
        _text("key", key=True),
        _text("run_id"),
        _integer("expires_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("claims", fillfactor=90)
    op.create_index("claims_expires", "claims", ["expires_ms"])


def _create_skips() -> None:
    op.create_table(
        "skips",
        _text("event_id"),
        _text("function_id"),
        _text("reason"),
        _text("detail"),
        _integer("at_ms"),
        sqlite_strict=True,
        postgresql_partition_by="RANGE (event_id)",
    )
    add_default_partition("skips")
    op.create_index("skips_event", "skips", ["event_id"])
