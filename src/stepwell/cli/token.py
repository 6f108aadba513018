"""`stepwell token`: the token with which those who run a server prove themselves."""

from stepwell.cli.operators import Console, operator_group, pass_console

__all__ = ["token"]

token = operator_group("token", "Replace the operator token of a server in production.")


@token.command("replace", short_help="Make another operator token, and print it.")
@pass_console
def replace(console: Console) -> None:
    """Make another operator token in place of the one that is given, and print it.

    The old one and all sessions of the dashboard end at once. If the answer is lost on its way, or
    the old token is, stop the server and use `stepwell db replace-token`.
    """
    with console.client() as client:
        made = client.replace_token()
    if console.as_json:
        console.object({"token": made})
    else:
        console.lines([made])
        console.remark("The one before does not hold any more.")
