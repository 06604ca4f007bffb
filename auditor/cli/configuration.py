"""The configuration file as the command line sees it: defaults of options, and the policy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.policy import Config, Setting

CONFIG = "auditor.config"
"""Key in the context's `meta`: the `Config` that applies, or None."""

_OWN_NAMES = {"ignore": "ignore-codes"}
"""Options whose name is an entry's in the file."""

_UNSET = ("config", "no_config")


def configure(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read the configuration before any other option asks for its default.

    The callback of `--config`. `--no-config` is known by then, unless `--config` comes before it,
    or is on the command line and the other in the environment. Raises `UsageError`.
    """
    from auditor.policy import find_config, read_config  # noqa: PLC0415 -- `--help` needs none

    ctx.meta[CONFIG] = None
    if ctx.params.get("no_config"):
        return None
    path = Path(value) if value is not None else find_config(Path())
    if path is None:
        return None
    options = _options(ctx.command)
    settings = {name: _setting(option) for name, option in options.items()}
    config: Config = read_config(path, settings, datetime.now(tz=UTC).date())
    ctx.meta[CONFIG] = config
    ctx.default_map = {options[name].name: given for name, given in config.defaults.items()}
    return value


def config_of(ctx: click.Context) -> Config | None:
    """Return the configuration; raises `UsageError` for `--config` with `--no-config`."""
    if all(ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in _UNSET):
        raise UsageError("--config and --no-config contradict each other", "give one of them")
    config: Config | None = ctx.meta[CONFIG]
    return config


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return the options that the file may set, by the name that they have there."""
    named = {
        max(param.opts, key=len).removeprefix("--"): param
        for param in command.params
        if isinstance(param, click.Option) and param.name not in _UNSET
    }
    return {_OWN_NAMES.get(name, name): option for name, option in named.items()}


def _setting(option: click.Option) -> Setting:
    from auditor.policy import Setting  # noqa: PLC0415 -- see `configure`

    kind = option.type
    return Setting(
        many=option.multiple,
        flag=option.is_flag,
        choices=tuple(kind.choices) if isinstance(kind, click.Choice) else (),
        path=isinstance(kind, click.Path),
        codes=option.metavar == "CODES",
    )
