"""A session: state, calls, errors, output. At the strongest level of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sandbox import Sandbox, StopCell, concurrent


def _stop() -> None:
    raise StopCell


def _fail() -> None:
    raise ValueError("no such field")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    def add(a: int, b: int = 3) -> int:
        """Add two numbers."""
        return a + b

    def text() -> str:
        return "x" * 10_000_000

    functions = {
        "add": add,
        "stop": _stop,
        "fail": _fail,
        "text": text,
        "text_beside": concurrent(lambda: text()),
        "text_and_array": lambda: [np.zeros(1 << 20, np.uint8), text()],
        "digits": lambda: 10**5000,
    }
    with Sandbox(functions) as session:
        yield session


def test_a_last_expression_is_shown(sandbox: Sandbox) -> None:
    outcome = sandbox.run("1 + 1")
    assert (outcome.stdout, outcome.stderr, outcome.error) == ("2\n", "", None)


def test_variables_live_on(sandbox: Sandbox) -> None:
    assert sandbox.run("x = add(1)").ok
    assert sandbox.run("x").stdout == "4\n"


def test_a_stop_is_quiet_and_passes_except_exception(sandbox: Sandbox) -> None:
    code = "try:\n    stop()\nexcept Exception:\n    print('caught')\nprint('after')"
    outcome = sandbox.run(code)
    assert outcome.stopped and outcome.ok and outcome.stdout == ""


def test_an_exception_of_a_host_function_keeps_its_class(sandbox: Sandbox) -> None:
    outcome = sandbox.run("try:\n    fail()\nexcept ValueError as error:\n    print(error)")
    assert outcome.stdout == "no such field\n"


def test_arguments_that_do_not_fit_are_answered_with_those_that_do(sandbox: Sandbox) -> None:
    for call, wrong in (("add(1, by=2)", "unexpected keyword"), ("add(1, 2, 3)", "too many")):
        error = sandbox.run(call).error
        assert error is not None and error.type == "TypeError"
        assert error.message.startswith("add(): ") and wrong in error.message
        assert error.message.endswith("; it is add(a, b=3)")


@pytest.mark.parametrize("call", ["text()", "text_beside()", "text_and_array()", "digits()"])
def test_a_result_too_large_to_cross_is_an_error_in_the_cell(sandbox: Sandbox, call: str) -> None:
    sandbox.run("kept = 7")
    code = f"try:\n    {call}\nexcept TypeError as error:\n    print(error)\nprint(add(1), kept)"
    outcome = sandbox.run(code)
    assert outcome.ok and "too large" in outcome.stdout and outcome.stdout.endswith("\n4 7\n")
    error = sandbox.run(call).error
    assert error is not None and error.type == "TransferError" and "too large" in error.message
    again = sandbox.run("kept")
    assert (again.stdout, again.restarted) == ("7\n", False)


def test_no_descriptor_is_left_of_a_result_too_large_to_cross(sandbox: Sandbox) -> None:
    def shared() -> int:
        links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
        return sum("memfd:" in os.readlink(link) for link in links if link.is_symlink())

    before = shared()
    sandbox.run("text_and_array()")
    assert shared() == before
