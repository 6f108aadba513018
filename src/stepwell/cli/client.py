"""What the commands of operators say to a server, and what they make of its answers.

One `Client` talks to one server. Its methods return what was asked for as decoded JSON, or raise
one of `operator_errors`; nothing else of HTTP is seen outside.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self
from urllib.parse import quote

import msgspec

from stepwell import __version__
from stepwell.cli.operator_errors import (
    KeyExposed,
    KeyRefused,
    RequestRefused,
    ServerUnreachable,
    ServerUnsuitable,
)
from stepwell.cli.outside import Outside
from stepwell.cli.target import Target

if TYPE_CHECKING:
    import httpx

__all__ = ["ANSWER_BYTES_MAX", "Client", "Json", "Partly"]

#: Decoded JSON.
Json = dict[str, Any]

#: A page of runs with their outputs is far smaller; a hundred such answers fit into memory.
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
#: The server says that it is alive every 15 seconds.
_SILENCE_S: Final = 45.0
#: So much of an answer that makes no sense is repeated.
_SHOWN_CHARS: Final = 200

_GRAPHQL_PATH: Final = "/v0/gql"
_CHANGES_PATH: Final = "/v0/changes"
_TOKEN_PATH: Final = "/v1/operator-token"  # noqa: S105 - a path
_KIND_HEADER: Final = "x-inngest-server-kind"
#: Codes of errors about the query itself: this program asks for what the server does not know.
_QUERY_CODES: Final = frozenset({"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"})
_NO_INTERFACE: Final = (
    "has no GraphQL interface: it is an older version, or was started with --no-ui"
)


class Partly(msgspec.Struct, frozen=True):
    """An answer of which parts may be missing.

    Attributes:
        data: What was answered; a part that failed is None.
        failures: Why, by the name of the part.
    """

    data: Json
    failures: Mapping[str, str]


class Client:
    """Asks one server. Open it in a `with` statement.

    Args:
        target: Which server, and with which keys.
        outside: How it is reached.
    """

    def __init__(self, target: Target, outside: Outside) -> None:
        # The first command that needs it pays for the import, and not `stepwell dev`.
        import httpx  # noqa: PLC0415

        self.target = target
        self._httpx = httpx
        headers = {"user-agent": f"stepwell-cli/{__version__}"}
        if target.bearer:
            headers["authorization"] = f"Bearer {target.bearer}"
        try:
            self._http = httpx.Client(
                base_url=target.url,
                headers=headers,
                timeout=target.timeout_s,
                transport=outside.transport,
                # A proxy of the machine has nothing to do with a server beside us.
                trust_env=not target.is_loopback,
                # A redirect would take the key elsewhere.
                follow_redirects=False,
            )
        except (httpx.InvalidURL, ValueError, ImportError) as error:
            # The error may show the password of a proxy.
            reason = "cannot be asked: its URL, or that of a proxy of this machine, is not usable"
            raise ServerUnreachable(target.url, reason) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, query: str, /, **variables: Any) -> Json:
        """The answer to a GraphQL query of which no part may fail.

        Raises:
            RequestRefused: The server says why it does not answer, or not all of it.
        """
        answer = self._graphql(query, variables)
        if answer.get("errors"):
            raise RequestRefused(str(answer["errors"][0].get("message", "")))
        return dict(answer["data"])

    def ask_partly(self, query: str, /, **variables: Any) -> Partly:
        """The answer to a GraphQL query of which parts may fail on their own."""
        answer = self._graphql(query, variables)
        failures: dict[str, str] = {}
        for error in answer.get("errors") or ():
            path = error.get("path") or [""]
            failures.setdefault(str(path[0]), str(error.get("message", "")))
        return Partly(answer.get("data") or {}, failures)

    def send_event(self, event: Json, *, key: str) -> str:
        """The internal id of an event that was accepted, and is durable."""
        target = self.target
        if not target.may_carry_keys:
            raise KeyExposed(target.url, "event key")
        response, body = self._exchange("POST", f"/e/{quote(key, safe='')}", event)
        if response.status_code == 401:
            raise KeyRefused(
                f"{target.url} does not know the event key; give one with --event-key or "
                "INNGEST_EVENT_KEY"
            )
        answer = self._object(response, body)
        ids = answer.get("ids") or [""]
        if response.status_code != 200 or not ids[0]:
            raise RequestRefused(str(answer.get("error") or f"status {response.status_code}"))
        return str(ids[0])

    def replace_token(self) -> str:
        """Another operator token; the one we have does not hold any more."""
        response, body = self._exchange("POST", _TOKEN_PATH, {})
        if response.status_code != 200:
            self._refuse(response, body)
        return str(self._object(response, body)["token"])

    @contextmanager
    def changes(self, run_ids: Sequence[str] = ()) -> Iterator[Iterator[Json]]:
        """What changes from when the block is entered, until the server ends the stream.

        Use it in a `with` statement. It yields nothing while nothing changes.

        Raises:
            ServerUnreachable: Also when the connection is lost, or silent for too long.
        """
        timeout = self._httpx.Timeout(self.target.timeout_s, read=_SILENCE_S)
        params = {"run": list(run_ids)}
        try:
            with self._http.stream("GET", _CHANGES_PATH, params=params, timeout=timeout) as stream:
                if stream.status_code != 200:
                    self._refuse(stream, stream.read())
                lines = stream.iter_lines()
                _skip_hello(lines)
                yield _messages(lines)
        except self._httpx.ReadTimeout as error:
            raise ServerUnreachable(self.target.url, "fell silent") from error
        except self._httpx.RequestError as error:
            raise self._unreachable(error) from error

    def version(self) -> str:
        """The version of the server; empty if it does not say."""
        try:
            data = self._graphql("{ server { version } }", {}, may_differ=True).get("data") or {}
        except (RequestRefused, ServerUnsuitable):
            return ""
        return str((data.get("server") or {}).get("version", ""))

    def _graphql(self, query: str, variables: Json, *, may_differ: bool = False) -> Json:
        sent = {"query": query, "variables": variables}
        response, body = self._exchange("POST", _GRAPHQL_PATH, sent)
        answer = self._object(response, body) if _is_json(response) else {}
        errors = answer.get("errors") or ()
        codes = {(error.get("extensions") or {}).get("code") for error in errors}
        if codes & _QUERY_CODES and not may_differ:
            reason = "does not know what this command asks for; both should be of one version"
            raise ServerUnsuitable(self.target.url, reason, version=self.version())
        if "data" not in answer or (answer["data"] is None and not errors):
            self._refuse(response, body)
        return answer

    def _exchange(self, method: str, path: str, value: object) -> tuple["httpx.Response", bytes]:
        """Send JSON; the answer and its body, whatever the status."""
        headers = {"content-type": "application/json"}
        content = msgspec.json.encode(value)
        try:
            with self._http.stream(method, path, content=content, headers=headers) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        megabytes = ANSWER_BYTES_MAX // 1024**2
                        reason = f"answers with more than {megabytes} MiB; ask for less"
                        raise ServerUnsuitable(self.target.url, reason)
                return response, bytes(body)
        except self._httpx.RequestError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        httpx = self._httpx
        if isinstance(error, httpx.TimeoutException):
            reason = f"did not answer within {self.target.timeout_s:g} s (--timeout)"
        elif isinstance(error, httpx.ConnectError):
            reason = f"cannot be reached: {error}"
        else:
            # What comes from the library may repeat the URL, and with it an event key.
            reason = f"broke the connection off ({type(error).__name__})"
        return ServerUnreachable(self.target.url, reason)

    def _object(self, response: "httpx.Response", body: bytes) -> Json:
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._refuse(response, body)

    def _refuse(self, response: "httpx.Response", body: bytes) -> NoReturn:
        """Say what is wrong with an answer that is not what was asked for."""
        url, status = self.target.url, response.status_code
        if status == 401:
            how = (
                "does not take the operator token"
                if self.target.bearer
                else "asks for the operator token"
            )
            raise KeyRefused(f"{url} {how}; give it with --token or STEPWELL_TOKEN")
        if status == 403 and self.target.bearer:
            raise KeyRefused(f"{url} takes no signing key here; give the operator token instead")
        if response.is_redirect:
            raise ServerUnsuitable(url, "redirects to somewhere else; name that with --server")
        if _KIND_HEADER not in response.headers:
            raise ServerUnsuitable(url, f"is no Stepwell server (it answers with status {status})")
        if status == 404:
            raise ServerUnsuitable(url, _NO_INTERFACE)
        shown = _error_text(body)
        if status == 503:
            raise ServerUnreachable(url, f"cannot answer at the moment: {shown}")
        raise RequestRefused(f"{url} answers with status {status}: {shown}")


def _is_json(response: "httpx.Response") -> bool:
    return str(response.headers.get("content-type", "")).startswith("application/json")


def _error_text(body: bytes) -> str:
    """What the server says of an error, in any of the forms that it has for it."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        answer = None
    if isinstance(answer, dict):
        errors = answer.get("errors")
        text = errors[0].get("message") if errors else answer.get("error")
        if text:
            return str(text)
    return body[:_SHOWN_CHARS].decode("utf-8", "replace").strip()


def _skip_hello(lines: Iterator[str]) -> None:
    """Read up to the end of the first message: from then on nothing is missed."""
    for line in lines:
        if not line:
            return


def _messages(lines: Iterator[str]) -> Iterator[Json]:
    """The data of the messages named `changes`. Source: HTML, 9.2 (server-sent events)."""
    name, data = "", ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data += value
        elif not line:
            if name == "changes":
                yield msgspec.json.decode(data, type=dict[str, Any])
            name, data = "", ""
