"""uvicorn's WebSockets, made to leave nothing behind of clients that break off or make no sense.

Importing this takes as long as a tenth of a start does.
"""

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["SocketProtocol"]


class SocketProtocol(WebSocketsSansIOProtocol):
    """A connection that has become a WebSocket, or wants to."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # The head of the request comes in one piece. If the library cannot read it, or finds it too
        # long, nobody else would send its answer and close the connection.
        if not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        # The application learns only with its next turn that a client was hung up on.
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)
        # Otherwise a refusal in HTTP would be logged as an error.
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True
