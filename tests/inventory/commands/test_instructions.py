from __future__ import annotations

import pytest

from auditor.inventory.commands.instructions import parse, run_commands, shown_instruction

DIGEST = "0" * 64

PARSED = {
    "empty": ("", "", ""),
    "classic-nop": (
        f"/bin/sh -c #(nop) COPY dir:{DIGEST} in /opt ",
        "COPY",
        f"dir:{DIGEST} in /opt",
    ),
    "classic-nop-cmd": ('/bin/sh -c #(nop)  CMD ["python3"]', "CMD", '["python3"]'),
    "classic-nop-strange": ("/bin/sh -c #(nop) what", "", "/bin/sh -c #(nop) what"),
    "classic-run": ("/bin/sh -c pip install x", "RUN", "pip install x"),
    "classic-arguments": ("|1 A=1 /bin/sh -c pip install x", "RUN", "pip install x"),
    "buildkit-run": ("RUN /bin/sh -c pip install x # buildkit", "RUN", "pip install x"),
    "buildkit-arguments": (
        "RUN |2 A=1 B=two words /bin/bash -o pipefail -c pip install $B # buildkit",
        "RUN",
        "pip install $B",
    ),
    "buildkit-heredoc": ("RUN /bin/sh -c a\nb\n # buildkit", "RUN", "a\nb"),
    "buildkit-copy": ("COPY --chown=1 src dst # buildkit", "COPY", "--chown=1 src dst"),
    "buildkit-json": ('RUN ["pip", "install", "x"] # buildkit', "RUN", '["pip", "install", "x"]'),
    "buildkit-exec-form": ("RUN pip install x # buildkit", "RUN", "pip install x"),
    "kaniko": ("RUN pip install x", "RUN", "pip install x"),
    "mount": ("RUN --mount=type=cache,target=/c pip install x", "RUN", "pip install x"),
    "buildah": ("/bin/sh -c pip install x", "RUN", "pip install x"),
    "buildpacks": ("Buildpacks Launcher Config", "", "Buildpacks Launcher Config"),
    "bazel": ("bazel build ...", "", "bazel build ..."),
    "onbuild": ("/bin/sh -c #(nop)  ONBUILD RUN pip install x", "ONBUILD", "RUN pip install x"),
    "too-few-arguments": ("|9 A=1 pip", "RUN", "pip"),
    "no-name": ("|1 /bin/sh -c a", "RUN", "a"),
    "argument-alone": ("|1 A=1", "RUN", ""),
}


@pytest.mark.parametrize(("created_by", "kind", "text"), PARSED.values(), ids=PARSED)
def test_parsed(created_by: str, kind: str, text: str) -> None:
    found = parse(created_by)
    assert (found.kind, found.text) == (kind, text)


def test_build_arguments() -> None:
    found = parse("|3 A=1 B=two words C= /bin/sh -c a")
    assert found.args == {"A": "1", "B": "two words", "C": ""}


RUN = {
    "argument": (
        "RUN |1 X=requests /bin/sh -c pip install $X # buildkit",
        ["pip install requests"],
    ),
    "image-variable": ("RUN /bin/sh -c pip install $Y # buildkit", ["pip install flask"]),
    "json": ('RUN ["sh", "-c", "pip install x && rm y"]', ["pip install x", "rm y"]),
    "json-exec": ('RUN ["sudo", "pip", "install", "x y"]', ["pip install x y"]),
    "no-json": ("RUN [ -f x ] && pip install y", ["[ -f x ]", "pip install y"]),
    "broken-json": ('RUN ["pip", 1] # buildkit', ["[pip, 1]"]),
    "copy": ("COPY pip install # buildkit", []),
    "nothing-known": ("pip install x", ["pip install x"]),
}


@pytest.mark.parametrize(("created_by", "expected"), RUN.values(), ids=RUN)
def test_commands_of_an_instruction(created_by: str, expected: list[str]) -> None:
    found = run_commands(parse(created_by), {"Y": "flask"})
    assert [" ".join(each.words) for each in found] == expected


SHORT = {
    "empty": ("", ""),
    "copy": (f"/bin/sh -c #(nop) COPY dir:{DIGEST} in /opt/venv ", "COPY dir in /opt/venv"),
    "run": ("RUN |1 TOKEN=abc /bin/sh -c a &&  \t  b\n c # buildkit", "RUN a && b c"),
    "url": (
        "RUN pip install -i https://me:pass@host/simple x",
        "RUN pip install -i https://***@host/simple x",
    ),
    "assigned": ("RUN MY_PASSWORD='a b' TOKEN=x pip y", "RUN MY_PASSWORD=*** TOKEN=*** pip y"),
    "variable-is-no-secret": ("RUN a --token=$TOKEN", "RUN a --token=$TOKEN"),
    "option": ("RUN a --password secret --api-key=k b", "RUN a --password *** --api-key=*** b"),
    "header": (
        "RUN curl -H 'Authorization: Bearer abc' x",
        "RUN curl -H 'Authorization: Bearer ***' x",
    ),
    "env": ("ENV API_TOKEN=abc A=1", "ENV API_TOKEN=*** A=1"),
    "arg-classic": ("/bin/sh -c #(nop)  ARG DB_PASSWORD=x", "ARG DB_PASSWORD=***"),
    "author-is-no-secret": ("LABEL author=me", "LABEL author=me"),
    "long": ("RUN " + "a" * 300, "RUN " + "a" * 193 + "..."),
}


@pytest.mark.parametrize(("created_by", "expected"), SHORT.values(), ids=SHORT)
def test_short_form_for_people(created_by: str, expected: str) -> None:
    assert shown_instruction(created_by) == expected
