"""`stepwell health`: whether a server answers, for containers that have no other client."""

import json
import urllib.error
import urllib.request
from typing import Final

import click

from stepwell.cli.serving import settings_from
from stepwell.cli.setting_flags import config_flag, flag_for
from stepwell.server.options import OPTIONS, Mode
from stepwell.server.settings import Settings

__all__ = ["health"]

_HEALTHY: Final = "/health"
_READY: Final = "/health/ready"
_TIMEOUT_S: Final = 5.0
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared only
_BY_NAME: Final = {option.name: option for option in OPTIONS}


@click.command()
@config_flag
@flag_for(_BY_NAME["host"])
@flag_for(_BY_NAME["port"])
@click.option("--ready", is_flag=True, help="Ask whether it should be sent requests, too.")
@click.pass_context
def health(ctx: click.Context, /, *, ready: bool, **flags: object) -> None:
    """Ask a server whether it is healthy; the exit status is 1 if it is not.

    Host and port are found as the server itself finds them. A server that is not ready should be
    left alone until it is; one that is not healthy should be started again.
    """
    # The mode that requires no keys, because none are needed to ask.
    settings = settings_from(Mode.DEV, ctx, flags)
    url = _url(settings) + (_READY if ready else _HEALTHY)
    # A proxy of the machine has nothing to do with a server beside us.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        # The server says why, in a line that is meant for everybody.
        with error:
            raise click.ClickException(_told(url, error.code, error.read())) from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise click.ClickException(f"{url} does not answer: {reason}") from error
    if status != 200:
        raise click.ClickException(_told(url, status, b""))
    click.echo("ready" if ready else "healthy")


def _told(url: str, status: int, body: bytes) -> str:
    try:
        told = json.loads(body).get("error", "")
    except (ValueError, AttributeError):
        told = ""
    shown = f": {told}" if isinstance(told, str) and told.isprintable() and told else ""
    return f"{url} answers with status {status}{shown}"


def _url(settings: Settings) -> str:
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    authority = f"[{host}]" if ":" in host else host
    return f"http://{authority}:{settings.port}"
