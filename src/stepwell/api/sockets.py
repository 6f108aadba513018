"""Answers to WebSockets that are not accepted."""

from starlette.types import Scope, Send

from stepwell.api.responses import TEXT

__all__ = ["refuse_socket"]


async def refuse_socket(scope: Scope, send: Send, status: int, text: bytes) -> None:
    """Answer the handshake with an HTTP status; browsers do not tell their pages which."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    headers = [TEXT, (b"content-length", b"%d" % len(text))]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": text})
