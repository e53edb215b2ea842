import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.agent.prompting import extract_code, prompts_sha256, render, without_code


@pytest.mark.parametrize("tag", ["python", "py", "repl", "", "Python", "python3"])
def test_every_tag_a_model_uses(tag: str) -> None:
    assert extract_code(f"Let me see.\n```{tag}\nprint(1)\n```\nThen.") == "print(1)"


@pytest.mark.parametrize("tag", ["json", "text", "bash"])
def test_other_languages_are_not_run(tag: str) -> None:
    assert extract_code(f"```{tag}\nx\n```") is None


def test_no_block() -> None:
    assert extract_code("I would look at the video.") is None
    assert extract_code("```python\n\n```") is None


def test_only_the_first_block_runs_since_what_follows_is_made_up() -> None:
    reply = "```python\na = 1\n```\nOutput:\n```\n1\n```\n```py\nanswer(a)\n```"
    assert extract_code(reply) == "a = 1"
    assert extract_code("```\nmade up\n```\n```py\nx\n```") == "x"


def test_a_block_that_was_cut_short_is_run() -> None:
    assert extract_code("```python\nx = 1\ny = 2") == "x = 1\ny = 2"


def test_a_fence_inside_a_longer_fence() -> None:
    assert extract_code('````python\nprint("""\n```\n""")\n````') == 'print("""\n```\n""")'


def test_words_around_code() -> None:
    assert without_code("First.\n```python\nx\n```\nThen.") == "First.\n\nThen."


@given(st.text(alphabet="ab`\n python~", max_size=60))
def test_any_reply_is_read_without_an_error(reply: str) -> None:
    extract_code(reply)
    without_code(reply)


def test_templates_render_from_any_folder(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "answer(" in render("wrap_up", reason="turns", options=["a", "b"], asked=False)
    assert len(prompts_sha256()) == 64
