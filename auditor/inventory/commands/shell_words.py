"""Shell text read from left to right: words, operators, here-documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Piece(NamedTuple):
    """The words of one simple command as they stand."""

    words: tuple[str, ...]
    """At least one."""
    operator: str
    """What ends it: `&&`, `|`, `;`, a newline, a parenthesis; empty at the end of the text."""
    document: str = ""
    """The here-document that it reads."""


_PLAIN = re.compile(r"[A-Za-z_./:,+@%~^*?\[\]={}!-][\w./:,+@%~^*?\[\]={}!-]*", re.ASCII)
"""A part of a word in which nothing has a meaning of its own."""
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?[-=+?][^}]*)?\}|([A-Za-z_]\w*))", re.ASCII)
_HEREDOC = re.compile(r"<<(-?)[ \t]*(['\"]?)([A-Za-z_]\w*)\2", re.ASCII)
_OPERATOR = re.compile(r"\|\||&&|\|&|;;|[|;&\n()]")
_NOTHING = re.compile(r"[ \t\r\n;&|()]+")
"""Blanks and operators before a command."""
_REDIRECTION = re.compile(
    r"\d*(?:&>>?|>>|>\||>&|<&|<>|>|<)(?:[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|()<>]+))?"
)
_BLANK = "\0"
"""Stands in a word for blanks that the value of an unquoted variable brings."""


def pieces(text: str, known: Mapping[str, str]) -> Iterator[Piece]:
    """Yield what the operators separate; a variable that is not `known` stays as spelled."""
    reader = _Reader(text, known)
    while reader.more():
        words, operator = reader.command()
        documents = reader.documents() if operator == "\n" or not operator else []
        if words:
            yield Piece(tuple(words), operator, "\n".join(documents))


class _Reader:
    """The state of one reading."""

    def __init__(self, text: str, known: Mapping[str, str]) -> None:
        self._text = text
        self._known = known
        self._at = 0
        self._word: list[str] = []
        self._begun = False
        """A word has begun, even if it is empty so far."""
        self._words: list[str] = []
        self._announced: list[tuple[bool, str]] = []
        """Here-documents to come: whether tabs are stripped, and their delimiter."""

    def more(self) -> bool:
        """Return whether there is text left."""
        return self._at < len(self._text)

    def command(self) -> tuple[list[str], str]:
        """Read up to the next operator; give the words before it and the operator."""
        self._words = []
        operator = ""
        if not self._announced and (match := _NOTHING.match(self._text, self._at)):
            self._at = match.end()
        while self.more() and not operator:
            char = self._text[self._at]
            if char in " \t\r":
                self._end()
                self._at += 1
            elif char == "#" and not self._begun:
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end == -1 else end
            elif not self._special():
                operator = self._operator()
        self._end()
        return self._words, operator

    def documents(self) -> list[str]:
        """Read the here-documents that the line just ended has announced."""
        found = []
        for strip, delimiter in self._announced:
            lines = []
            while self.more():
                end = self._text.find("\n", self._at)
                end = len(self._text) if end == -1 else end
                line = self._text[self._at : end]
                self._at = end + 1
                if (line.lstrip("\t") if strip else line).rstrip("\r") == delimiter:
                    break
                lines.append(line)
            found.append("\n".join(lines))
        self._announced = []
        return found

    def _end(self) -> None:
        """End the word; what a variable without quotes expands to may be several or none."""
        if self._begun:
            word = "".join(self._word)
            self._words += word.replace(_BLANK, " ").split() if _BLANK in word else [word]
        self._word, self._begun = [], False

    def _take(self, text: str, length: int) -> None:
        """Add text to the word, and go on behind the `length` characters that it stood for."""
        self._word.append(text)
        self._begun = True
        self._at += length

    def _operator(self) -> str:
        """Read an operator or, where there is none, one character of a word."""
        match = _OPERATOR.match(self._text, self._at)
        if match is None:
            self._take(self._text[self._at], 1)
            return ""
        self._at = match.end()
        return match[0]

    def _special(self) -> bool:
        """Read a part of a word, a redirection or the announcement of a here-document."""
        text, at = self._text, self._at
        char = text[at]
        if match := _PLAIN.match(text, at):
            self._take(match[0], len(match[0]))
        elif char == "\\":
            follower = text[at + 1 : at + 2]
            if follower == "\n":
                self._at += 2
            else:
                self._take(follower, 2)
        elif char == "'":
            end = text.find("'", at + 1)
            end = len(text) if end == -1 else end
            self._take(text[at + 1 : end], end + 1 - at)
        elif char == '"':
            self._double_quoted()
        elif char in "$`":
            self._variable(quoted=False)
        else:
            return self._redirection()
        return True

    def _redirection(self) -> bool:
        """Skip a redirection with its target; note a here-document."""
        if match := _HEREDOC.match(self._text, self._at):
            self._announced.append((bool(match[1]), match[3]))
        elif not (match := _REDIRECTION.match(self._text, self._at)) or (
            self._begun and match[0][0].isdigit()
        ):
            return False
        self._end()
        self._at = match.end()
        return True

    def _double_quoted(self) -> None:
        text = self._text
        self._take("", 1)
        while self.more() and text[self._at] != '"':
            char, follower = text[self._at], text[self._at + 1 : self._at + 2]
            if char == "\\":
                escaped = follower in '"\\$`\n'
                self._take(("" if escaped else char) + follower.replace("\n", ""), 2)
            elif char == "$":
                self._variable(quoted=True)
            else:
                self._take(char, 1)
        self._at += 1

    def _variable(self, *, quoted: bool) -> None:
        """Read a variable: its value where it is known, else the letters as they stand."""
        match = _VARIABLE.match(self._text, self._at)
        value = self._known.get(match[1] or match[2]) if match else None
        if match is None or value is None:
            whole = match[0] if match else "$"
            self._take(whole, len(whole))
        else:
            self._take(value if quoted else re.sub(r"\s+|^$", _BLANK, value), len(match[0]))
