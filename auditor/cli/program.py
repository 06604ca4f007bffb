"""The group of commands, each imported only when it is asked for."""

from __future__ import annotations

import traceback
from importlib import import_module
from typing import Any

import click

from auditor.cli.terminal import complain, interrupted
from auditor.errors import AuditorError, ImageError
from auditor.version import __version__

COMMANDS = ("cache", "check", "explain", "render")
"""Every command: the module `auditor.cli.NAME` holds it under the same name."""

VERBOSE = "auditor.verbose"
"""Key in the context's `meta`, set once a command runs: whether a traceback is welcome."""


class Program(click.Group):
    """Finds the commands, and is the last stop for errors that nobody foresaw."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002, D102, RUF100
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = vars(import_module(f"auditor.cli.{cmd_name}"))[cmd_name]
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own signature
        """Run the command; a mistake of ours is one line too, and never a pass."""
        try:
            return super().invoke(ctx)
        except (AuditorError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            return interrupted()
        except Exception as error:
            if isinstance(error, BrokenPipeError) and VERBOSE not in ctx.meta:
                raise  # help that nobody reads to its end: click knows what to do
            if ctx.meta.get(VERBOSE):
                traceback.print_exc()
            return complain(_unexpected(error))


def _unexpected(error: Exception) -> ImageError:
    return ImageError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a mistake in auditor: run again with -v and report what it prints",
    )


@click.group(
    cls=Program,
    no_args_is_help=False,  # a mistake like any other: one line and exit 2
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="auditor")
def program() -> None:
    """Prove that a container image holds exactly what its pylock.toml says."""
