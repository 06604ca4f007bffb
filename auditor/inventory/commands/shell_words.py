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


_VARIABLE = r"\$(?:\{(?P<braced>[A-Za-z_]\w*)(?::?[-=+?][^}]{0,500})?\}|(?P<bare>[A-Za-z_]\w*))"
_TOKEN = re.compile(
    r"""(?xas)
      (?P<continuation> \\\n )
    | (?P<blank> [ \t\r]+ )
    | (?P<plain> [A-Za-z_./:,+@%~^*?\[\]={}!-][\w./:,+@%~^*?\[\]={}!-]* )
    | \\(?P<escaped> .? )
    | '(?P<single> [^']* )'?
    | "(?P<double> [^"\\]*+ (?: \\.[^"\\]*+ )*+ \\? )"?
    | (?P<variable> VARIABLE )
    | <<(?P<document> (?P<tabs> -? ) [ \t]* (?P<quote> ['"]? ) (?P<end> [A-Za-z_]\w* ) (?P=quote) )
    | (?P<redirection> (?P<descriptor> \d{0,9} ) (?: &>>? | >> | >\| | >& | <& | <> | > | < )
        (?: [ \t]* (?: "[^"\n]*" | '[^'\n]*' | [^\s;&|()<>]+ ) )? )
    | (?P<operator> \|\| | && | \|& | ;; | [|;&\n()] )
    | (?P<comment> \# )
    | (?P<other> . )
    """.replace("VARIABLE", _VARIABLE)
)
_PARTS = frozenset({"plain", "escaped", "single", "double", "variable", "other"})
"""Tokens that are parts of a word."""
_IN_DOUBLE_QUOTES = re.compile(rf"(?as)\\(?P<escaped>.?)|{_VARIABLE}")
_NOTHING = re.compile(r"[ \t\r\n;&|()]+")
"""Blanks and operators before a command."""
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
        self._announced: list[tuple[str, str]] = []
        """Here-documents to come: `-` where tabs are stripped, and the delimiter."""

    def more(self) -> bool:
        """Return whether there is text left."""
        return self._at < len(self._text)

    def command(self) -> tuple[list[str], str]:
        """Read up to the next operator; return the words before it and the operator."""
        words: list[str] = []
        parts: list[str] = []
        """Of the word that has begun; an empty word has an empty part."""
        operator = ""
        if not self._announced and (match := _NOTHING.match(self._text, self._at)):
            self._at = match.end()
        while not operator and (match := _TOKEN.match(self._text, self._at)):
            kind, self._at = match.lastgroup or "", match.end()
            if parts and (kind == "comment" or match["descriptor"]):
                # Inside a word, `#` and the digits before a redirection are parts of it.
                kind, self._at = "other", match.start() + 1
            if kind in _PARTS:
                parts.append(self._part(kind, match))
            elif kind != "continuation":
                words += _words(parts)
                parts = []
                operator = match["operator"] or ""
                if kind == "document":
                    self._announced.append((match["tabs"], match["end"]))
                elif kind == "comment":
                    end = self._text.find("\n", self._at)
                    self._at = len(self._text) if end == -1 else end
        return words + _words(parts), operator

    def documents(self) -> list[str]:
        """Read the here-documents that the line just ended has announced."""
        found = []
        for tabs, delimiter in self._announced:
            lines = []
            while self.more():
                start, end = self._at, self._text.find("\n", self._at)
                self._at = len(self._text) if end == -1 else end + 1
                line = self._text[start : self._at].removesuffix("\n")
                if (line.lstrip("\t") if tabs else line).rstrip("\r") == delimiter:
                    break
                lines.append(line)
            found.append("\n".join(lines))
        self._announced = []
        return found

    def _part(self, kind: str, match: re.Match[str]) -> str:
        """Return the letters that a part of a word stands for."""
        if kind == "double":
            return _IN_DOUBLE_QUOTES.sub(self._in_double_quotes, match["double"])
        if kind == "variable":
            value = self._value(match)
            return match[0] if value is None else re.sub(r"\s+|^$", _BLANK, value)
        return match[0][0] if kind == "other" else match[kind]

    def _in_double_quotes(self, match: re.Match[str]) -> str:
        """Return what an escape or a variable in double quotes stands for."""
        escaped = match["escaped"]
        if escaped is None:
            value = self._value(match)
            return match[0] if value is None else value
        return escaped.strip("\n") if escaped in '"\\$`\n' else match[0]

    def _value(self, match: re.Match[str]) -> str | None:
        return self._known.get(match["braced"] or match["bare"])


def _words(parts: list[str]) -> list[str]:
    """Return the word that parts make; what a variable expands to may be several, or none."""
    word = "".join(parts)
    if _BLANK in word:
        return word.replace(_BLANK, " ").split()
    return [word] if parts else []
