"""Python in colours: its tokens, for a page that makes text of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LONGEST = 40_000
"""Characters of code that are coloured."""

_CLASSES = (
    ("Comment", "c"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Keyword", "k"),
    ("Operator.Word", "k"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Name.Builtin", "b"),
    ("Name.Decorator", "f"),
)


@cache
def _lexer() -> Lexer:
    from pygments.lexers.python import PythonLexer

    return PythonLexer(stripnl=False, ensurenl=False)


def highlighted(code: str) -> list[str]:
    """``code`` in pieces, each after the letter of its colour, empty for none.

    Colours are of (c)omments, (s)trings, (n)umbers, (k)eywords, (f)unctions that are defined and
    (b)uiltins. All pieces together are ``code``.
    """
    if len(code) > LONGEST:
        return ["", code]
    pieces: list[str] = []
    for kind, text in _lexer().get_tokens(code):
        name = str(kind).removeprefix("Token.")
        colour = next((letter for start, letter in _CLASSES if name.startswith(start)), "")
        if pieces and (pieces[-2] == colour or not text.strip()):
            pieces[-1] += text
        else:
            pieces += [colour, text]
    return pieces
