"""`stepwell openapi`."""

import click
import msgspec

from stepwell import __version__

__all__ = ["openapi"]


@click.command()
def openapi() -> None:
    """Print what the HTTP API takes and answers, as an OpenAPI 3.1 document.

    It is that of a server in production, which asks for keys. A server shows its own at
    /v1/openapi.json.
    """
    # The whole API takes half a second to import, which other commands can do without.
    from stepwell.api.openapi.document import document  # noqa: PLC0415
    from stepwell.api.openapi.surface import declared_routes  # noqa: PLC0415

    shown = document(declared_routes(), version=__version__)
    click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
