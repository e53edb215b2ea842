"""Renders the texts in ``prompts/`` and finds the code in a reply."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rlm.agent.answer import letter
from rlm.agent.text import one_line

if TYPE_CHECKING:
    import jinja2

# A fence opens at the start of a line, with a tag or without, and closes at the next bare fence of
# at least the same length. A reply cut short in its block has no closing fence: take what is there.
_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<tag>[\w+-]*)[^\n]*\n"
    r"(?P<body>.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_ASKED_FOR = "You are asked to answer now"
_TAGS = frozenset({"python", "py", "python3", "repl"})


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("prompts", ""),
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,  # a run has the prompts it began with
    )


def render(name: str, /, **values: Any) -> str:
    """The text of ``prompts/<name>.md.jinja`` with ``values`` filled in."""
    return _environment().get_template(f"{name}.md.jinja").render(**values).strip("\n")


def is_wrap_up(prompt: str) -> bool:
    """Whether a message is the order to answer with the last turn."""
    return prompt.startswith(("The budget is spent", _ASKED_FOR))


def was_asked_for(wrap_up: str) -> bool:
    """Whether that order is a person's."""
    return wrap_up.startswith(_ASKED_FOR)


def is_blind(prompt: str) -> bool:
    """Whether a message asks about a video that is not shown."""
    return prompt.startswith("You are asked about a video that you cannot see")


def options_for_prompt(options: Sequence[str]) -> list[dict[str, str]]:
    """Options with the letters the model answers by."""
    return [{"letter": letter(i), "text": one_line(o)} for i, o in enumerate(options)]


@cache
def prompts_sha256() -> str:
    """One digest over every template, so that a run says which prompts it had."""
    digest = hashlib.sha256()
    files = resources.files("prompts").iterdir()
    for file in sorted(files, key=lambda f: f.name):
        if PurePath(file.name).suffix == ".jinja":
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def extract_code(reply: str) -> str | None:
    """The Python in ``reply``: its first fenced block; ``None`` when there is none.

    A block tagged ``python``, ``py`` or ``repl`` is taken, or the first untagged one when none is
    tagged so. Later blocks are not run: a model that goes on after its first block goes on from
    output it made up.
    """
    return next(iter(code_blocks(reply)), None)


def code_blocks(reply: str) -> list[str]:
    """Every block of ``reply`` that could be run, in order."""
    blocks = [(m["tag"].lower(), m["body"].rstrip()) for m in _FENCE.finditer(reply)]
    tagged = [body for tag, body in blocks if tag in _TAGS and body.strip()]
    return tagged or [body for tag, body in blocks if not tag and body.strip()]


def without_code(reply: str) -> str:
    """The words of ``reply`` around its fenced blocks."""
    return re.sub(r"\n{3,}", "\n\n", _FENCE.sub("\n", reply)).strip()
