"""Help as a manual page, and errors of usage in one line.

The page is made of what typer knows of a command and of its docstring: the first line says what it
is for; below the prose there may be ``Examples:``, ``Files:``, ``See also:`` and ``Exit codes:``,
each with indented lines. A line of exit codes is ``1 no answer``, or ``3 4 5``, whose words are
those of ``rlm.errors.EXIT_CODES``. Plain text: rich would take twice as long to import as all the
rest.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from textwrap import dedent, wrap
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from rlm.agent.text import one_line
from rlm.errors import EXIT_CODES, UsageError

ASKING, RUNS, VIDEOS, MACHINE = "Questions", "Saved runs", "Videos and weights", "This machine"
_ORDER = (ASKING, RUNS, VIDEOS, "Evaluation", MACHINE)
SETTING = "[setting"
"""How the help of an option begins that a file or the environment may set as well."""
_SECTION = re.compile(r"^(Examples?|Exit codes|Files|See also):(.*)$")
_WORD = r"""(?:"[^"]*"|'[^']*'|\S)+"""
_TOGETHER = re.compile(rf"--?[\w-]+ (?!-){_WORD}|{_WORD}")
"""Words of a line for a shell, an option and its value as one."""
_COLUMN = 30
"""Up to this width, what an option is called stands beside what it does."""


class App(typer.Typer):
    """A group of commands whose help are pages of this kind."""

    def __init__(self, name: str | None = None, *, section: str | None = None, **rest: Any) -> None:
        super().__init__(
            name=name, cls=Group, rich_help_panel=section, rich_markup_mode=None,
            pretty_exceptions_enable=False, **rest,
        )  # fmt: skip

    def command(
        self, name: str | None = None, *, section: str | None = None, **rest: Any
    ) -> Callable[[Any], Any]:
        """As in typer; ``section`` is where the help of the group lists the command."""
        return super().command(name, cls=Command, rich_help_panel=section, **rest)

    def add_typer(self, typer_instance: typer.Typer, **rest: Any) -> None:
        """As in typer, under the heading of the group that is added."""
        panel = getattr(typer_instance, "rich_help_panel", None)
        super().add_typer(typer_instance, rich_help_panel=panel, **rest)


class Command(TyperCommand):
    """A command with a page of its own."""

    def get_help(self, ctx: Any) -> str:
        """The page, as wide as the terminal up to 80 columns."""
        return _page(self, ctx)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first line of the page, whole."""
        return _parts(self.help or "")[0]


class Group(TyperGroup):
    """A command that has commands; the one at the root ends in our exit codes."""

    def get_help(self, ctx: Any) -> str:
        """The page, as wide as the terminal up to 80 columns."""
        return _page(self, ctx)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first line of the page, whole."""
        return _parts(self.help or "")[0]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Tell what may follow when nothing does; take ``help ask`` for ``ask --help``."""
        if not args and not self.invoke_without_command and not ctx.resilient_parsing:
            print(self.get_help(ctx), file=sys.stderr)
            ctx.exit(UsageError.exit_code)
        if args[:1] == ["help"] and "help" not in self.commands:
            args = [*args[1:], "--help"]
        for param in self.get_params(ctx):
            # typer leaves these at None, and would import pydantic to make sure that None is one.
            if param.default is None and getattr(param, "is_bool_flag", False):
                param.default = False
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit; an error of usage is one line on stderr that says where to look."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            code = _refuse(error)
        except typer.Abort:
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


def _refuse(error: typer.TyperException) -> int:
    """Print what was wrong with the words of the command line; the exit code."""
    message = error.format_message()
    message = re.sub(r"Input should be a valid integer.*", "a whole number is needed", message)
    message = re.sub(r"Input should be a valid number.*", "a number is needed", message)
    message = re.sub(r" \(Possible options?: (.*)\)$", r". Did you mean \1?", message)
    context = getattr(error, "ctx", None)
    where = f" See '{context.command_path} --help'." if context is not None else ""
    text = one_line(message).rstrip(".")
    end = "" if text.endswith("?") else "."
    print(f"videorlm: {text[:1].lower()}{text[1:]}{end}{where}", file=sys.stderr)
    return UsageError.exit_code


def _page(command: Command | Group, ctx: Any) -> str:
    width = max(min(shutil.get_terminal_size().columns, 80), 40) - 1
    bold = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def heading(text: str) -> str:
        return typer.style(f"{text}:", bold=True) if bold else f"{text}:"

    summary, prose, sections = _parts(command.help or "")
    lines = _usage(command, ctx, width)
    for paragraph in (summary, *prose):
        lines += ["", *wrap(paragraph, width - 2, initial_indent="  ", subsequent_indent="  ")]
    for title, rows in _tables(command, ctx):
        lines += ["", heading(title), *_columns(rows, width)]
    for title in ("Examples", "Exit codes", "Files", "See also"):
        told = sections.get(title) or (sections.get("Example") if title == "Examples" else None)
        if title == "Exit codes":
            lines += ["", heading(title), *_columns(_exit_codes(told or []), width)]
        elif told and title == "Examples":
            lines += ["", heading(title), *(part for one in told for part in _example(one, width))]
        elif told and title == "Files":
            rows = [tuple(re.split(r"\s{2,}", one, maxsplit=1)) for one in told]
            lines += ["", heading(title), *_columns(rows, width)]
        elif told:
            text = " ".join(told)
            lines += ["", heading(title), *wrap(text, width, initial_indent="  ",
                                                subsequent_indent="  ")]  # fmt: skip
    return "\n".join(lines)


def _parts(text: str) -> tuple[str, list[str], dict[str, list[str]]]:
    """Of a docstring the first paragraph, the others, and the lines of each section."""
    body: list[str] = []
    sections: dict[str, list[str]] = {}
    into = body
    for line in text.splitlines():
        if begins := _SECTION.match(line):
            into = sections.setdefault(begins[1], [])
            line = begins[2]
        into.append(line)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", "\n".join(body))]
    summary, *prose = [part for part in paragraphs if part] or [""]
    told = {name: _dedented(lines) for name, lines in sections.items()}
    return summary, prose, told


def _dedented(lines: list[str]) -> list[str]:
    first, *rest = lines
    kept = [first.strip(), *dedent("\n".join(rest)).splitlines()]
    return [line.rstrip() for line in kept if line.strip()]


def _usage(command: Command | Group, ctx: Any, width: int) -> list[str]:
    """The line that shows what may stand where."""
    words = ["[OPTIONS]"]
    for param in command.params:
        if param.param_type_name == "argument":
            name = (param.metavar or param.name or "").upper()
            name += "..." if param.nargs != 1 else ""
            words.append(name if param.required else f"[{name}]")
    if isinstance(command, Group):
        words.append("[COMMAND ...]" if command.invoke_without_command else "COMMAND ...")
    text = f"Usage: {ctx.command_path} {' '.join(words)}"
    return wrap(text, width, subsequent_indent="    ")


def _tables(command: Command | Group, ctx: Any) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Commands, arguments and options, each under its heading."""
    if isinstance(command, Group):
        yield from _commands(command)
    tables: dict[str, list[tuple[str, ...]]] = {}
    settings = False
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        name, told = record
        title = getattr(param, "rich_help_panel", None) or "Options"
        if param.param_type_name == "argument":
            title, name = "Arguments", (param.metavar or param.name or "").upper()
            told = re.sub(r"\s*\[required\]$", "", told)
        told = re.sub(r" {2,}", " ", told)
        told = re.sub(r"([\d.]+)<=x<=([\d.]+)", r"\1 to \2", told)
        told = re.sub(r"x>=([\d.]+)", r"\1 or more", told)
        settings = settings or SETTING in told
        tables.setdefault(title, []).append((name, told))
    for title in sorted(tables, key=lambda title: (title == "Options") - (title == "Arguments")):
        rows = tables[title]
        yield title, rows
    if settings:
        note = "the environment, as in VIDEORLM_MAX_TURNS=20, or videorlm.toml: videorlm config"
        yield "Settings", [("[setting]", f"may also come from {note} shows them.")]


