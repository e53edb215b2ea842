"""How every command ends: in an exit code, with an error as one line on stderr."""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from rlm.agent.text import one_line
from rlm.errors import INTERRUPTED, NO_OUTPUT, READER_GONE, UNEXPECTED, VideoRLMError
from rlm.sources import PREFIX

P = ParamSpec("P")


def guarded(command: Callable[P, int], *, warns: bool = True) -> Callable[P, None]:
    """``command``, ending in its exit code; an error is one line on stderr, never a traceback.

    Variables that look like settings and are none are told before, unless it ``warns`` not.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal may not know every character
                stream.reconfigure(errors="replace")
        try:
            if warns:
                _tell_unknown_variables()
            code = command(*args, **kwargs)
            sys.stdout.flush()
        except VideoRLMError as error:
            code = _fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            code = _fail("interrupted", INTERRUPTED)
        except BrokenPipeError:
            # The reader of stdout went away: that is no error, and must not become one at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = READER_GONE
        except OSError as error:
            code = _fail(f"the output cannot be written: {error.strerror}", NO_OUTPUT)
        except Exception as error:
            if os.environ.get("VIDEORLM_DEBUG"):
                raise
            what = f"{type(error).__name__}: {error}"
            hint = "please report it (VIDEORLM_DEBUG=1 shows the traceback)"
            code = _fail(f"unexpected error, {hint}: {what}", UNEXPECTED)
        raise typer.Exit(code)

    return run


def _tell_unknown_variables() -> None:
    if not any(name.startswith(PREFIX) for name in os.environ):
        return  # what knows the settings takes its time to import
    from rlm.config import unknown_variables

    for name, hint in unknown_variables().items():
        _say(f"warning: {name} is no setting; {hint}")


def _fail(message: str, code: int) -> int:
    _say(message)
    return code


def _say(message: str) -> None:
    from rlm.commands.output import say

    # Messages may quote a server or a file: no control character of theirs reaches the terminal.
    say(f"videorlm: {one_line(message)}")
