"""CPU per call of the HTTP client, against a minimal keep-alive server in another process.

    python bench/http_client.py [--calls 100000] [--concurrency 64] [--loop uvloop]

Prints user and system time of this process only; the server's is not counted.
"""

import argparse
import asyncio
import multiprocessing
import multiprocessing.connection
import resource
import time
from typing import cast

import httptools
import uvloop

from stepwell.drivers.http import HttpClient, HttpReply, HttpRequest, HttpResult, parse_url
from stepwell.drivers.http.url import Url

_OPCODE = b'[{"id":"98bf98df193bcce7c33e6bc50927cf2ac21206cb","op":"StepRun","data":{"ok":true}}]'
_ANSWER = (
    b"HTTP/1.1 206 Partial Content\r\n"
    b"content-type: application/json\r\n"
    b"user-agent: inngest-js:v4.18.1\r\n"
    b"x-inngest-sdk: inngest-js:v4.18.1\r\n"
    b"x-inngest-req-version: 2\r\n"
    b"x-inngest-no-retry: false\r\n"
    b"x-inngest-framework: nodejs\r\n"
    b"Date: Sat, 21 Nov 2026 08:00:00 GMT\r\n"
    b"Connection: keep-alive\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_OPCODE), _OPCODE)
)
_BODY = b'{"ctx":{"attempt":0,"run_id":"01K0RUN0000000000000000000"},"steps":{}}' * 10
_HEADERS = (
    b"Content-Type: application/json\r\nUser-Agent: stepwell\r\n"
    b"X-Run-ID: 01K0RUN0000000000000000000\r\nX-Inngest-Step-ID: step\r\n"
    b"x-inngest-req-version: 2\r\nx-request-id: 01K0REQ0000000000000000000\r\n"
    b"x-inngest-job-id: 0123456789abcdef0123456789abcdef\r\n"
)


class _Server(asyncio.Protocol):
    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(_ANSWER)


def _serve(ports: "multiprocessing.connection.Connection[int, int]") -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        ports.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


class _Load:
    """Keeps `concurrency` calls in flight until `calls` have been answered."""

    def __init__(self, client: HttpClient, url: Url, *, calls: int) -> None:
        self._client = client
        self._request = HttpRequest("POST", url, _HEADERS, _BODY)
        self._unsent = calls
        self._unanswered = calls
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self) -> None:
        if self._unsent:
            self._unsent -= 1
            self._client.send(self._request, self._answered)

    def _answered(self, result: HttpResult) -> None:
        if not isinstance(result, HttpReply):
            if not self.finished.done():
                self.finished.set_exception(RuntimeError(result.detail))
            return
        self._unanswered -= 1
        if self._unanswered == 0:
            self.finished.set_result(None)
        self.send()


async def _measure(port: int, *, calls: int, concurrency: int) -> None:
    url = parse_url(f"http://127.0.0.1:{port}/api/inngest?fnId=app-fn&stepId=step")
    assert isinstance(url, Url)
    client = HttpClient()
    for count in (min(calls, 2_000), calls):  # the first round opens connections and warms up
        load = _Load(client, url, calls=count)
        before, started_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for _ in range(concurrency):
            load.send()
        await load.finished
        after, elapsed_s = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - started_s
    user_us = (after.ru_utime - before.ru_utime) / calls * 1e6
    system_us = (after.ru_stime - before.ru_stime) / calls * 1e6
    print(
        f"{calls} calls, {concurrency} at a time: {user_us + system_us:.1f} µs CPU per call"
        f" ({user_us:.1f} user + {system_us:.1f} system), {calls / elapsed_s:,.0f} calls/s"
    )
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    options = parser.parse_args()

    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(sender,))
    server.start()
    try:
        measured = _measure(receiver.recv(), calls=options.calls, concurrency=options.concurrency)
        factory = uvloop.new_event_loop if options.loop == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(measured)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
