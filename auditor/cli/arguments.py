"""The arguments that commands about images share, and the request that they mean."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from auditor.cli.artifact_options import ARTIFACT_OPTIONS, INDEX
from auditor.cli.cache import cache_dir, directory_of
from auditor.cli.configuration import configure
from auditor.cli.outputs import FILE_OPTION, FORMAT_OPTION
from auditor.model.grades import Degree, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.policy import Config
    from auditor.request import Request, Resources

NEVER = "never"
MIRROR = re.compile(r"(.+)=((?:https?|file)://.*)")


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


_OPTIONS = (
    click.option(
        "--lock",
        metavar="PATH",
        type=click.Path(),
        help="The lock; else the only pylock*.toml here.",
    ),
    FORMAT_OPTION,
    FILE_OPTION,
    click.option(
        "--python",
        metavar="PATH",
        help="Interpreter or prefix of the environment that the lock is for.",
    ),
    click.option("--platform", metavar="OS/ARCH", help="Which image of a multi-platform one."),
    click.option(
        "--all-platforms", is_flag=True, help="Compare with the other platforms of the image too."
    ),
    click.option("--plain-http", is_flag=True, help="Reach the registry without TLS."),
    click.option(
        "--tls-ca",
        metavar="FILE",
        type=click.Path(),
        help="Certificates to trust for the registry; else SSL_CERT_FILE, or this machine's.",
    ),
    click.option("--extra", metavar="NAME", multiple=True, help="Extra of the lock to expect."),
    click.option("--group", metavar="NAME", multiple=True, help="Group to expect as well."),
    click.option("--no-default-groups", is_flag=True, help="Expect only the groups given."),
    click.option("--own", metavar="NAME", multiple=True, help="The project's own distribution."),
    click.option("--base", metavar="IMAGE", help="The image that this one is built on."),
    click.option(
        "--expect-digest",
        metavar="DIGEST",
        help="Audit only an image with this digest (configuration or manifest).",
    ),
    click.option(
        "--fail-on",
        type=click.Choice([*(level.value for level in Severity), NEVER]),
        default=Severity.WARNING.value,
        show_default=True,
        help="Least severity that counts.",
    ),
    click.option(
        "--require",
        type=click.Choice([degree.value for degree in Degree]),
        help="Least evidence; less makes the audit incomplete.",
    ),
    click.option("--select", metavar="CODES", multiple=True, help="Count these only (prefixes)."),
    click.option("--ignore", metavar="CODES", multiple=True, help="Do not count these (prefixes)."),
    click.option("--bytecode", is_flag=True, help="Compare every compiled file with its source."),
    click.option("--no-run", is_flag=True, help="Run nothing: do not ask pip list in a container."),
    click.option(
        "--quick",
        is_flag=True,
        help="Ask the image's interpreter what is installed, and read no file.",
    ),
    *ARTIFACT_OPTIONS,
    cache_dir,
    click.option("--no-cache", is_flag=True, help="Neither read nor write the cache."),
    click.option(
        "--verify",
        is_flag=True,
        help="Read every byte although its layer is known; check unpacked layers' digests too.",
    ),
    click.option("--no-config", is_flag=True, is_eager=True, help="Read no configuration file."),
    click.option(
        "--config",
        metavar="PATH",
        type=click.Path(),
        is_eager=True,
        callback=configure,
        help="Configuration; else auditor.toml or [tool.auditor] here or above.",
    ),
    click.option(
        "--progress/--no-progress", default=None, help="Show progress; by default on a terminal."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error but errors."),
    click.option("-v", "--verbose", is_flag=True, help="Log each step; show tracebacks."),
)


def image_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def request_of(given: CheckArguments, config: Config | None) -> Request:
    """Return the audit that the arguments ask for; `config` has given them its defaults."""
    from auditor.model import Policy  # noqa: PLC0415 -- `--help` needs none of it
    from auditor.request import Request  # noqa: PLC0415

    policy = config.policy if config else Policy()
    from_config = config is not None and config.defaults.get("lock") == given["lock"] is not None
    return Request(
        image=given["image"],
        lock=given["lock"],
        lock_named_by=f"`lock` in {policy.path}" if from_config else "`--lock PATH`",
        platform=given["platform"],
        all_platforms=given["all_platforms"],
        python=given["python"],
        extras=given["extra"],
        groups=given["group"],
        default_groups=not given["no_default_groups"],
        own=given["own"],
        base=given["base"],
        expect_digest=given["expect_digest"],
        fail_on=None if given["fail_on"] == NEVER else Severity(given["fail_on"]),
        require=Degree(given["require"]) if given["require"] else None,
        select=given["select"],
        ignore=given["ignore"],
        policy=policy,
        quick=given["quick"],
        run=not given["no_run"],
        bytecode=given["bytecode"],
        attestations=given["attestations"],
        verify=given["verify"],
    )


def resources_of(given: CheckArguments) -> Resources:
    """Return what the audits of this process share; raises `UsageError`."""
    from auditor.request import Resources  # noqa: PLC0415 -- `--help` needs none of it

    cache = None if given["no_cache"] else directory_of(given["cache_dir"])
    if cache and given["cache_dir"] and cache.is_dir() and not os.access(cache, os.W_OK):
        logging.getLogger("auditor").warning(
            "--cache-dir %s is not writable: nothing is kept", cache
        )
    resources = Resources.of_user()
    named = os.environ.get("PIP_CACHE_DIR")
    return replace(
        resources,
        cache=cache,
        pip_cache=Path(named) if named else resources.pip_cache,
        manifests=given["manifests"],
        wheelhouses=tuple(map(Path, given["wheelhouse"])),
        mirrors=tuple(_mirror(mirror) for mirror in given["mirror"]),
        index_urls=given["index_url"],
        offline=given["offline"],
        index_evidence=given["evidence"] == INDEX,
        plain_http=given["plain_http"],
        tls_ca=given["tls_ca"],
    )


def _mirror(text: str) -> tuple[str, str]:
    found = MIRROR.fullmatch(text)
    assert found is not None  # noqa: S101 -- `check_arguments` refuses others
    return found[1], found[2]
