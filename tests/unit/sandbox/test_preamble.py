"""Source text that is run in every process of a sandbox before its first cell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Pool, Sandbox, SandboxError, bundle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jails exist on Linux only")

PREAMBLE = {
    "shapes.round": (
        "import dataclasses\n"
        "__all__ = ['circle', 'loop']\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Circle:\n"
        "    radius: float\n"
        "def circle(radius): return Circle(checked(radius))\n"
        "def checked(radius):\n"
        "    if radius < 0: raise ValueError(f'circle: a radius of {radius}')\n"
        "    return radius\n"
        "def loop():\n"
        "    while True: pass\n"
    ),
    "shapes.all": (
        "from shapes.round import circle\n"
        "__all__ = ['several']\n"
        "def several(count): return [circle(n) for n in range(count)]\n"
    ),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox({"host": lambda: 1}, preload=(), preamble=PREAMBLE) as session:
        yield session


def test_what_it_exports_is_there_and_nothing_else(sandbox: Sandbox) -> None:
    outcome = sandbox.run("several(2), host()")
    assert outcome.stdout == "([Circle(radius=0), Circle(radius=1)], 1)\n"
    assert outcome.names == ()
    for name in ("checked", "Circle", "dataclasses"):
        error = sandbox.run(name).error
        assert error is not None and error.type == "NameError"
    assert sandbox.run("from shapes.round import checked; checked(3)").stdout == "3\n"


def test_a_variable_hides_a_function_until_it_is_deleted(sandbox: Sandbox) -> None:
    outcome = sandbox.run("circle = several(1)\ncircle")
    assert (outcome.stdout, outcome.stderr) == ("[Circle(radius=0)]\n", "")
    assert outcome.names == ("circle",)
    assert sandbox.run("len(circle)").stdout == "1\n"
    assert sandbox.run("del circle\ncircle(5)").stdout == "Circle(radius=5)\n"


def test_it_runs_again_in_the_process_after_a_lost_one(sandbox: Sandbox) -> None:
    assert sandbox.run("circle = 7\nimport os\nos.kill(os.getpid(), 9)").restarted
    assert sandbox.run("circle(1)").stdout == "Circle(radius=1)\n"


def test_its_lines_are_not_those_of_the_cell(sandbox: Sandbox) -> None:
    error = sandbox.run("x = 1\ncircle(-1)").error
    assert error is not None
    assert (error.message, error.line) == ("circle: a radius of -1", 2)
    assert "shapes" not in error.traceback


def test_a_function_of_it_is_interrupted_as_a_cell_is(sandbox: Sandbox) -> None:
    outcome = sandbox.run("kept = 1\nloop()", timeout=0.2)
    assert outcome.timed_out and not outcome.restarted
    assert sandbox.run("kept").stdout == "1\n"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
        ("x = 1", "__all__"),
        ("__all__ = ['y']", "no attribute 'y'"),
    ],
)
def test_one_that_fails_is_an_error_of_the_host(source: str, cause: str) -> None:
    with pytest.raises(SandboxError, match=f"preamble.*{cause}") as caught:
        Sandbox({}, preload=(), preamble={"wrong": source}).start()
    assert "\n" not in str(caught.value)


def test_a_jail_keeps_nothing_of_what_it_was_started_with(sandbox: Sandbox) -> None:
    """Neither the descriptor of its code, which all of a pool read, nor the package's folder."""
    readable = """
import os
def read(n):
    try: return os.pread(n, 1, 0)
    except OSError: return b""
print([n for n in range(3, 128) if read(n)])
"""
    assert sandbox.run(readable).stdout == "[]\n"
    folder = str(Path(bundle.__file__).parent)
    if sandbox.level == "bubblewrap" and "-packages" not in folder:
        assert sandbox.run(f"os.path.exists({folder!r})").stdout == "False\n"


def test_sandboxes_of_a_pool_have_that_of_the_pool() -> None:
    with Pool(preload=(), preamble=PREAMBLE) as pool:
        for _ in range(2):
            with pool.sandbox({}) as session:
                assert session.run("circle(2).radius").stdout == "2\n"
                assert session.run("circle = None").ok
