"""The help of every command, as a person reads it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest
from commands import call, context_of, every_command

from rlm.agent.budget import Budget
from rlm.cli.manual import SETTING
from rlm.config import Config
from rlm.errors import EXIT_CODES

COMMANDS = every_command()


def page(words: tuple[str, ...]) -> str:
    context = context_of(words)
    return context.command.get_help(context)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_page_fits_its_terminal_and_says_what_there_is_to_say(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {}
    for columns in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        pages[columns] = page(words)
        longest = max(pages[columns].splitlines(), key=len)
        assert len(longest) <= min(columns, 80), longest
    assert len({re.sub(r"\\?\s+#?", "", text) for text in pages.values()}) == 1, "words were lost"
    assert pages[80] == pages[200]
    text = pages[80]
    assert text.startswith(f"Usage: {' '.join(('videorlm', *words))} ")
    for heading in ("Examples:", "Exit codes:"):
        assert f"\n{heading}\n" in text
    assert "..." not in text.partition("Options:")[2].partition("Examples:")[0]
    for param in COMMANDS[words].params:
        assert param.help, f"nothing is said of {param.name}"
        assert param.metavar or param.is_flag, f"{param.name} takes a value without a name"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_its_examples_are_taken_by_the_commands_they_call(words: tuple[str, ...]) -> None:
    examples = page(words).partition("\nExamples:\n")[2].partition("\nExit codes:")[0]
    lines = examples.replace("\\\n", " ").splitlines()
    calls = [line.partition(" | ")[0] for line in lines if "videorlm" in line and "#" not in line]
    assert calls
    own = False
    for line in calls:
        _, *rest = shlex.split(line[line.index("videorlm") :])
        context = context_of(())
        named = []
        while rest and rest[0] in getattr(context.command, "commands", {}):
            named.append(rest[0])
            context = context_of(tuple(named))
            rest = rest[1:]
        own = own or tuple(named[: len(words)]) == words
        if named:  # a wrong option or a missing argument is an error here
            context.command.make_context(named[-1], rest, parent=context.parent)
    assert own, "no example calls the command itself"


def test_every_setting_that_an_option_may_set_is_marked_as_one() -> None:
    for words, command in COMMANDS.items():
        for param in command.params:
            if (param.help or "").find(SETTING) >= 0:
                assert param.name in Config.model_fields, (words, param.name)
    ask = {param.name: param.help for param in COMMANDS["ask",].params}
    marked = {name for name, told in ask.items() if SETTING in told}
    assert marked == set(Config.model_fields) - {"cache", "pictures"}
    assert f"default: {Budget().turns}]" in ask["max_turns"]
    assert f"default: {Budget().depth}]" in ask["max_depth"]


def test_the_first_page_groups_the_commands_and_has_every_exit_code() -> None:
    text = page(())
    order = ("Questions:", "Saved runs:", "Videos and weights:", "This machine:", "Options:")
    places = [text.index(f"\n{heading}") for heading in order]
    assert places == sorted(places)
    assert "\nCommands:" not in text
    for name in COMMANDS[()].commands:
        assert re.search(rf"^  {name}  ", text, re.M)
    codes = text.partition("Exit codes:")[2]
    assert [int(code) for code in re.findall(r"^  (\d+)  ", codes, re.M)] == list(EXIT_CODES)


def test_help_imports_nothing_that_takes_long() -> None:
    calls = [[*words, "--help"] for words in COMMANDS] + [["--version"]]
    program = f"""
import sys
from rlm.cli import main
for words in {calls!r}:
    sys.argv = ["videorlm", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code
heavy = "torch transformers litellm prompt_toolkit rich numpy av pydantic jinja2".split()
print(*[name for name in heavy if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert done.stdout.count("Usage:") == len(COMMANDS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("ak", "no such command 'ak'. Did you mean 'ask'? See 'videorlm --help'."),
        ("models pul", "Did you mean 'pull'? See 'videorlm models --help'."),
        ("ask", "missing argument 'VIDEO'. See 'videorlm ask --help'."),
        ("ask v q --modle x", "--modle. Did you mean --live, --model"),
        ("ask v q --seed x", "'--seed'"),
        ("index v --tier 9", "'--tier'"),
        ("replay --fork", "--fork"),
        ("--bogus", "no such option: --bogus. See 'videorlm --help'."),
    ],
)
def test_an_error_of_usage_is_one_line_and_says_where_to_look(
    capsys: pytest.CaptureFixture[str], words: str, says: str
) -> None:
    ended = call(capsys, *words.split())
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("videorlm: ")
    assert says in ended.stderr


def test_a_group_alone_tells_what_may_follow_and_help_is_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = call(capsys, "transcripts")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "export  Write saved runs" in alone.stderr
    asked = call(capsys, "help", "transcripts", "export")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == call(capsys, "transcripts", "export", "-h").stdout
