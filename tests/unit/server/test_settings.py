"""From flags, variables and files to settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stepwell.core.access_token import TokenHash
from stepwell.server.errors import ConfigFileUnreadable, SettingInvalid, SettingUnsupported
from stepwell.server.log_settings import LogFormat, LogSettings
from stepwell.server.options import OPTIONS, Fate, Mode
from stepwell.server.postgres_settings import PostgresSettings
from stepwell.server.settings import Given, Settings, resolve
from stepwell.wire.signing import SigningKey

KEYS = {"signing-key": "abcd", "event-key": ("key",)}


def settings(
    tmp_path: Path,
    mode: Mode = Mode.DEV,
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: str | None = None,
) -> Settings:
    if file is not None:
        (tmp_path / "stepwell.yaml").write_text(file)
    given = Given(
        flags=flags or {}, environ=environ or {}, directory=tmp_path, home=tmp_path / "home"
    )
    return resolve(mode, given)


class TestDefaults:
    def test_a_development_server_needs_nothing(self, tmp_path: Path) -> None:
        assert settings(tmp_path) == Settings(
            mode=Mode.DEV,
            host="127.0.0.1",
            port=8288,
            database=tmp_path / ".stepwell" / "main.db",
            sdk_urls=(),
            discovery=True,
            poll=True,
            poll_interval_s=5.0,
            retry_interval_s=None,
            queue_workers=1000,
            allow_private_requests=True,
            shutdown_grace_s=2.0,
        )

    def test_a_self_hosted_server_needs_keys_only(self, tmp_path: Path) -> None:
        assert settings(tmp_path, Mode.START, flags=KEYS) == Settings(
            mode=Mode.START,
            host="127.0.0.1",
            port=8288,
            database=tmp_path / ".stepwell" / "main.db",
            discovery=False,
            poll=False,
            poll_interval_s=5.0,
            queue_workers=1000,
            signing_key=SigningKey.parse("abcd"),
            event_keys=("key",),
        )


class TestPrecedence:
    def test_flag_before_our_variable_before_theirs_before_file(self, tmp_path: Path) -> None:
        flags = {"port": "1"}
        environ = {"STEPWELL_PORT": "2", "INNGEST_PORT": "3"}
        theirs = {"INNGEST_PORT": "3"}
        file = "port: 4"

        assert settings(tmp_path, flags=flags, environ=environ, file=file).port == 1
        assert settings(tmp_path, environ=environ, file=file).port == 2
        assert settings(tmp_path, environ=theirs, file=file).port == 3
        assert settings(tmp_path, file=file).port == 4

    def test_an_empty_variable_is_none(self, tmp_path: Path) -> None:
        assert settings(tmp_path, environ={"STEPWELL_PORT": ""}).port == 8288

    def test_a_switch_can_be_turned_off_where_it_was_turned_on_before(self, tmp_path: Path) -> None:
        environ = {"STEPWELL_NO_DISCOVERY": "false"}

        assert settings(tmp_path, environ=environ, file="no-discovery: true").discovery

    def test_the_file_can_be_named_by_flag_and_variable(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text("port: 1")
        (tmp_path / "b.yaml").write_text("port: 2")
        environ = {"INNGEST_CONFIG": "b.yaml"}

        assert settings(tmp_path, environ=environ).port == 2
        assert settings(tmp_path, flags={"config": "a.yaml"}, environ=environ).port == 1

    def test_a_named_file_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigFileUnreadable, match=r"missing\.yaml"):
            settings(tmp_path, flags={"config": "missing.yaml"})


class TestValues:
    def test_lists_are_repeated_flags_or_separated_by_commas(self, tmp_path: Path) -> None:
        urls = ("http://a/api", "b:3000/api")

        assert settings(tmp_path, flags={"sdk-url": urls}).sdk_urls == urls
        environ = {"INNGEST_SDK_URL": "http://a/api, b:3000/api,"}
        assert settings(tmp_path, environ=environ).sdk_urls == urls
        file = "sdk-url: [http://a/api, 'b:3000/api']"
        assert settings(tmp_path, file=file).sdk_urls == urls

    def test_the_sign_of_a_short_flag_is_no_part_of_the_url(self, tmp_path: Path) -> None:
        """`-u=URL` is how many people write it."""
        assert settings(tmp_path, flags={"sdk-url": ("=http://a/api",)}).sdk_urls == (
            "http://a/api",
        )

    def test_a_base_path_is_known_without_the_slash_at_its_end(self, tmp_path: Path) -> None:
        environ = {"STEPWELL_BASE_PATH": "/tools/stepwell/"}

        assert settings(tmp_path, environ=environ).base_path == "/tools/stepwell"
        assert settings(tmp_path, Mode.START, flags=KEYS).base_path == ""

    def test_urls_is_another_name_for_sdk_url(self, tmp_path: Path) -> None:
        assert settings(tmp_path, file="urls: [http://a/api]").sdk_urls == ("http://a/api",)

    @pytest.mark.parametrize("text", ["0", "1", "8288", "65535"])
    def test_ports_in_range(self, tmp_path: Path, text: str) -> None:
        assert settings(tmp_path, flags={"port": text}).port == int(text)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("port", "-1"),
            ("port", "65536"),
            ("port", "80.5"),
            ("port", "http"),
            ("port", "nan"),
            ("queue-workers", "0"),
            ("queue-workers", "50001"),
            ("poll-interval", "-1"),
            ("retry-interval", "inf"),
            ("retry-interval", "86401"),
            ("no-poll", "perhaps"),
            ("log-level", "loud"),
            ("base-path", "tools"),
        ],
    )
    def test_a_bad_value_is_named_with_its_place(
        self, tmp_path: Path, name: str, text: str
    ) -> None:
        with pytest.raises(SettingInvalid, match=f"^--{name}: ") as raised:
            settings(tmp_path, flags={name: text})

        assert raised.value.setting == name

    @pytest.mark.parametrize("file", ["port: [1]", "port: true", "host: [a]", "sdk-url: {a: 1}"])
    def test_a_value_of_another_type_in_a_file_is_refused(self, tmp_path: Path, file: str) -> None:
        with pytest.raises(SettingInvalid, match=r"stepwell\.yaml"):
            settings(tmp_path, file=file)

    def test_a_retry_interval_of_0_is_the_growing_pause(self, tmp_path: Path) -> None:
        assert settings(tmp_path, flags={"retry-interval": "0"}).retry_interval_s is None
        assert settings(tmp_path, flags={"retry-interval": "1"}).retry_interval_s == 1.0

    def test_a_poll_interval_of_0_is_no_polling(self, tmp_path: Path) -> None:
        assert settings(tmp_path, flags={"poll-interval": "0"}).poll is False
        on = settings(tmp_path, Mode.START, flags=KEYS | {"poll-interval": "60"})
        assert (on.poll, on.poll_interval_s) == (True, 60.0)

    def test_without_persistence_everything_is_in_memory(self, tmp_path: Path) -> None:
        assert settings(tmp_path, flags={"persist": False, "sqlite-dir": "d"}).database is None
        assert settings(tmp_path, environ={"INNGEST_PERSIST": "false"}).database is None

    def test_the_directory_of_the_database_is_relative_to_the_working_directory(
        self, tmp_path: Path
    ) -> None:
        relative = settings(tmp_path, flags={"sqlite-dir": "data"})
        absolute = settings(tmp_path, flags={"sqlite-dir": str(tmp_path / "other")})

        assert relative.database == tmp_path / "data" / "main.db"
        assert absolute.database == tmp_path / "other" / "main.db"

    def test_the_port_of_the_environment_is_searched_for_apps(self, tmp_path: Path) -> None:
        assert settings(tmp_path, environ={"PORT": "4000"}).extra_ports == (4000,)
        assert settings(tmp_path, environ={"PORT": "four"}).extra_ports == ()


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("", "signing-key is required"),
            ("abc", "signing-key must be hex string with even number of chars"),
            ("signkey-prod-abc", "signing-key must be hex string with even number of chars"),
            ("xyzz", "signing-key must be valid hex string: "),
        ],
    )
    def test_a_signing_key_that_cannot_be_used(
        self, tmp_path: Path, key: str, message: str
    ) -> None:
        with pytest.raises(SettingInvalid) as raised:
            settings(tmp_path, Mode.START, flags=KEYS | {"signing-key": key})

        assert str(raised.value).startswith(message)
        assert not key or key not in str(raised.value)

    def test_the_prefix_of_a_signing_key_does_not_count(self, tmp_path: Path) -> None:
        flags = KEYS | {"signing-key": "signkey-prod-abcd"}

        assert settings(tmp_path, Mode.START, flags=flags).signing_key == SigningKey(
            "signkey-prod-", "abcd"
        )

    def test_an_event_key_is_required(self, tmp_path: Path) -> None:
        with pytest.raises(SettingInvalid, match=r"^at least one event-key is required$"):
            settings(tmp_path, Mode.START, flags={"signing-key": "abcd"})

    def test_a_development_server_takes_no_keys(self, tmp_path: Path) -> None:
        environ = {"INNGEST_SIGNING_KEY": "abcd", "INNGEST_EVENT_KEY": "key"}

        found = settings(tmp_path, environ=environ)

        assert (found.signing_key, found.event_keys) == (None, ())

    def test_keys_are_not_printed(self, tmp_path: Path) -> None:
        flags = {"signing-key": "abcdef123456", "event-key": ("secret-event-key",)}

        text = repr(settings(tmp_path, Mode.START, flags=flags))

        assert "abcdef123456" not in text
        assert "secret-event-key" not in text


TOKEN = "0123456789abcdef" * 2


class TestTokens:
    def test_only_what_is_needed_to_know_them_again_is_kept(self, tmp_path: Path) -> None:
        environ = {"STEPWELL_OPERATOR_TOKEN": TOKEN, "STEPWELL_METRICS_TOKEN": TOKEN[::-1]}

        found = settings(tmp_path, Mode.START, flags=KEYS, environ=environ)

        assert found.operator_token == TokenHash.of(TOKEN)
        assert found.metrics_token == TokenHash.of(TOKEN[::-1])
        assert TOKEN not in repr(found)

    @pytest.mark.parametrize("name", ["operator-token", "metrics-token"])
    @pytest.mark.parametrize(
        "token", ["short", "x" * 31, "x" * 513, "x" * 40 + " ", "x" * 40 + "ä", "x" * 40 + "\n"]
    )
    def test_what_is_no_token_is_refused_without_being_repeated(
        self, tmp_path: Path, name: str, token: str
    ) -> None:
        with pytest.raises(SettingInvalid, match=f"^{name} must") as refused:
            settings(tmp_path, Mode.START, flags={**KEYS, name: token})

        assert token not in str(refused.value)

    @pytest.mark.parametrize(
        "other",
        [
            {"signing-key": TOKEN},
            {"signing-key": f"signkey-prod-{TOKEN}"},
            {"event-key": ("first", TOKEN)},
            {"metrics-token": TOKEN},
        ],
    )
    def test_what_others_have_opens_nothing_to_them(
        self, tmp_path: Path, other: Mapping[str, Any]
    ) -> None:
        """An app that has the signing key must not be an operator by it."""
        with pytest.raises(SettingInvalid, match="must differ from") as refused:
            settings(tmp_path, Mode.START, flags={**KEYS, "operator-token": TOKEN, **other})

        assert TOKEN not in str(refused.value)

    def test_a_development_server_has_none(self, tmp_path: Path) -> None:
        found = settings(tmp_path, environ={"STEPWELL_OPERATOR_TOKEN": "short"})

        assert (found.operator_token, found.metrics_token) == (None, None)


class TestShutdownGrace:
    @pytest.mark.parametrize(
        ("mode", "text", "seconds"),
        [
            (Mode.DEV, None, 2.0),
            (Mode.START, None, 6.0),
            (Mode.START, "0", 0.0),
            (Mode.START, "86400", 86_400.0),
            (Mode.DEV, "1.5", 1.5),
        ],
    )
    def test_times_in_range(
        self, tmp_path: Path, mode: Mode, text: str | None, seconds: float
    ) -> None:
        flags = {} if text is None else {"shutdown-grace": text}

        assert settings(tmp_path, mode, flags={**KEYS, **flags}).shutdown_grace_s == seconds

    @pytest.mark.parametrize("text", ["-1", "86401", "soon", "nan"])
    def test_other_values_are_refused(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(SettingInvalid, match=r"^--shutdown-grace: "):
            settings(tmp_path, flags={"shutdown-grace": text})


class TestPostgres:
    URI = "postgresql://user:5ecret@host/db"

    @pytest.mark.parametrize("mode", [Mode.DEV, Mode.START])
    def test_the_database_is_that_of_the_variables_of_the_reference(
        self, tmp_path: Path, mode: Mode
    ) -> None:
        environ = {
            "INNGEST_POSTGRES_URI": self.URI,
            "INNGEST_POSTGRES_MAX_IDLE_CONNS": "3",
            "INNGEST_POSTGRES_MAX_OPEN_CONNS": "5",
            "INNGEST_POSTGRES_CONN_MAX_IDLE_TIME": "1",
            "INNGEST_POSTGRES_CONN_MAX_LIFETIME": "2",
        }

        found = settings(tmp_path, mode, flags=KEYS, environ=environ)

        assert found.postgres == PostgresSettings(
            uri=self.URI, idle_max=3, open_max=5, idle_time_s=60.0, lifetime_s=120.0
        )
        assert "5ecret" not in repr(found)

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("postgres-max-open-conns", "1"),
            ("postgres-max-open-conns", "10001"),
            ("postgres-max-open-conns", "2.5"),
            ("postgres-max-idle-conns", "-1"),
            ("postgres-conn-max-idle-time", "-1"),
            ("postgres-conn-max-idle-time", "5m"),
            ("postgres-conn-max-lifetime", "1e9"),
        ],
    )
    def test_pools_out_of_range_are_refused(self, tmp_path: Path, name: str, text: str) -> None:
        with pytest.raises(SettingInvalid, match=f"^--{name}: "):
            settings(tmp_path, flags={"postgres-uri": self.URI, name: text})


class TestProcesses:
    URI: ClassVar = {"STEPWELL_POSTGRES_URI": "postgresql://db.example.com/stepwell"}

    @pytest.mark.parametrize("count", ["1", "2", "64"])
    def test_there_may_be_several_on_postgresql(self, tmp_path: Path, count: str) -> None:
        environ = {**self.URI, "STEPWELL_PROCESSES": count}
        found = settings(tmp_path, Mode.START, flags=KEYS, environ=environ)
        assert found.processes == int(count)

    @pytest.mark.parametrize("count", ["0", "-1", "65", "1.5", "many", "nan"])
    def test_other_counts_are_refused(self, tmp_path: Path, count: str) -> None:
        with pytest.raises(SettingInvalid, match="--processes"):
            settings(tmp_path, Mode.START, flags={**KEYS, "processes": count}, environ=self.URI)

    @pytest.mark.parametrize("environ", [{}, {"STEPWELL_POSTGRES_URI": " "}])
    def test_a_file_has_one(self, tmp_path: Path, environ: dict[str, str]) -> None:
        flags = {**KEYS, "processes": "2"}
        with pytest.raises(SettingInvalid, match="one writer; give --postgres-uri") as refused:
            settings(tmp_path, Mode.START, flags=flags, environ=environ)
        assert refused.value.setting == "processes"

        one = settings(tmp_path, Mode.START, flags={**KEYS, "processes": "1"}, environ=environ)
        assert one.processes == 1


class TestOfTheReference:
    @pytest.mark.parametrize("option", [o for o in OPTIONS if o.fate is Fate.IGNORED])
    def test_what_has_no_effect_here_is_accepted_with_a_note(
        self, tmp_path: Path, option: Any
    ) -> None:
        (note,) = settings(tmp_path, flags={option.name: "1"}).notes

        assert note == f"--{option.name} has no effect: {option.why}"

    def test_what_cannot_be_had_is_refused_with_the_reason(self, tmp_path: Path) -> None:
        with pytest.raises(SettingUnsupported, match=r"^INNGEST_REDIS_URI"):
            settings(tmp_path, environ={"INNGEST_REDIS_URI": "x://"})

    def test_the_pool_of_a_database_that_is_not_used_is_noted(self, tmp_path: Path) -> None:
        flags = {"postgres-max-open-conns": "5", "postgres-conn-max-lifetime": "1"}

        assert settings(tmp_path, flags=flags).notes == (
            "postgres-max-open-conns has no effect without postgres-uri",
            "postgres-conn-max-lifetime has no effect without postgres-uri",
        )

    def test_unknown_keys_are_noted_and_those_of_other_commands_are_not(
        self, tmp_path: Path
    ) -> None:
        file = "prot: 1\nsigning-key: abcd\napi-host: example.com"

        assert settings(tmp_path, file=file).notes == (
            f"unknown key 'prot' in {tmp_path / 'stepwell.yaml'}",
        )


class TestLog:
    @pytest.mark.parametrize(
        ("flags", "environ", "expected"),
        [
            ({}, {}, LogSettings("info")),
            ({"verbose": True}, {}, LogSettings("debug")),
            ({"verbose": True, "log-level": "warn"}, {}, LogSettings("warn")),
            ({"log-level": "warn"}, {"LOG_LEVEL": "ERROR"}, LogSettings("error")),
            ({"json": True}, {}, LogSettings("info", LogFormat.JSON)),
            ({"json": True}, {"LOG_HANDLER": "txt"}, LogSettings("info", LogFormat.LINES)),
            ({}, {"LOG_HANDLER": "json"}, LogSettings("info", LogFormat.JSON)),
        ],
    )
    def test_level_and_format(
        self,
        tmp_path: Path,
        flags: dict[str, Any],
        environ: dict[str, str],
        expected: LogSettings,
    ) -> None:
        assert settings(tmp_path, flags=flags, environ=environ).log == expected

    def test_a_log_level_meant_for_other_programs_is_only_noted(self, tmp_path: Path) -> None:
        found = settings(tmp_path, environ={"LOG_LEVEL": "notice"})

        assert found.log.level == "info"
        assert found.notes == (
            "LOG_LEVEL=notice has no effect: it is none of trace, debug, info, warn, error",
        )
