"""Candidates ranked, as the model reads it, through a real jail."""

from __future__ import annotations

import pytest
from jailed import raised, run

from sandbox import Sandbox


def test_matches_print_well(jail: Sandbox) -> None:
    run(
        jail,
        "found = discriminative_vqa('Which?', ['a red ring', 'a blue cross'], get_scenes()[1])",
    )
    line = run(jail, "print(found[0])")
    assert line.startswith("Match(start=") and "candidate='a " in line and "margin=" in line
    assert "method" not in line
    assert run(jail, "print({m.probability for m in found})") == "{None}"
    assert "best of" in run(jail, "print(found[0].method)")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("discriminative_vqa('Which?', 'ab')", "TypeError: candidates are a list of texts"),
        ("discriminative_vqa('Which?', ['a', 3])", "TypeError: candidates are a list of texts"),
        ("discriminative_vqa(3, ['a', 'b'])", "TypeError: the question is text, not int"),
        ("discriminative_vqa('Which?', ['a'])", "UsageError: candidates are 2 to 100 different"),
        ("discriminative_vqa('Which?', ['a', 'b'], (50, 60))", "ValueError: 50 to 60 s holds"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)
