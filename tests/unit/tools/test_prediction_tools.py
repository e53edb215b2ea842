"""Futures and coherence, as the model reads them, through a real jail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jailed import raised, run

from rlm.spans import Span
from rlm.tools import ToolContext
from rlm.tools.anticipate_action import anticipate_action
from rlm.tools.predict_future import predict_future
from rlm.tools.transition_graph import transition_graph
from sandbox import Sandbox


def test_a_future_prints_well_and_can_be_searched_with(jail: Sandbox) -> None:
    run(jail, "futures = predict_future(0, 2, horizon=0.5, steps=2)")
    assert run(jail, "print(len(futures), futures[0].nearest)") == "2 ()"
    line = run(jail, "print(futures[0])")
    assert line.startswith("Future(start=2.500, end=3.000, score=") and "copy_energy=" in line
    assert "embedding" not in line and "method" not in line
    assert run(jail, "print(futures[0].space == futures[0].embedding.space)") == "True"


def test_coherence_prints_well(jail: Sandbox) -> None:
    line = run(jail, "print(verify_temporal_coherence((0, 2), (2, 3)))")
    assert line.startswith("Coherence(start=2.000, end=3.000, score=") and "ratio=" in line
    run(jail, "one, other = get_scenes()[:2]")
    assert run(jail, "print(verify_temporal_coherence(one, other).start == other.start)") == "True"


def test_a_curve_is_arrays_that_can_be_drawn(jail: Sandbox) -> None:
    run(jail, "c = surprise_curve()")
    assert run(jail, "print(c)").startswith("SurpriseCurve(start=0")
    assert run(jail, "print(len({len(v) for v in (c.times, c.energy, c.score)}))") == "1"
    assert run(jail, "print(c.space)").startswith("seeing@")


def test_anomalies_and_summaries_are_spans_to_look_at(jail: Sandbox) -> None:
    assert run(jail, "print(len(find_anomalies(2, span=(0, 20))) <= 2)") == "True"
    line = run(jail, "print(summarize(4)[0])")
    assert line.startswith("SummaryPart(start=") and "method" not in line
    assert run(jail, "print(sum(p.end - p.start for p in summarize(4)) <= 4.001)") == "True"


def test_orders_and_rankings_take_what_other_tools_give(jail: Sandbox) -> None:
    run(jail, "scenes = [s for s in get_scenes() if s.end - s.start > 1][:3]")
    assert run(jail, "print(sorted(order_segments(scenes).order))") == "[0, 1, 2]"
    assert run(jail, "print(len(rank_futures(scenes[0], scenes[1:])))") == "2"
    run(jail, "graph = transition_graph()")
    assert run(jail, "print(sum(t.count for t in graph.transitions) > 1)") == "True"


def test_what_is_anticipated(jail: Sandbox) -> None:
    run(jail, "told = anticipate_action(0, 2, 0.5, ['a red ring', 'a blue cross'])")
    assert run(jail, "print(told[0].score >= told[1].score, told[0].probability)") == "True None"
    line = run(jail, "print(anticipate_action(0, 2, 0.5, k=1)[0])")
    assert line.startswith("Anticipation(start=") and "like=(" in line


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("find_anomalies(0)", "ValueError: k is a whole number from 1 to 1000, not 0"),
        ("order_segments((1, 2))", "TypeError: a span is (start, end) in seconds"),
        ("order_segments(3)", "TypeError: a list of spans, not int"),
        ("rank_futures((0, 2), [])", "UsageError: 1 to 200 candidates"),
        ("summarize(0.5)", "UsageError: a summary takes 2 s or more"),
        ("anticipate_action(0, 2, 60)", "UsageError: 1 steps of 60 s are out of the trained"),
        ("transition_graph(9)", "UsageError: scenes have the levels"),
        ("predict_future(0, 2, horizon=60)", "UsageError: 1 steps of 60 s are out of the trained"),
        ("predict_future(50, 60)", "ValueError: 50 to 60 s holds nothing of the video"),
        ("predict_future(0, 2, 'a')", "TypeError: horizon is a number of seconds, not 'a'"),
        ("summarize('a')", "TypeError: seconds is a number of seconds, not 'a'"),
        ("anticipate_action(0, 2, ['a', 'b'])", "TypeError: anticipation_time is a number of"),
        ("verify_temporal_coherence(3, (4, 5))", "TypeError: a span is (start, end) in seconds"),
    ],
)
def test_calls_that_make_no_sense(jail: Sandbox, call: str, error: str) -> None:
    shown = raised(jail, call)
    assert shown.startswith(error)


def test_a_sub_session_is_told_nothing_from_outside_its_part(seen: ToolContext) -> None:
    part = Span(8.0, 26.0)
    ctx = replace(seen, part=part)
    graph = transition_graph(ctx)
    assert (graph.start, graph.end) == (part.start, part.end)
    everywhere = [one.like for one in anticipate_action(seen, 10, 12, k=20) if one.like]
    moments = [one.like for one in anticipate_action(ctx, 10, 12, k=20) if one.like]
    assert any(Span(*like).intersect(part) is None for like in everywhere)
    assert moments
    assert all(Span(*like).intersect(part) for like in moments)
    near = predict_future(ctx, 10, 12)[0].nearest
    assert all(Span(hit.start, hit.end).intersect(part) for hit in near)
