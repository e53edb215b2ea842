"""Classes of a span, as the model reads them, through a real jail."""

from __future__ import annotations

import pytest
from jailed import raised, run

from rlm.tools import ToolContext
from rlm.tools.classify_segment import classify_segment
from sandbox import Sandbox


def test_a_class_prints_well(jail: Sandbox) -> None:
    run(jail, "found = classify_segment(1, 3, task='shape', k=2)")
    assert run(jail, "print(len(found), found[0].score >= found[1].score)") == "2 True"
    line = run(jail, "print(found[0])")
    assert line.startswith("Classification(start=1.000, end=3.000, label='") and "score=" in line
    assert "probability=" in line and "space" not in line and "method" not in line
    assert run(jail, "print(found[0].space.endswith('/probes/shape'))") == "True"


def test_labels_of_the_asker(jail: Sandbox) -> None:
    run(jail, "found = classify_segment(1, 3, labels=('a red ring', 'a blue cross'))")
    assert run(jail, "print([f.probability for f in found], found[0].score >= found[1].score)") == (
        "[None, None] True"
    )
    assert run(jail, "print(found[0].method)") == "similarity to the labels in the field joint"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("classify_segment(1, 3)", "ValueError: there is no probe for 'action': task is one of "),
        ("classify_segment(1, 3, ['a', 'b'])", "TypeError: task is the name of a probe; texts"),
        ("classify_segment(1, 3, labels='red')", "UsageError: labels are a list of texts"),
        ("classify_segment(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)


def test_a_long_span_is_refused(seen: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(classify_segment.__globals__, "MOST_SECONDS", 30.0)
    with pytest.raises(ValueError, match=r"a class is of at most 30 s, not 40: "):
        classify_segment(seen, task="shape")
