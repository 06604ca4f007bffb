from __future__ import annotations

import time

import pytest

from auditor.inventory.commands.shell import MAX_COMMANDS, MAX_TEXT, commands

CASES = {
    "empty": ("", []),
    "one": ("pip install x", ["pip install x"]),
    "and": ("a 1 && b 2", ["a 1", "b 2"]),
    "or": ("a || b", ["a", "b"]),
    "semicolon-and-background": ("a; b & c", ["a", "b", "c"]),
    "newline": ("a\nb", ["a", "b"]),
    "continued-line": ("a 1 \\\n  2 && \\\n b", ["a 1 2", "b"]),
    "comment": ("a # b\nc", ["a", "c"]),
    "hash-in-a-word": ("a b#c", ["a b#c"]),
    "single-quotes": ("a 'b; c' d", ["a b; c d"]),
    "double-quotes": ('a "b && $c \\" \\x"', ['a b && $c " \\x']),
    "empty-word": ("a '' b", ["a  b"]),
    "glued-quotes": ("a b'c'\"d\"", ["a bcd"]),
    "escaped": ("a\\ b c", ["a b c"]),
    "unclosed-quote": ("a 'b c", ["a b c"]),
    "unclosed-double-quote": ('a "b c', ["a b c"]),
    "subshell": ("(a; b) && c", ["a", "b", "c"]),
    "group": ("{ a; b; }", ["a", "b"]),
    "substitution": ("a $(b c) d", ["a $", "b c", "d"]),
    "if": ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
    "loop": ("while a; do b; done", ["a", "b"]),
    "not": ("! a", ["a"]),
    "redirected": ("a >/dev/null 2>&1 < in b >> log", ["a b"]),
    "redirected-to-a-quoted-name": ("a > 'my file' b &> x", ["a b"]),
    "number-is-no-redirection": ("a 2 3", ["a 2 3"]),
    "assignment-before": ("A=1 B=2 pip x", ["pip x"]),
    "assigned": ("A=1; a $A ${A} $B", ["a 1 1 $B"]),
    "exported": ("export A=1 B=2 && a $A$B", ["a 12"]),
    "default-value": ("a ${A:-x} ${B:-y}", ["a known ${B:-y}"]),
    "splits-a-value": ("a $TWO", ["a one two"]),
    "keeps-a-quoted-value": ('a "$TWO"', ["a one two"]),
    "empty-value": ("a $NONE b", ["a b"]),
    "lone-dollar": ("a $ b", ["a $ b"]),
    "xargs": ("a | xargs -n 1 pip install", ["a", "pip install"]),
    "busybox": ("busybox wget x", ["wget x"]),
    "sh-c": ("sh -c 'a && b'", ["a", "b"]),
    "bash-lc": ("/bin/bash -o pipefail -lc 'a | b'", ["a", "b"]),
    "su-c": ("su app -c 'a b'", ["a b"]),
    "eval": ("eval 'a b' c", ["a b c"]),
    "script": ("sh run.sh -c x", ["sh run.sh -c x"]),
    "sh-without-text": ("sh -c", ["sh -c"]),
    "deeper-than-followed": ("eval eval eval eval eval a", ["eval a"]),
    "heredoc": ("cat <<EOF > f\npip install no\nEOF\nb", ["cat", "b"]),
    "heredoc-with-tabs": ("cat <<-'X'\n\tno\n\tX\nb", ["cat", "b"]),
    "heredoc-to-a-shell": ("bash <<EOF\na b\nc\nEOF\nd", ["a b", "c", "d"]),
    "heredoc-piped-to-a-shell": ("cat <<EOF | sh\na b\nEOF\nc", ["cat", "a b", "c"]),
    "heredoc-after-an-operator": ("cat <<EOF &&\nno\nEOF\nc", ["cat", "c"]),
    "line-that-ends-in-a-pipe": ("a |\n b", ["a", "b"]),
    "heredoc-without-an-end": ("cat <<EOF\na", ["cat"]),
    "only-a-launcher": ("sudo", []),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_simple_commands(text: str, expected: list[str]) -> None:
    env = {"A": "known", "TWO": "one two", "NONE": ""}
    if "A=1" in text:
        del env["A"]
    assert [" ".join(each.words) for each in commands(text, env)] == expected


def test_a_pipeline_knows_where_it_begins() -> None:
    found = list(commands("curl x | tee log | sh; b"))
    assert [each.piped_from for each in found] == [(), ("curl", "x"), ("curl", "x"), ()]


def test_variables_reach_the_command_and_what_follows_an_export() -> None:
    found = list(commands("export A=1; B=2 a; c", {"C": "3"}))
    assert [dict(each.env) for each in found] == [
        {"A": "1", "B": "2", "C": "3"},
        {"A": "1", "C": "3"},
    ]
    assert found[0].name == "a"


@pytest.mark.parametrize(
    "text", [each * MAX_TEXT for each in ("a;", "(", "$", "'", "${A:-", "1")] + ["<<A\n" * 60_000]
)
def test_hostile_text_is_bounded(text: str) -> None:
    started = time.monotonic()
    assert len(list(commands(text))) <= MAX_COMMANDS
    assert time.monotonic() - started < 10
