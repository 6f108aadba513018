"""`stepwell health`: whether a server answers, for containers that have no other client."""

import urllib.error
import urllib.request
from typing import Final

import click

from stepwell.cli.serving import settings_from
from stepwell.cli.setting_flags import config_flag, flag_for
from stepwell.server.options import OPTIONS, Mode
from stepwell.server.settings import Settings

__all__ = ["health"]

_TIMEOUT_S: Final = 5.0
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared only
_BY_NAME: Final = {option.name: option for option in OPTIONS}


@click.command()
@config_flag
@flag_for(_BY_NAME["host"])
@flag_for(_BY_NAME["port"])
@click.pass_context
def health(ctx: click.Context, /, **flags: object) -> None:
    """Ask a server whether it is healthy; the exit status is 1 if it is not.

    Host and port are found as the server itself finds them.
    """
    # The mode that requires no keys, because none are needed to ask.
    url = _url(settings_from(Mode.DEV, ctx, flags))
    # A proxy of the machine has nothing to do with a server beside us.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise click.ClickException(f"{url} does not answer: {reason}") from error
    if status != 200:
        raise click.ClickException(f"{url} answers with status {status}")
    click.echo("healthy")


def _url(settings: Settings) -> str:
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    authority = f"[{host}]" if ":" in host else host
    return f"http://{authority}:{settings.port}/health"
