"""`auditor check`: the main job."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict, Unpack

import click
from click.core import ParameterSource

from auditor.cli.artifact_options import artifact_options, check_artifact_options
from auditor.cli.cache import cache_dir
from auditor.cli.configuration import config_of, configure
from auditor.cli.outputs import FILE, FORMAT, outputs_of
from auditor.cli.program import VERBOSE
from auditor.errors import UsageError
from auditor.model import Degree, Severity
from auditor.report.formats import FORMATS

NEVER = "never"
_ORDER = "auditor.order"
_FOR_FILES = (
    *(
        "all_platforms",
        "attestations",
        "base",
        "bytecode",
        "evidence",
        "index_url",
        "manifests",
        "mirror",
    ),
    *("no_run", "verify", "wheelhouse"),
)
"""Options that mean nothing where no file is read."""


class CheckArguments(TypedDict):
    """What the command line and the environment say, by parameter."""

    image: str
    lock: str | None
    format: tuple[str, ...]
    output: tuple[str, ...]
    python: str | None
    platform: str | None
    all_platforms: bool
    plain_http: bool
    tls_ca: str | None
    extra: tuple[str, ...]
    group: tuple[str, ...]
    no_default_groups: bool
    own: tuple[str, ...]
    base: str | None
    expect_digest: str | None
    fail_on: str
    require: str | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    no_run: bool
    quick: bool
    bytecode: bool
    evidence: str
    offline: bool
    wheelhouse: tuple[str, ...]
    mirror: tuple[str, ...]
    index_url: tuple[str, ...]
    attestations: bool
    manifests: str | None
    cache_dir: str | None
    no_cache: bool
    verify: bool
    progress: bool | None
    quiet: bool
    verbose: bool
    config: str | None
    no_config: bool


class Ordered(click.Command):
    """Remembers how `--format` and `-o` followed each other, and takes no option in vain."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as every command does, and note the order of the two.

        Raises `UsageError` where an option that has one value is given twice.
        """
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for param, times in Counter(order).items():
            if (
                times > 1
                and isinstance(param, click.Option)
                and not (param.multiple or param.is_flag)
            ):
                name = max(param.opts, key=len)
                raise UsageError(f"{name} is given {times} times", "give it once")
        ctx.meta[_ORDER] = [param.name for param in order if param.name in (FORMAT, FILE)]
        return super().parse_args(ctx, args)


@click.command(
    cls=Ordered,
    context_settings={"auto_envvar_prefix": "AUDITOR"},
    epilog="Every option can be set in the environment too: --fail-on is AUDITOR_FAIL_ON. "
    "Exit code: 0 consistent, 1 drift, 2 the command or the lock is wrong, 3 the audit is "
    "incomplete or did not happen.",
)
@click.argument("image")
@click.option(
    "--lock", metavar="PATH", type=click.Path(), help="The lock; else the one pylock*.toml here."
)
@click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=["table"],
    show_default=True,
    help="How to report; repeatable.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    multiple=True,
    help="File for the --format before it.",
)
@click.option(
    "--python",
    metavar="PATH",
    help="Interpreter or prefix of the environment that the lock is for.",
)
@click.option("--platform", metavar="OS/ARCH", help="Which image of a multi-platform one.")
@click.option(
    "--all-platforms", is_flag=True, help="Compare with the other platforms of the image too."
)
@click.option("--plain-http", is_flag=True, help="Reach the registry without TLS.")
@click.option(
    "--tls-ca",
    metavar="FILE",
    type=click.Path(),
    help="Certificates to trust for the registry; else SSL_CERT_FILE, or this machine's.",
)
@click.option("--extra", metavar="NAME", multiple=True, help="Extra of the lock to expect.")
@click.option("--group", metavar="NAME", multiple=True, help="Group to expect as well.")
@click.option("--no-default-groups", is_flag=True, help="Expect only the groups given.")
@click.option("--own", metavar="NAME", multiple=True, help="The project's own distribution.")
@click.option("--base", metavar="IMAGE", help="The image that this one is built on: tell its part.")
@click.option(
    "--expect-digest",
    metavar="DIGEST",
    help="Audit only an image with this digest (configuration or manifest).",
)
@click.option(
    "--fail-on",
    type=click.Choice([*(level.value for level in Severity), NEVER]),
    default=Severity.WARNING.value,
    show_default=True,
    help="Least severity that counts.",
)
@click.option(
    "--require",
    type=click.Choice([degree.value for degree in Degree]),
    help="Least evidence; less makes the audit incomplete.",
)
@click.option("--select", metavar="CODES", multiple=True, help="Count these only (prefixes).")
@click.option("--ignore", metavar="CODES", multiple=True, help="Do not count these (prefixes).")
@click.option("--bytecode", is_flag=True, help="Compare every compiled file with its source.")
@click.option("--no-run", is_flag=True, help="Run nothing: do not ask pip list in a container.")
@click.option(
    "--quick",
    is_flag=True,
    help="Ask the image's interpreter what is installed, and read no file.",
)
@artifact_options
@cache_dir
@click.option("--no-cache", is_flag=True, help="Remember nothing, and use nothing remembered.")
@click.option(
    "--verify",
    is_flag=True,
    help="Read every byte although its layer is known; check unpacked layers' digests too.",
)
@click.option("--no-config", is_flag=True, is_eager=True, help="Read no configuration file.")
@click.option(
    "--config",
    metavar="PATH",
    type=click.Path(),
    is_eager=True,
    callback=configure,
    help="Configuration; else auditor.toml or [tool.auditor] here or above.",
)
@click.option("--progress/--no-progress", default=None, help="Progress bar; else if on a terminal.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is done; show tracebacks.")
def check(**given: Unpack[CheckArguments]) -> int:
    """Compare IMAGE with its lock file.

    IMAGE is docker:NAME (or just NAME), container:ID, registry:HOST/REPO:TAG (or @DIGEST),
    docker-archive:FILE, oci:DIR[:TAG], oci-archive:FILE, dir:ROOTFS or env:PREFIX; an existing
    path is recognised by its content.
    """
    ctx = click.get_current_context()
    meta = ctx.meta
    meta[VERBOSE] = given["verbose"]
    config = config_of(ctx)
    _check_registry(ctx, given)
    check_artifact_options(ctx, given)
    if given["quick"]:
        _check_quick(ctx)
    outputs = outputs_of(meta[_ORDER], given["format"], given["output"])
    if given["quick"]:
        from auditor.cli.asking import asking  # noqa: PLC0415 -- `--help` needs none of it

        with asking(given) as asked:
            asked[1].begun()
            from auditor.cli.auditing import audit_image  # noqa: PLC0415 -- while others work

            return audit_image(given, outputs, config, asked)

    from auditor.cli.auditing import audit_image  # noqa: PLC0415

    return audit_image(given, outputs, config)


def _check_registry(ctx: click.Context, given: CheckArguments) -> None:
    """Refuse options on the command line that only a registry knows, where none is asked."""
    if any(image.startswith("registry:") for image in (given["image"], given["base"] or "")):
        return
    for option in ("plain_http", "tls_ca"):
        if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{option.replace('_', '-')} is about a registry, and no image is from one",
                "write registry:HOST/REPO:TAG, or leave the option out",
            )


def _check_quick(ctx: click.Context) -> None:
    """Refuse options on the command line that a quick audit cannot follow."""
    for option in _FOR_FILES:
        if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--quick reads no file and asks one interpreter: --{option.replace('_', '-')} "
                "contradicts it",
                "leave one of them out",
            )
