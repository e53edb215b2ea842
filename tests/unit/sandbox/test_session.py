"""A session: state, calls, errors, output. At the strongest level of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import Sandbox, StopCell


def _stop() -> None:
    raise StopCell


def _fail() -> None:
    raise ValueError("no such field")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    def add(a: int, b: int = 3) -> int:
        """Add two numbers."""
        return a + b

    with Sandbox({"add": add, "stop": _stop, "fail": _fail}) as session:
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
