"""Statements sent together over one connection: one round trip, and one transaction.

This speaks to libpq itself, through the driver's wrapper. The driver has a pipeline mode, too, but
takes a third of a millisecond of the processor for three statements in it; this takes a third of
that. All parameters and results are binary, and every statement is prepared when it is first sent.

Statements between two synchronisation points are one transaction, unless one of them begins one:
when one fails, those after it are skipped and those before it are undone.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import AsyncConnection, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

from stepwell.store.postgres.parameters import encode_arrays, encode_value
from stepwell.store.sql.statements import Answer, BulkStatement, Query

__all__ = ["FailedAt", "PipelinedConnection", "Prepared", "bulk", "prepared"]

#: A database that has not answered by then will not: it gives up statements sooner, if it is alive.
ANSWER_LIMIT_S: Final = 12.0

#: How often a connection is looked at from which nothing comes. uvloop does not tell of one that
#: was reset: of an error it says nothing to who waits for input.
_LOOK_S: Final = 0.25

#: The statements are written in our sources; if there were this many, something makes them up.
_STATEMENTS_MAX: Final = 1_000

# Looking up a member of an enum costs more than what is done with it here, some thirty times a
# commit.
_BINARY: Final = pq.Format.BINARY
_CONNECTED: Final = pq.ConnStatus.OK
_HAS_ROWS: Final = pq.ExecStatus.TUPLES_OK
_HAS_FAILED: Final = pq.ExecStatus.FATAL_ERROR
_SYNCHRONISED: Final = pq.ExecStatus.PIPELINE_SYNC
_IDLE: Final = pq.TransactionStatus.IDLE
_IN_TRANSACTION: Final = pq.TransactionStatus.INTRANS
_DONE: Final = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class Prepared(NamedTuple):
    """A statement ready to be sent.

    Attributes:
        types: Of the parameters; none if the statement says them itself.
        missing: What it means if the statement fails its own check.
    """

    sql: str
    parameters: Sequence[bytes] = ()
    types: Sequence[int] = ()
    missing: str = ""


class FailedAt(Exception):
    """A statement failed, or the connection broke; nothing of the pipeline was done.

    Unless the connection broke: then it is not known whether anything was.
    """

    def __init__(self, error: psycopg.Error, statement: Prepared | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.statement = statement


def prepared(query: Query) -> Prepared:
    """The query as it is sent."""
    statement, values = query
    if not values:
        return Prepared(statement.postgres)
    parameters, types = zip(*map(encode_value, values), strict=True)
    return Prepared(statement.postgres, parameters, types)


def bulk(statement: BulkStatement, values: Sequence[Any]) -> Prepared:
    """The statement for rows as it is sent."""
    parameters = encode_arrays(statement.columns, values)
    if statement.missing:
        count, _ = encode_value(statement.count(values))
        parameters.append(count)
    return Prepared(statement.postgres, parameters, missing=statement.missing)


class _Pipeline:
    """Statements under way.

    Attributes:
        answers: Set when everything is answered, or something failed.
        found: What the statements answered until now.
        expected: What is answered next, from the end: a statement, and its name if it is being
            prepared.
        failure: Of the first statement that failed.
    """

    __slots__ = ("answers", "expected", "failure", "found")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.answers: asyncio.Future[list[Answer]] = loop.create_future()
        self.found: list[Answer] = []
        self.expected: list[tuple[Prepared, bytes | None]] = []
        self.failure: FailedAt | None = None


class PipelinedConnection:
    """A connection that is used for pipelines only, one at a time.

    It listens as long as it is open: to begin and to end that with every pipeline would cost more
    than all its statements.

    Args:
        connection: That nobody else uses.
        answer_limit_s: How long the answers to a pipeline may take.

    Attributes:
        opened_s: When it was opened, by the clock of the loop.
    """

    def __init__(
        self, connection: AsyncConnection[Any], *, answer_limit_s: float = ANSWER_LIMIT_S
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened_s = self._loop.time()
        self._answer_limit_s = answer_limit_s
        self._connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.enter_pipeline_mode()
        self._transformer = Transformer(connection)
        self._names: dict[str, bytes] = {}
        self._under_way: _Pipeline | None = None
        self._deadline_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._socket = self._pgconn.socket
        self._is_writing = False
        self._is_listening = True
        self._loop.add_reader(self._socket, self._advance)

    @property
    def is_idle(self) -> bool:
        """Whether it can be used again: nothing is under way, and no transaction is open."""
        return (
            self._under_way is None
            and self._pgconn.status == _CONNECTED
            and self._pgconn.transaction_status == _IDLE
        )

    @property
    def is_in_transaction(self) -> bool:
        """Whether a transaction is open that a statement began."""
        return self._pgconn.transaction_status == _IN_TRANSACTION

    async def run(self, statements: Sequence[Prepared]) -> list[Answer]:
        """What the statements answer.

        If the caller is cancelled, the connection is not idle any more and must be closed.

        Raises:
            FailedAt: One of them failed, or the connection broke.
        """
        assert self._under_way is None
        assert len(self._names) < _STATEMENTS_MAX
        pipeline = self._under_way = _Pipeline(self._loop)
        self._deadline_s = self._loop.time() + self._answer_limit_s
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_S, self._look)
        try:
            self._send(pipeline, statements)
            self._flush()
        except psycopg.Error as error:
            self._fail(FailedAt(error, None))
        return await pipeline.answers

    async def close(self) -> None:
        """Give the connection up, whatever is under way. May be called twice."""
        self._stop_listening()
        await self._connection.close()

    def _send(self, pipeline: _Pipeline, statements: Sequence[Prepared]) -> None:
        new: dict[str, bytes] = {}
        for statement in statements:
            name = self._names.get(statement.sql) or new.get(statement.sql)
            if name is None:
                name = new[statement.sql] = f"s{len(self._names) + len(new)}".encode()
                self._pgconn.send_prepare(name, statement.sql.encode(), statement.types)
                pipeline.expected.append((statement, name))
            formats = (_BINARY,) * len(statement.parameters)
            self._pgconn.send_query_prepared(name, statement.parameters, formats, _BINARY)
            pipeline.expected.append((statement, None))
        self._pgconn.pipeline_sync()
        pipeline.expected.reverse()

    def _flush(self) -> None:
        is_unsent = bool(self._pgconn.flush())
        if is_unsent and not self._is_writing:
            self._loop.add_writer(self._socket, self._advance)
        elif self._is_writing and not is_unsent:
            self._loop.remove_writer(self._socket)
        self._is_writing = is_unsent

    def _advance(self) -> None:
        """Send what is left and take what has come."""
        pipeline = self._under_way
        if pipeline is not None and pipeline.answers.done():  # cancelled
            self._stop_listening()
            return
        try:
            self._pgconn.consume_input()
            if self._is_writing:
                self._flush()
            if pipeline is not None:
                self._receive(pipeline)
        except psycopg.Error as error:
            self._fail(FailedAt(error, None))
        except Exception as error:  # noqa: BLE001 - the caller gets it, whatever it is
            self._fail(error)

    def _receive(self, pipeline: _Pipeline) -> None:
        pgconn = self._pgconn
        while self._under_way is pipeline and not pgconn.is_busy():
            result = pgconn.get_result()
            if result is not None:
                self._take(pipeline, result)
            elif pgconn.status != _CONNECTED:
                raise psycopg.OperationalError("the connection is lost")

    def _take(self, pipeline: _Pipeline, result: pq.abc.PGresult) -> None:
        status = result.status
        if status == _SYNCHRONISED:
            assert pipeline.failure is not None or not pipeline.expected
            self._end(pipeline)
            return
        assert pipeline.expected
        statement, name = pipeline.expected.pop()
        if status in _DONE:
            if name is not None:
                self._names[statement.sql] = name
            else:
                pipeline.found.append(self._answer(result, status))
        elif status == _HAS_FAILED and pipeline.failure is None:
            pipeline.failure = FailedAt(error_from_result(result), statement)
            if self._pgconn.status != _CONNECTED:
                raise psycopg.OperationalError(str(pipeline.failure))

    def _answer(self, result: pq.abc.PGresult, status: int) -> Answer:
        rows: list[Any] = []
        if status == _HAS_ROWS and (count := result.ntuples):
            self._transformer.set_pgresult(result, format=_BINARY)
            rows = self._transformer.load_rows(0, count, tuple)
        return Answer(rows, result.command_tuples or 0)

    def _end(self, pipeline: _Pipeline) -> None:
        self._under_way = None
        if pipeline.failure is not None:
            pipeline.answers.set_exception(pipeline.failure)
        else:
            pipeline.answers.set_result(pipeline.found)

    def _fail(self, failure: Exception) -> None:
        """The connection is of no use any more; of what was under way it is not known what came."""
        self._stop_listening()
        self._pgconn.finish()
        pipeline, self._under_way = self._under_way, None
        if pipeline is not None and not pipeline.answers.done():
            pipeline.answers.set_exception(failure)

    def _look(self) -> None:
        self._timer = None
        if self._under_way is None:
            return
        if self._loop.time() >= self._deadline_s:
            message = f"no answer within {self._answer_limit_s:g} s"
            self._fail(FailedAt(psycopg.OperationalError(message), None))
            return
        self._timer = self._loop.call_later(_LOOK_S, self._look)
        self._advance()

    def _stop_listening(self) -> None:
        """Once only: later, the socket's number may be somebody else's."""
        if not self._is_listening:
            return
        self._is_listening = False
        self._loop.remove_reader(self._socket)
        if self._is_writing:
            self._loop.remove_writer(self._socket)
            self._is_writing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