def _commands(group: Group) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    tables: dict[str, list[tuple[str, ...]]] = {}
    for name, command in group.commands.items():
        if not command.hidden:
            title = getattr(command, "rich_help_panel", None) or "Commands"
            tables.setdefault(title, []).append((name, command.get_short_help_str()))
    for title in (*(title for title in _ORDER if title in tables), *(tables.keys() - set(_ORDER))):
        yield title, tables[title]


def _exit_codes(lines: Iterable[str]) -> list[tuple[str, ...]]:
    told = {0: EXIT_CODES[0].partition(";")[0], 2: EXIT_CODES[2]}
    for line in lines:
        if line == "all":
            told = dict(EXIT_CODES)
        elif re.fullmatch(r"[\d ]+", line):
            told |= {int(code): EXIT_CODES[int(code)] for code in line.split()}
        else:
            code, words = line.split(maxsplit=1)
            told[int(code)] = words
    return [(str(code), told[code]) for code in sorted(told)]


def _columns(rows: Iterable[tuple[str, ...]], width: int) -> Iterator[str]:
    """Names on the left; what they are beside them, or below where a name is long."""
    rows = list(rows)
    left = max((len(row[0]) for row in rows if len(row[0]) <= _COLUMN), default=_COLUMN // 2) + 4
    for name, *told in rows:
        words = wrap(" ".join(told), width - left) or [""]
        if len(name) + 4 > left:
            yield f"  {name}"
        else:
            yield f"  {name}".ljust(left) + words.pop(0)
        yield from (" " * left + line for line in words if line)


def _example(line: str, width: int) -> Iterator[str]:
    """A line for a shell, in as many as it takes, which can be pasted all the same."""
    room = width - 6
    if line.startswith("#"):
        yield from wrap(line, room, initial_indent="  ", subsequent_indent="  # ")
        return
    rows = [""]
    for word in _TOGETHER.findall(line):
        if rows[-1] and len(rows[-1]) + 1 + len(word) > room:
            rows.append("")
        rows[-1] += f" {word}" if rows[-1] else word
    for number, row in enumerate(rows):
        end = "" if number == len(rows) - 1 else " \\"
        yield f"{'    ' if number else '  '}{row}{end}"
