"""The loop with a scripted model, and everything else real: film, index, tools and jail."""

from __future__ import annotations

import pytest
from scripted import ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.session import MAX_PICTURES, Result, Session
from rlm.errors import ModelUnavailable, UsageError
from rlm.index import VideoIndex

SHAPES = ("a circle", "a square", "a triangle")


class Run:
    """One session, with all it emitted and stored."""

    def __init__(self, index: VideoIndex, *script: str | BaseException, **settings) -> None:
        self.events: list[ev.Event] = []
        self.media: dict[str, bytes] = {}
        self.model = ScriptedModel(*script)
        settings = {"question": "What moves?", **settings}
        self.session = Session(
            index=index,
            model=self.model,
            sinks=[self.events.append],
            store=self.media.__setitem__,
            **settings,
        )

    def run(self) -> Result:
        return self.session.run()

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


def test_code_runs_is_observed_and_answered(index: VideoIndex) -> None:
    run = Run(
        index,
        code("x = len(get_scenes())\nprint('scenes:', x)"),
        code("answer(f'{x} shots', evidence=[(0, 3)], confidence=0.9)"),
    )
    result = run.run()
    scenes = len(index.scenes())
    assert result.answer is not None
    assert result.answer.text == f"{scenes} shots"
    assert result.answer.confidence == 0.9
    assert (result.status, result.turns, result.tokens) == ("answered", 2, 220)
    assert f"scenes: {scenes}" in run.model.seen
    kinds = [event.kind for event in run.events]
    assert kinds == [
        "session_started", "prompted", "prompted",
        "reply_delta", "model_replied", "cell_started", "tool_called", "observed",
        "reply_delta", "model_replied", "cell_started", "tool_called", "observed", "answered",
        "session_ended",
    ]  # fmt: skip
    assert run.events[0].sandbox_level == result.sandbox_level != "none"
    assert all(a.at <= b.at for a, b in zip(run.events, run.events[1:], strict=False))


def test_the_prompt_names_every_tool_and_the_question(index: VideoIndex) -> None:
    run = Run(index, code("answer('A')"), question="Which shape?", options=SHAPES)
    assert run.run().answer.choice == 0
    system, question = run.model.sent[0]
    for name in ("extract_frames", "search", "answer", "llm_query", "contact_sheet"):
        assert f"\n{name}(" in system.text
    assert "ctx" not in system.text
    assert "Which shape?" in question.text
    assert "C. a triangle" in question.text


def test_frames_are_shown_with_their_times_and_stored(index: VideoIndex) -> None:
    run = Run(
        index,
        code("show(extract_frames(1, 2, fps=2)); contact_sheet(0, 20, count=9)"),
        code("answer('x')"),
    )
    result = run.run()
    message = run.model.sent[1][-1]
    assert len(message.pictures) == 3
    assert result.frames == 2 + 9
    assert "[frame at 1.00 s]" in message.text
    images = [part for part in run.of(ev.Observed)[0].parts if isinstance(part, ev.Image)]
    assert {image.sha256 for image in images} == set(run.media)
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in run.media.values())


def test_the_same_picture_is_shown_once_a_turn(index: VideoIndex) -> None:
    run = Run(index, code("s = contact_sheet(0, 20, count=4)\nshow(s)"), code("answer('x')"))
    assert run.run().frames == 4


def test_too_many_pictures_are_refused_with_a_remedy(index: VideoIndex) -> None:
    run = Run(
        index, code(f"show(extract_frames(0, 30, count={MAX_PICTURES + 1}))"), code("answer('x')")
    )
    run.run()
    assert "use contact_sheet()" in run.model.seen
    assert len(run.model.sent[1][-1].pictures) == MAX_PICTURES


def test_search_by_text_example_and_embedding(index: VideoIndex) -> None:
    run = Run(
        index,
        code(
            "hit = search('a red circle', k=2)[0]\nprint(hit.start, hit.end, hit.method)\n"
            "print([h.start for h in search(hit, k=2)])\n"
            "print(search_by_embedding(embed((0, 3)), k=1, exclude=(0, 3))[0].space)\n"
            "print(search(extract_frames(0, 2, fps=4).rgb, k=1)[0].start)"
        ),
        code("answer('x')"),
    )
    run.run()
    assert run.of(ev.Observed)[0].failure is None, run.model.seen
    assert "text to joint" in run.model.seen
    assert index.spaces["vjepa"] in run.model.seen


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("search('')", "empty"),
        ("search('x', field='smell')", "no field 'smell'; it has: motion"),
        ("search('x', k=0)", "at least 1"),
        ("extract_frames(500, 600)", "holds nothing of the video"),
        ("extract_frames('a', 2)", "times are numbers"),
        ("extract_frames(0, 1, fps=2, count=2)", "count"),
        ("show('x')", "not str"),
        ("show(embed((0, 2)).vector)", "has shape"),
        ("contact_sheet(count=1000)", "from 1 to 64"),
        ("search_by_embedding('x')", "embed()"),
        ("e = embed((0, 2)); type(e)('other/space', e.vector)\n"
         "search_by_embedding(type(e)('other/space', e.vector))", "other/space"),
        ("answer('x', evidence=[(0, 500)])", "not inside"),
        ("answer([1])", "text or an option"),
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("undefined", "NameError"),
        ("llm_query('')", "empty"),
    ],
)  # fmt: skip
def test_mistakes_are_observations_not_ends(index: VideoIndex, source: str, says: str) -> None:
    run = Run(index, code(source), code("answer('done')"))
    result = run.run()
    assert result.answer.text == "done"
    assert says in run.model.seen
    assert run.of(ev.Observed)[0].failure == "error"
    assert "Traceback" not in run.model.seen or "worker" not in run.model.seen


