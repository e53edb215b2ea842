"""Options that commands share."""

from __future__ import annotations

import pytest
from commands import call, context_of

from rlm.cli.options import LimitSettings, ModelSettings
from rlm.config import Config


@pytest.mark.parametrize("words", [("ask",), ("chat",), ("eval", "run")], ids=" ".join)
def test_the_fields_of_shared_options_are_options_and_settings(words: tuple[str, ...]) -> None:
    known = {parameter.name for parameter in context_of(words).command.params}
    shared = {*ModelSettings.__dataclass_fields__, *LimitSettings.__dataclass_fields__}
    assert shared <= known
    assert shared <= Config.model_fields.keys()


def test_a_limit_of_an_evaluation_is_checked_before_anything_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = call(capsys, "eval", "run", "jsonl", "--annotations=x", "--videos=y", "--max-calls=0")
    assert done.returncode == 2
    assert "--max-calls" in done.stderr
