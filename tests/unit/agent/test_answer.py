import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.agent.answer import CANNOT_TELL, from_words, letter, read_answer, salvaged
from rlm.spans import Span

COLOURS = ("Red", "Blue.", "Silver-blue", "None of these")


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        ("B", 1), ("b", 1), ("(C)", 2), ("A.", 0), ("D) None of these", 3), ("silver blue", 2),
        ("blue", 1), ("C. Silver-blue", 2),
    ],
)  # fmt: skip
def test_options_by_letter_text_or_index(value: object, choice: int) -> None:
    answer = read_answer(value, None, None, COLOURS, 10)
    assert (answer.choice, answer.text) == (choice, COLOURS[choice])


def test_a_span_that_is_told_twice_is_kept_once() -> None:
    told = [(4, 6), (1, 2), (4.0, 6.0)]
    for read in (read_answer, salvaged):
        assert read("red", told, None, (), 10).evidence == (Span(4, 6), Span(1, 2))


@pytest.mark.parametrize("value", ["E", 4, 0, 3, -1, "Green", "A. Blue", "", 1.5])
def test_an_option_that_is_none_is_said_to_be_none(value: object) -> None:
    with pytest.raises(ValueError, match="is not an option; pass the letter"):
        read_answer(value, None, None, COLOURS, 10)


def test_a_number_that_is_both_a_text_and_an_index_is_not_guessed() -> None:
    numbers = ("6", "2", "4", "3")
    assert read_answer(2, None, None, numbers, 10).choice == 1
    with pytest.raises(ValueError, match="is not an option"):
        read_answer(2, None, None, ("six", "two", "four"), 10)
    assert read_answer("2", None, None, numbers, 10).choice == 1
    assert read_answer("C", None, None, numbers, 10).choice == 2
    assert read_answer(6, None, None, numbers, 10).choice == 0


def test_letters_that_are_options_win_only_when_unambiguous() -> None:
    with pytest.raises(ValueError, match="more than one"):
        read_answer("B", None, None, ("B", "A"), 10)


def test_none_says_it_cannot_be_told() -> None:
    answer = read_answer(None, None, None, COLOURS, 10)
    assert (answer.text, answer.choice, answer.confidence) == (CANNOT_TELL, None, 0.0)


def test_evidence_and_confidence() -> None:
    answer = read_answer("white", [(1, 2.5), (9, 10.3)], 0.75, (), 10)
    assert answer.evidence == (Span(1, 2.5), Span(9, 10))
    assert answer.confidence == 0.75


@pytest.mark.parametrize(
    ("evidence", "confidence", "error", "says"),
    [
        ([(5, 20)], None, ValueError, "not inside"),
        ([(5, 4)], None, ValueError, "ends before it starts"),
        ([(float("nan"), 4)], None, ValueError, "not inside"),
        (None, 1.5, ValueError, "from 0 to 1"),
        (None, float("nan"), ValueError, "from 0 to 1"),
        (None, "high", TypeError, "from 0 to 1"),
        (None, True, TypeError, "from 0 to 1"),
    ],
)
def test_what_cannot_be_is_said(
    evidence: list | None, confidence: object, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        read_answer("x", evidence, confidence, (), 10)


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("B", 1), ("The answer is (C).", 2), ("I think so.\nAnswer: D", 3), ("Silver-blue", 2),
    ],
)  # fmt: skip
def test_an_answer_from_words(words: str, choice: int) -> None:
    answer = from_words(words, COLOURS)
    assert answer is not None
    assert answer.best_effort
    assert answer.choice == choice


@pytest.mark.parametrize("words", ["It could be any of them.", "", "what about a\nb\nc", "Z"])
def test_words_that_name_no_option_are_no_answer(words: str) -> None:
    assert from_words(words, COLOURS) is None


def test_words_are_an_answer_when_there_are_no_options() -> None:
    answer = from_words(" a white car ", ())
    assert answer is not None
    assert answer.text == "a white car"
    assert from_words(" ", ()) is None


@given(st.lists(st.text("abcxyz ", min_size=2, max_size=8), min_size=2, max_size=6, unique=True))
def test_a_letter_always_means_its_place(options: list[str]) -> None:
    options = [f"option {text}{i}" for i, text in enumerate(options)]
    for index in range(len(options)):
        assert read_answer(letter(index), None, None, options, 1).choice == index
        assert read_answer(options[index], None, None, options, 1).choice == index