def test_an_option_that_does_not_exist_comes_back(index: VideoIndex) -> None:
    run = Run(index, code("answer('Z')"), code("answer('a square')"), options=SHAPES)
    result = run.run()
    assert result.answer.choice == 1
    assert "'Z' is not an option" in run.model.sent[1][-1].text


def test_no_bare_except_swallows_the_answer(index: VideoIndex) -> None:
    run = Run(
        index,
        code(
            "try:\n    answer('kept')\nexcept Exception:\n    answer('swallowed')\nprint('after')"
        ),
    )
    result = run.run()
    assert result.answer.text == "kept"
    assert "after" not in "".join(part.text for part in run.of(ev.Observed)[0].parts)


def test_a_reply_without_code_is_told_so_and_three_in_a_row_wrap_up(index: VideoIndex) -> None:
    run = Run(index, "I think it is a circle.", budget=Budget(turns=10))
    result = run.run()
    assert "no fenced Python block" in run.model.sent[1][-1].text
    assert result.turns == 4
    assert result.answer.best_effort
    assert result.answer.text == "I think it is a circle."


def test_the_budget_ends_in_a_wrap_up_call(index: VideoIndex) -> None:
    run = Run(
        index,
        code("print(1)"),
        code("print(2)"),
        code("answer('C', confidence=0.2)"),
        options=SHAPES,
        budget=Budget(turns=2),
    )
    result = run.run()
    assert "last turn" in run.model.seen
    assert (result.turns, result.answer.choice, result.answer.best_effort) == (3, 2, False)
    assert "turns" in result.reason


def test_dollars_are_kept_and_an_unknown_price_is_refused(index: VideoIndex) -> None:
    run = Run(index, code("print(1)"), budget=Budget(turns=None, usd=0.025))
    result = run.run()
    assert result.turns == 4
    assert result.usd == pytest.approx(0.04)
    with pytest.raises(UsageError, match="price of scripted is unknown"):
        Session(index, ScriptedModel("x", usd=None), "q", budget=Budget(usd=1))


def test_a_sub_question_is_asked_recorded_and_charged(index: VideoIndex) -> None:
    run = Run(
        index,
        code("print('sub:', llm_query('What is this?', extract_frames(0, 1, count=2)))"),
        "a red circle",
        code("answer('x')"),
    )
    result = run.run()
    assert "sub: a red circle" in run.model.seen
    (sub,) = run.of(ev.ToolModelUsed)
    assert len(sub.images) == 2
    assert set(run.media) >= {image.sha256 for image in sub.images}
    assert result.tokens == 330
    assert result.frames == 2


def test_the_model_failing_ends_the_run_and_is_recorded(index: VideoIndex) -> None:
    run = Run(index, code("print(1)"), ModelUnavailable("gone"))
    with pytest.raises(ModelUnavailable):
        run.run()
    (end,) = run.of(ev.SessionEnded)
    assert (end.status, end.reason, end.turns) == ("failed", "gone", 1)


def test_an_interrupt_is_recorded_and_passes_through(index: VideoIndex) -> None:
    run = Run(index, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert run.of(ev.SessionEnded)[0].status == "interrupted"


def test_long_output_keeps_both_ends(index: VideoIndex) -> None:
    run = Run(index, code("print('first'); print('x' * 50000); print('last')"), code("answer('x')"))
    run.run()
    assert "first" in run.model.seen
    assert "last" in run.model.seen
    assert "characters left out" in run.model.seen
    assert len(run.model.seen) < 9000


@pytest.mark.parametrize(
    ("question", "options", "says"),
    [
        (" ", (), "empty"),
        ("q", ("a",), "at least twice"),
        ("q", ("a", " A "), "the same"),
        ("q", ("a", " "), "option is empty"),
    ],
)
def test_questions_that_cannot_be_asked(
    index: VideoIndex, question: str, options: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        Run(index, "x", question=question, options=options)
