"""A PostgreSQL server of our own, with nothing in it, that ends with the tests."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psycopg
from psycopg import sql

from tests.postgres.packages import install, native_folder

__all__ = ["PostgresServer", "other_user"]

_START_LIMIT_S: Final = 30.0
#: Before it ends it writes everything to the disk, which others may keep busy.
_STOP_LIMIT_S: Final = 120.0
_BETWEEN_TRIES_S: Final = 0.02
_PORTS_TRIED: Final = 5
_ICU_SINCE: Final = 15
_SCRAM_ITERATIONS_SINCE: Final = 16
#: PostgreSQL refuses to run as root; these are asked in turn to do it instead.
_USERS: Final = ("postgres", "nobody")

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
    # Vacuuming in the middle of a test would only make its time vary.
    "autovacuum_naptime": "10min",
}


class PostgresServer:
    """A running server of one major version; `stop` ends it and deletes everything.

    Args:
        version: The major version, one of those in `packages`.
        is_durable: Whether commits wait for the disk, as they do in production.
        settings: What is set differently.
        wal: An empty folder for the log, if it is to lie apart; then in small pieces.
        primary: Whose standby it is to be; that must have been halted, and may be started again.
    """

    def __init__(
        self,
        version: int,
        *,
        is_durable: bool = True,
        settings: Mapping[str, str] = MappingProxyType({}),
        wal: Path | None = None,
        primary: "PostgresServer | None" = None,
    ) -> None:
        install()
        self.version = version
        self._settings = {**_SETTINGS, **settings}
        if not is_durable:
            self._settings |= {"fsync": "off", "full_page_writes": "off"}
        self._password: str = primary._password if primary else secrets.token_urlsafe(16)
        self._wal = wal
        self._user = other_user()
        self._folder = Path(tempfile.mkdtemp(prefix=f"stepwell-postgres-{version}-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = 0
        try:
            self._programs = self._reachable_programs()
            if primary is None:
                self._initialise()
            else:
                self._follow(primary)
            self.start()
        except BaseException:
            self.stop()
            raise

    def uri(self, database: str = "postgres") -> str:
        """How to connect to one of its databases."""
        return f"postgresql://stepwell:{self._password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template0") -> str:
        """A new database, as the template is; returns its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def create_database_in(self, folder: Path) -> str:
        """A new database whose rows are in that empty folder; returns its name."""
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            for command in (
                sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(
                    sql.Identifier(name), sql.Literal(str(folder))
                ),
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 TABLESPACE {}").format(
                    sql.Identifier(name), sql.Identifier(name)
                ),
            ):
                connection.execute(command)
        return name

    def drop_database(self, name: str) -> None:
        """Delete a database, whoever is connected to it."""
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(command.format(sql.Identifier(name)))

    def start(self) -> None:
        """Start it and wait until it answers; on the port it had, if it ran before."""
        assert self._process is None
        for _ in range(1 if self.port else _PORTS_TRIED):
            port = self.port or _free_port()
            process = self._spawn(port)
            if self._answers(process, port):
                self.port, self._process = port, process
                return
        raise AssertionError(f"PostgreSQL {self.version} did not start:\n{self._log_text()}")

    def halt(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the processes and keep the data.

        Args:
            how: SIGINT ends all sessions in good order, SIGQUIT is as good as a crash.
        """
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            # Those of its processes that live on would keep it from being started again.
            for pid in (process.pid, *_children(process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()

    @property
    def process_id(self) -> int:
        """Of its main process, while it runs; the others are its children."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended, by itself or otherwise."""
        return self._process is not None and self._process.poll() is None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """While this lasts, all its processes stand still, and their connections stay open."""
        assert self._process is not None
        # The main process begins no others while it stands still.
        os.kill(self._process.pid, signal.SIGSTOP)
        stopped = [self._process.pid, *_children(self._process.pid)]
        for pid in stopped[1:]:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def promote(self) -> None:
        """Let a standby become a primary."""
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)

    def stop(self) -> None:
        """End it and delete its data. May be called twice."""
        self.halt(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _reachable_programs(self) -> Path:
        """The programs; for another user they are copied, for it may not see the checkout."""
        native = native_folder(self.version)
        if self._user is None:
            return native
        copy = shutil.copytree(native, self._folder / "native", symlinks=True)
        os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        return copy

    def _signing_in(self) -> tuple[str, ...]:
        """With passwords that are quick to check: tests open thousands of connections."""
        if self.version < _SCRAM_ITERATIONS_SINCE:
            return ("--auth=md5",)
        return ("--auth=password", "--set=scram_iterations=1")

    def _initialise(self) -> None:
        password = self._folder / "password"
        password.write_text(self._password)
        if self._user is not None:
            os.chown(password, self._user.pw_uid, self._user.pw_gid)
        done = subprocess.run(
            [
                *(self._programs / "bin" / "initdb", "--pgdata", self._folder / "data"),
                *("--username=stepwell", f"--pwfile={password}", *self._signing_in()),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
                *self._sorting(),
                *(() if self._wal is None else (f"--waldir={self._wal}", "--wal-segsize=1")),
            ],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else [],
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _follow(self, primary: "PostgresServer") -> None:
        """Begin with the primary's files, and follow it from there."""
        assert not primary.is_running
        data = self._folder / "data"
        subprocess.run(["cp", "-a", primary._folder / "data", data], check=True)
        info = f"host=127.0.0.1 port={primary.port} user=stepwell password={self._password}"
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{info}'\n")
        (data / "standby.signal").touch()

    def _sorting(self) -> tuple[str, ...]:
        """Text sorts by language unless a column says otherwise; so tests tell if one does not."""
        if self.version < _ICU_SINCE:
            return ()
        return ("--locale-provider=icu", "--icu-locale=en")

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        command: list[str | Path] = [self._programs / "bin" / "postgres"]
        command += ["-D", self._folder / "data", "-p", str(port)]
        command += [f"--{name}={value}" for name, value in self._settings.items()]
        # Whatever ends the tests, the server must not stay behind.
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "SIGQUIT", *command]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the tests, which stop it in their turn.
                start_new_session=True,
                user=None if self._user is None else self._user.pw_uid,
                group=None if self._user is None else self._user.pw_gid,
                extra_groups=None if self._user is None else [],
            )

    def _answers(self, process: subprocess.Popen[bytes], port: int) -> bool:
        end_s = time.monotonic() + _START_LIMIT_S
        info = f"host=127.0.0.1 port={port} user=stepwell dbname=postgres connect_timeout=5"
        while time.monotonic() < end_s and process.poll() is None:
            try:
                psycopg.connect(info, password=self._password).close()
            except psycopg.OperationalError:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_BETWEEN_TRIES_S)
            else:
                return True
        if process.poll() is None:
            process.kill()
        process.wait()
        return False

    def _log_text(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-4_000:]


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in listed.split()]


def other_user() -> pwd.struct_passwd | None:
    """Whom the server runs as, if it cannot be ourselves."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    found = next((known[name] for name in _USERS if name in known), None)
    assert found is not None, f"PostgreSQL cannot run as root, and there is none of {_USERS}"
    return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
