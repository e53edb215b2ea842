"""Episodes with scripted replies; jail, tools and index are real."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted import AnsweringModel, code

from rlm.agent.budget import Budget
from rlm.agent.llm import Usage
from rlm.agent.session import default_jail
from rlm.env import Indexes, Item, Observation, VideoQAEnv, read_items
from rlm.errors import EpisodeFailed, JailError, UsageError, VideoNotFound
from rlm.index import VideoIndex
from sandbox import SandboxUnavailable


class Opened(Indexes):
    """Always the index of the test film."""

    def __init__(self, index: VideoIndex) -> None:
        super().__init__()
        self._index = index

    def of(self, video: str | Path) -> VideoIndex:
        return self._index


@pytest.fixture
def items(film: Path) -> list[Item]:
    return read_items(film / "questions.jsonl")


@pytest.fixture
def make(index: VideoIndex, items: list[Item]) -> Iterator:
    made: list[VideoQAEnv] = []
    before = set(threading.enumerate())

    def make(**settings) -> VideoQAEnv:
        settings = {"items": items, "indexes": Opened(index), **settings}
        made.append(VideoQAEnv(**settings))
        return made[-1]

    yield make
    for env in made:
        env.close()
    assert set(threading.enumerate()) <= before


def letter(item: Item, off: int = 0) -> str:
    assert item.answer_index is not None
    return "ABCD"[(item.answer_index + off) % 4]


LOOK = code("f = extract_frames(1, 2, fps=2)\nshow(f)\nprint(len(get_scenes()))")


def test_a_right_answer_is_worth_one(make, items: list[Item]) -> None:
    env = make(events=True)
    first = env.reset(0)
    assert [message.role for message in first.messages] == ["system", "user"]
    assert items[0].question in first.text
    assert "rlm_query(" not in first.text
    seen, reward, done, info = env.step(LOOK)
    assert (reward, done, info["status"], info["turns"], info["frames"]) == (
        0.0, False, "running", 1, 2
    )  # fmt: skip
    assert len(seen.pictures) == 2
    assert [message.role for message in seen.new] == ["user"]
    last, reward, done, info = env.step(
        code(f"print('bye')\nanswer('{letter(items[0])}', evidence=[(1, 2)], confidence=0.75)")
    )
    assert (reward, done, info["status"], info["failure"]) == (1.0, True, "answered", None)
    assert (info["choice"], info["answer"]) == (
        items[0].answer_index, items[0].options[items[0].answer_index]
    )  # fmt: skip
    assert (info["evidence"], info["confidence"]) == (((1.0, 2.0),), 0.75)
    assert (info["turns"], info["tokens"], info["best_effort"]) == (2, None, False)
    assert info["events"][-1].kind == "session_ended"
    assert "bye" in last.text
    assert [m.role for m in last.messages[2:]] == ["assistant", "user"] * 2
    with pytest.raises(UsageError, match=r"reset\(\) first"):
        env.step("more")


def test_a_wrong_answer_is_worth_nothing(make, items: list[Item]) -> None:
    env = make(reward=lambda item, result: float(item is items[1]) + result.turns)
    env.reset(items[1])
    assert env.step(code(f"answer('{letter(items[1], 1)}')"))[1:3] == (2.0, True)
    env = make()
    env.reset(items[1])
    _, reward, done, info = env.step(code(f"answer('{letter(items[1], 1)}')"))
    assert (reward, done, info["id"]) == (0.0, True, items[1].id)


def test_mistakes_are_told_and_the_wrap_up_comes(make, items: list[Item]) -> None:
    env = make(budget=Budget(turns=3))
    env.reset(0)
    seen, _, _, info = env.step("I would guess.")
    assert info["failure"] == "no_code"
    assert "no fenced Python block" in seen.text
    assert env.step(code("1 / 0"))[3]["failure"] == "error"
    seen, _, done, info = env.step("```python\nprint(1", cut=True)
    assert (done, info["failure"]) == (False, "cut")
    assert "last turn" in seen.text
    last, reward, done, info = env.step(letter(items[0]))
    assert (reward, done, info["best_effort"], info["turns"]) == (1.0, True, True, 4)
    assert info["reason"].startswith("turns")
    assert last.messages[-1].role == "assistant"


def test_an_episode_can_end_without_an_answer(make) -> None:
    env = make(budget=Budget(turns=1))
    env.reset(0)
    env.step(code("print(1)"))
    _, reward, done, info = env.step("hmm")
    assert (reward, done, info["status"], info["answer"]) == (0.0, True, "no_answer", None)


def test_the_same_replies_give_the_same_episode(make) -> None:
    replies = [
        LOOK,
        code("import random\nimport numpy as np\nprint(random.random(), np.random.rand())"),
        code("print(video_info(), search('a red circle', k=2))\ncontact_sheet(count=4)\n1 / 0"),
        "no code",
        code("answer('B', confidence=0.5)"),
    ]

    def run(env: VideoQAEnv, seed: int) -> tuple[list[Observation], list[object]]:
        seen = [env.reset(seed=seed)]
        told: list[object] = []
        for reply in replies:
            observation, *rest = env.step(reply)
            seen.append(observation)
            told.append(rest)
        return seen, told

    one, two = make(), make()
    first = run(one, 5)
    assert run(one, 5) == first
    assert run(two, 5) == first
    assert run(two, 6)[0][2] != first[0][2]


def test_items_are_drawn_by_the_seed(make, items: list[Item]) -> None:
    env = make()
    drawn = []
    for seed in (3, None, 3, None):
        env.reset(seed=seed)
        drawn.append(env.step(code("answer(None)"))[3]["id"])
    assert drawn[:2] == drawn[2:]
    assert len(set(drawn)) > 1
    with pytest.raises(UsageError, match=f"numbered 0 to {len(items) - 1}"):
        env.reset(len(items))


def test_the_openai_form_holds_text_and_pictures(make) -> None:
    env = make()
    assert [m["role"] for m in env.reset(0).openai()] == ["system", "user"]
    seen, *_ = env.step(LOOK)
    (message,) = seen.openai(new=True)
    kinds = [part["type"] for part in message["content"]]
    assert kinds.count("image_url") == 2
    assert kinds[-1] == "text"
    url = next(p["image_url"]["url"] for p in message["content"] if p["type"] == "image_url")
    assert url.startswith("data:image/jpeg;base64,/9j/")
    assert len(seen.openai()) == 4


def test_reset_in_the_middle_interrupts(make) -> None:
    env = make(events=True)
    env.reset(0)
    env.step(code("x = 1"))
    left = env._episode
    env.reset(1)
    assert left.events[-1].kind == "session_ended"
    assert left.events[-1].status == "interrupted"
    assert not left._thread.is_alive()
    seen, *_ = env.step(code("x"))
    assert "NameError" in seen.text
    env.close()
    env.close()
    with pytest.raises(UsageError, match="no episode"):
        env.step("x")


def test_another_thread_may_close_while_code_runs(make) -> None:
    sandboxes = []
    running = threading.Event()

    def jail(functions, records):
        told = {**functions, "video_info": running.set}
        sandboxes.append(default_jail(told, records))
        return sandboxes[-1]

    def close() -> None:
        running.wait(60)
        env.close()

    env = make(jail=jail)
    env.reset(0)
    episode = env._episode
    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(EpisodeFailed, match="closed while it ran"):
        env.step(code("video_info()\nwhile True: pass"))
    closing.join()
    assert episode.events[-1].status == "interrupted"
    assert not episode._thread.is_alive()
    assert sandboxes[0]._process is None


def test_sub_questions_go_to_their_own_model_or_nowhere(make) -> None:
    env = make()
    env.reset(0)
    seen, *_ = env.step(code("llm_query('what?')"))
    assert "there is no model for sub-questions here" in seen.text
    seen, *_ = env.step(code("llm_query('what?', model='policy')"))
    assert "sub-questions cannot go to policy" in seen.text
    seen, *_ = env.step(code("rlm_query('what?', (0, 5))"))
    assert "no sub-session can be had" in seen.text

    def reply(messages) -> str:
        return code("answer('deep')") if messages[0].role == "system" else "sub"

    env = make(sub_model=AnsweringModel(reply))
    assert "rlm_query(" in env.reset(0).text
    seen, *_ = env.step(code("print(llm_query('what?'), rlm_query('what?', (0, 5)).answer)"))
    assert "sub deep" in seen.text


def test_what_breaks_is_typed_and_ends_the_episode(make, items: list[Item]) -> None:
    def none(functions, records):
        raise SandboxUnavailable("no jail", "get one")

    with pytest.raises(JailError, match="no jail"):
        make(jail=none).reset(0)
    env = make()
    env.reset(0)
    env._episode._session._host.take = lambda: 1 / 0
    with pytest.raises(EpisodeFailed, match="ZeroDivisionError"):
        env.step(code("print(1)"))
    with pytest.raises(UsageError, match="no episode"):
        env.step("x")
    gone = items[0].model_copy(update={"video": Path("gone.mp4")})
    with pytest.raises(VideoNotFound):
        make(indexes=None).reset(gone)


def test_limits_that_cannot_be_kept_are_refused(make) -> None:
    for budget, says in ((Budget(usd=1), "limit usd"), (Budget(seconds=9), "limit seconds")):
        with pytest.raises(UsageError, match=says):
            make(budget=budget)
    with pytest.raises(UsageError, match="at least one item"):
        make(items=[])
    env = make(budget=Budget(tokens=1000))
    env.reset(0)
    with pytest.raises(UsageError, match="usage of each reply"):
        env.step("x")
    seen, _, _, info = env.step(code("1"), usage=Usage(300, 100, None))
    assert info["tokens"] == 400
    assert "last turn" in seen.text


def test_the_index_of_a_video_is_found_and_shared(items: list[Item], index: VideoIndex) -> None:
    indexes = Indexes("builtin", index._root)
    found = indexes.of(items[0].video)
    assert found.key == index.key
    assert indexes.of(str(items[1].video)) is found
