"""Which PostgreSQL database is used, as settings say it."""

from typing import Any

import pytest

from stepwell.server.errors import SettingInvalid
from stepwell.server.postgres_settings import PostgresSettings, postgres_settings

URI = "postgresql://stepwell:5ecret@db.example:5432/stepwell?sslmode=require"


def settings(uri: str = URI, **pool: float) -> PostgresSettings | None:
    names = {name.replace("_", "-"): value for name, value in pool.items()}
    return postgres_settings({"postgres-uri": uri, **names})


def test_without_a_uri_there_is_no_database() -> None:
    assert postgres_settings({}) is None
    assert postgres_settings({"postgres-uri": "", "postgres-max-open-conns": 5.0}) is None


def test_the_pool_is_that_of_the_reference_unless_told_otherwise() -> None:
    assert settings() == PostgresSettings(
        uri=URI, idle_max=10, open_max=100, idle_time_s=300.0, lifetime_s=1800.0
    )


def test_times_are_minutes_and_0_is_for_ever() -> None:
    found = settings(
        postgres_max_idle_conns=0.0,
        postgres_max_open_conns=2.0,
        postgres_conn_max_idle_time=0.0,
        postgres_conn_max_lifetime=7.0,
    )

    assert found == PostgresSettings(
        uri=URI, idle_max=0, open_max=2, idle_time_s=None, lifetime_s=420.0
    )


@pytest.mark.parametrize(("open_max", "idle_max"), [(2.0, 2), (9.0, 9), (10.0, 10), (11.0, 10)])
def test_a_small_pool_keeps_no_more_than_it_may_have(open_max: float, idle_max: int) -> None:
    found = settings(postgres_max_open_conns=open_max)

    assert found is not None
    assert found.idle_max == idle_max


def test_more_idle_connections_than_connections_make_no_sense() -> None:
    assert settings(postgres_max_open_conns=5.0, postgres_max_idle_conns=5.0) is not None
    with pytest.raises(SettingInvalid, match="5 is less than --postgres-max-idle-conns, 6"):
        settings(postgres_max_open_conns=5.0, postgres_max_idle_conns=6.0)


@pytest.mark.parametrize(
    "uri",
    [
        "postgres://localhost/stepwell",
        "postgresql:///stepwell?host=/var/run/postgresql",
        "postgresql://user@%2Fvar%2Frun%2Fpostgresql/stepwell",
        "postgresql://user:a%40b%2Fc@[::1]:5432/stepwell",
        "postgresql://user:x@one:5432,two:5433/stepwell?target_session_attrs=read-write",
    ],
)
def test_what_points_to_a_database_is_taken_as_it_is(uri: str) -> None:
    found = settings(uri)

    assert found is not None
    assert found.uri == uri


@pytest.mark.parametrize(
    "uri",
    [
        "mysql://user:5ecret@host/db",
        "user:5ecret@host/db",
        "POSTGRES://user:5ecret@host/db",
        "postgresql:user:5ecret@host/db",
        "postgresql://user:5ecret@host:port/db",
        "postgresql://user:5ecret@host:543210/db",
        "postgresql://user:5ecret#more@host/db",
        "postgresql://user:5ecret@more@host/db",
        "postgresql://user:5ecret/more@host/db",
        "postgresql://user:123/5ecret@host/db",
        "postgresql://user:5ecret[@host/db",
        "postgresql://user:5ecret @host/db",
        "postgresql://user:5ecret\n@host/db",
        "postgresql://user:5ecretä@host/db",
        "host=localhost password=5ecret",
    ],
)
def test_what_is_no_uri_is_refused_without_being_repeated(uri: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        settings(uri)

    assert "5ecret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (URI, "postgresql://db.example:5432/stepwell"),
        ("postgres://h/db?password=5ecret", "postgres://h/db"),
        ("postgres://5ecret@a:1,b:2/db", "postgres://a:1,b:2/db"),
    ],
)
def test_people_are_shown_where_it_is_and_no_secret(uri: str, shown: str) -> None:
    found = settings(uri)

    assert found is not None
    assert found.shown == shown
    assert "5ecret" not in repr(found)


def test_a_value_can_be_anything_but_must_be_said_plainly() -> None:
    values: dict[str, Any] = {"postgres-uri": f"  {URI}  "}

    assert postgres_settings(values) == settings()
