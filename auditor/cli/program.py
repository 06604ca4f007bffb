"""The group of commands, each imported only when it is asked for."""

from __future__ import annotations

import traceback
from importlib import import_module
from typing import Any

import click

from auditor.cli.terminal import print_error, print_interrupted
from auditor.errors import AuditorError, unexpected
from auditor.version import __version__

COMMANDS = ("cache", "check", "explain", "render")
"""Every command: the module `auditor.cli.NAME` holds it under the same name."""

VERBOSE = "auditor.verbose"
"""Key in the context's `meta`, set once a command runs: whether to print tracebacks."""


class Program(click.Group):
    """Finds the commands, and catches unexpected errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102, RUF100
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = vars(import_module(f"auditor.cli.{cmd_name}"))[cmd_name]
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own signature
        """Run the command; a bug of ours is printed as one line too, and fails the process."""
        try:
            return super().invoke(ctx)
        except (AuditorError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            return print_interrupted()
        except Exception as error:
            if isinstance(error, BrokenPipeError) and VERBOSE not in ctx.meta:
                raise  # help into a closed pipe: click knows what to do
            if ctx.meta.get(VERBOSE):
                traceback.print_exc()
            return print_error(unexpected(error))


@click.group(
    cls=Program,
    no_args_is_help=False,  # a mistake like any other: one line and exit 2
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="auditor")
def program() -> None:
    """Prove that a container image holds exactly what its pylock.toml says."""
