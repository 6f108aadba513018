"""`stepwell completion`: scripts that let a shell complete commands and flags."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_SHELLS = ("bash", "zsh", "fish", "powershell")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for a shell.

    Load it with, for example, `eval "$(stepwell completion bash)"` in ~/.bashrc.
    """
    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.ClickException(f"this version of click has no completion for {shell}")
    name = ctx.find_root().info_name or "stepwell"
    script = completion_class(ctx.find_root().command, {}, name, f"_{name.upper()}_COMPLETE")
    click.echo(script.source())
