"""What each system shows its model, and how it takes the answer from there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from scripted import ScriptedModel, code

from rlm.agent import events as ev
from rlm.agent.budget import Budget
from rlm.agent.llm import ModelLimits
from rlm.agent.models import Models
from rlm.agent.policy import BuiltinModel
from rlm.agent.session import default_jail
from rlm.errors import UsageError, VideoError
from rlm.evaluation.items import Item, read_items
from rlm.evaluation.systems import SYSTEMS, Case, Needs, Outcome, System, Unsupported, load_system
from rlm.evaluation.systems.one_call import read_reply
from rlm.index import VideoIndex
from rlm.tools import PREDICTION

OPTIONS = ("A red car", "A dog", "I am not sure", "An ant")


class Asked:
    """A case about the test film, with the events that answering it emits."""

    def __init__(self, index: VideoIndex, item: Item, model: ScriptedModel | BuiltinModel) -> None:
        self.events: list[ev.Event] = []
        self.case = Case(
            item=item,
            budget=Budget(),
            jail=default_jail,
            sinks=[self.events.append],
            store=lambda sha256, jpeg: None,
            given_models=Models(model),
            given_video=index.video,
            given_index=index,
        )

    def answer(self, system: str) -> Outcome:
        return load_system(system).answer(self.case)


@pytest.fixture
def item(film: Path) -> Item:
    return read_items(film / "questions.jsonl")[0]


def test_the_loop_is_a_session_about_the_part_that_is_meant(index: VideoIndex, item: Item) -> None:
    look = code("print(video_info().duration)\nf = extract_frames(count=2)\nprint(f.times)")
    model = ScriptedModel(look, code("answer('B', evidence=[(6, 7)], confidence=0.75)"))
    asked = Asked(index, item.model_copy(update={"span": (5.0, 9.0)}), model)
    outcome = asked.answer("loop")
    assert outcome.answer is not None
    assert (outcome.answer.choice, outcome.answer.confidence) == (1, 0.75)
    first = asked.events[0]
    assert isinstance(first, ev.SessionStarted)
    assert first.span == (5.0, 9.0)
    assert "[6. 8.]" in model.seen
    assert "Exactly one option is right" in model.sent[0][1].text


def test_a_question_about_what_the_video_does_not_hold_fails(index: VideoIndex, item: Item) -> None:
    asked = Asked(index, item.model_copy(update={"span": (500.0, 900.0)}), ScriptedModel("B"))
    for system in ("loop", "uniform-4", "embedding"):
        with pytest.raises(VideoError, match="lasts 40"):
            asked.answer(system)


def test_without_prediction_neither_prompt_nor_jail_has_it(index: VideoIndex, item: Item) -> None:
    names = [tool.__name__ for tool in PREDICTION]
    call = "try:\n    predict_future(1)\nexcept NameError as e:\n    print('none:', e)"
    child = f"{call}\nprint(rlm_query('Which?', (0, 5)).answer)"
    replies = (code(child), code(f"{call}\nanswer('below')"), code("answer('A')"))
    model = ScriptedModel(*replies)
    outcome = Asked(index, item, model).answer("loop-no-prediction")
    assert outcome.answer is not None
    for messages in model.sent:  # those of the sub-session are among them
        assert not [name for name in names if f"{name}(" in messages[0].text + messages[1].text]
    assert "none: name 'predict_future' is not defined" in model.seen
    assert "below" in model.seen
    full = ScriptedModel(code("answer('A')"))
    Asked(index, item, full).answer("loop")
    assert all(f"{name}(" in full.sent[0][0].text for name in names)


def test_a_loop_that_finds_no_answer_says_what_was_in_the_way(
    index: VideoIndex, item: Item
) -> None:
    asked = Asked(index, item, ScriptedModel(code("print(1)"), code("print(2)")))
    asked.case = dataclasses.replace(asked.case, budget=Budget(turns=1))
    assert asked.answer("loop").failure == "budget"
    asked = Asked(index, item, ScriptedModel("no code"))
    outcome = asked.answer("loop")
    assert outcome.failure == "unparsed"
    assert "no_code" in outcome.reason


def test_blind_shows_nothing_and_needs_no_video(index: VideoIndex, item: Item) -> None:
    model = ScriptedModel("**C**")
    asked = Asked(index, item, model)
    asked.case = dataclasses.replace(asked.case, given_video=None, given_index=None)
    outcome = asked.answer("blind")
    assert outcome.answer is not None
    assert (outcome.answer.choice, outcome.answer.best_effort) == (2, False)
    ((message,),) = model.sent
    assert message.pictures == ()
    assert item.question in message.text
    assert all(option in message.text for option in item.options)
    end = asked.events[-1]
    assert isinstance(end, ev.SessionEnded)
    assert (end.turns, end.frames, end.tokens, end.usd) == (1, 0, 110, 0.01)


def test_uniform_shows_frames_of_equal_parts_as_many_as_may_be(
    index: VideoIndex, item: Item
) -> None:
    def shown(limits: ModelLimits, budget: Budget, span: tuple[float, float] | None) -> list[str]:
        model = ScriptedModel("A")
        model.limits = limits
        asked = Asked(index, item.model_copy(update={"span": span}), model)
        asked.case = dataclasses.replace(asked.case, budget=budget)
        assert asked.answer("uniform-8").answer is not None
        ((message,),) = model.sent
        end = asked.events[-1]
        assert isinstance(end, ev.SessionEnded)
        assert end.frames == len(message.pictures)
        return [picture.label for picture in message.pictures]

    times = [f"frame at {2.5 + 5 * n:.2f} s" for n in range(8)]
    assert shown(ModelLimits(), Budget(), None) == times
    assert shown(ModelLimits(pictures=2), Budget(), None) == [
        "frame at 10.00 s",
        "frame at 30.00 s",
    ]
    assert shown(ModelLimits(), Budget(frames=1), (4.0, 6.0)) == ["frame at 5.00 s"]


def test_embedding_ranks_the_options_without_a_model(index: VideoIndex, item: Item) -> None:
    options = ("a red circle moves left", "a blue square is still", "a green ring moves up")
    asked = Asked(index, item.model_copy(update={"options": options}), ScriptedModel(""))
    asked.case = dataclasses.replace(asked.case, given_models=None)
    outcome = asked.answer("embedding")
    assert outcome.answer is not None
    assert outcome.probabilities is not None
    assert len(outcome.probabilities) == 3
    assert sum(outcome.probabilities) == pytest.approx(1)
    assert outcome.probabilities[outcome.answer.choice or 0] == max(outcome.probabilities)
    assert outcome.answer.confidence == max(outcome.probabilities)
    asked = Asked(index, Item(id="x", video=Path("v"), question="What?", answers=("a",)),
                  ScriptedModel(""))  # fmt: skip
    with pytest.raises(Unsupported):
        asked.answer("embedding")


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("B", 1), ("b", 1), ("(B)", 1), ("B.", 1), ("B. A dog", 1), ("**B**", 1), ("A dog", 1),
        ("The answer is B.", 1), ("Answer: (D)", 3), ("Let me think.\n\nB", 1),
        ("The correct answer is B because of its tail", 1), ("I think that it is a dog", None),
        ("A man walks by", None), ("E", None), ("", None), ("None of these", None),
        ("C) I am not sure", 2), ("An ant", 3), ("A", 0),
    ],
)  # fmt: skip
def test_a_reply_names_an_option_or_none(reply: str, choice: int | None) -> None:
    answer = read_reply(reply, OPTIONS)
    assert (None if answer is None else answer.choice) == choice


def test_a_reply_without_options_is_the_answer() -> None:
    assert read_reply(" Two dogs. \n", ()) is not None
    assert read_reply("", ()) is None


def test_the_builtin_model_guesses_blindly_and_evenly(index: VideoIndex, item: Item) -> None:
    chosen = []
    for number in range(200):
        other = item.model_copy(update={"question": f"What is number {number}?"})
        answer = Asked(index, other, BuiltinModel()).answer("blind").answer
        assert answer is not None
        chosen.append(answer.choice)
    counts = [chosen.count(choice) for choice in range(4)]
    assert min(counts) > 25
    again = Asked(index, other, BuiltinModel()).answer("blind").answer
    assert again is not None
    assert again.choice == chosen[-1]


class Yes:
    """A system of one's own."""

    name = "yes"
    needs = Needs(model=False, video=False, index=False, jail=False)

    def answer(self, case: Case) -> Outcome:
        raise NotImplementedError


def test_systems_have_names_and_others_come_by_their_path() -> None:
    for name in SYSTEMS:
        system: System = load_system(name.replace("-N", "-16"))
        assert system.name == name.replace("-N", "-16")
    assert load_system(f"{__name__}:Yes").name == "yes"
    for name in ("uniform", "uniform-0", "uniform-", "loop-3", "nobody", "rlm:None", "no.such:One"):
        with pytest.raises(UsageError):
            load_system(name)
