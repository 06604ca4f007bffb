"""Arguments of a program: which words are options, and which are their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_PIP_OPTIONS = """
-r -c -e -t -i -f -C -p -P -b -w --requirement --requirements --constraint --constraints --editable
--target --platform --python-version --python-platform --implementation --abi --root --prefix
--src --upgrade-strategy --config-settings --config-setting --global-option --no-binary
--only-binary --progress-bar --root-user-action --report --index-url --extra-index-url
--find-links --log --keyring-provider --proxy --retries --timeout --default-timeout
--exists-action --trusted-host --allow-insecure-host --cert --client-cert --cache-dir
--use-feature --use-deprecated --python --group --only-group --no-group --build-constraint
--build-constraints --index --default-index --index-strategy --resolution --prerelease
--link-mode --refresh-package --upgrade-package --reinstall-package --no-build-package
--exclude-newer --torch-backend --extra --override --overrides --directory --project
--config-file --color --with --with-requirements --with-editable --package --env-file
"""
_CONDA_OPTIONS = """
-n --name -p --prefix -c --channel -f --file --solver --repodata-fn --platform --subdir -r
--root-prefix --rc-file
"""
PIP = frozenset(_PIP_OPTIONS.split())
"""Options of pip, uv and their like that take the next word."""
CONDA = frozenset(_CONDA_OPTIONS.split())


class Arguments(NamedTuple):
    """The arguments of a program, parsed."""

    positional: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    """Options with their values, empty for those that take none."""

    def has(self, *names: str) -> bool:
        """Return whether one of the options is given."""
        return any(name in names for name, _ in self.options)

    def values(self, *names: str) -> list[str]:
        """Return the values of some options."""
        return [value for name, value in self.options if name in names]


def parse_arguments(
    words: Sequence[str], valued: Container[str] = PIP, *, interspersed: bool = True
) -> Arguments:
    """Parse the words after a program's name; the options in `valued` take the next word.

    Unless options may be `interspersed`, they end at the first positional argument, as POSIX has
    it: all that follows is positional.
    """
    positional: list[str] = []
    options: list[tuple[str, str]] = []
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        name, sign, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            positional.append(word)
            if not interspersed:
                break
        elif word == "--":
            break
        elif word.startswith("--") and sign:
            options.append((name, value))
        elif word in valued:
            options.append((word, waiting.pop() if waiting else ""))
        elif word[:2] in valued and not word.startswith("--"):
            options.append((word[:2], word[2:]))
        else:
            options.append((word, ""))
    return Arguments((*positional, *reversed(waiting)), tuple(options))
