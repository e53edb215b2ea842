"""Few-shot probes on made tokens: the split, what is fitted, what is measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.encoders.probes import AttentiveProbe
from rlm.errors import UsageError
from rlm.prediction import fewshot
from rlm.prediction.fewshot import fit, split_spans
from rlm.prediction.labelled import LabelledSpan, SpanTokens
from rlm.spans import Span

HIDDEN = 16
_MARK, *_KINDS = np.random.default_rng(0).normal(size=(6, HIDDEN)) * 2


def made(
    label: int, video: str, start: float, windows: int = 1, rng: np.random.Generator | None = None
) -> SpanTokens:
    """A span of which one marked token in twelve tells the label; another one takes it back.

    So the mean over tokens tells nothing.
    """
    rng = rng or np.random.default_rng(int(start * 7) + label)
    tokens = rng.normal(size=(windows, 12, HIDDEN)) * 0.5
    told, denied = rng.permutation(12)[:2]
    tokens[:, told] += _KINDS[label] + _MARK
    tokens[:, denied] -= _KINDS[label]
    row = LabelledSpan(Path(video), Span(start, start + 2), "abcde"[label], "")
    return SpanTokens(row, video, tuple(tokens.astype(np.float16)), np.full(windows, 2 / windows))


def parts(spans: list[SpanTokens], numbers: tuple[int, ...]) -> Counter[str]:
    return Counter(spans[number].row.label for number in numbers)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 60)), max_size=40),
    st.integers(0, 5),
    st.sampled_from([0.1, 0.25, 0.5]),
)
def test_a_split_is_fair(rows: list[tuple[int, int, int]], seed: int, share: float) -> None:
    """Every class is in every part, and nothing that was fitted on is measured on."""
    spans = [made(label, f"v{video}", start) for label, video, start in rows]
    spans += [made(label, f"own{label}", 3.0 * n) for label in range(3) for n in range(3)]
    split = split_spans(spans, share, seed)
    together = (*split.fit, *split.validation, *split.held_out)
    assert sorted(together) == list(range(len(spans)))
    for numbers in (split.fit, split.validation, split.held_out):
        assert set(parts(spans, numbers)) == set("abc")
    for one in (*split.fit, *split.validation):
        for other in split.held_out:
            apart = spans[one].content != spans[other].content
            assert apart or not spans[one].row.span.overlap(spans[other].row.span)
            assert split.by == "span" or apart
    assert split == split_spans(spans, share, seed)


def test_whole_videos_are_held_out_where_that_can_be() -> None:
    spans = [made(n % 2, f"v{video}", 3.0 * n) for video in range(4) for n in range(6)]
    split = split_spans(spans, 0.25, 0)
    assert split.by == "video" and len(split.held_out) == 6
    assert split.groups == (spans[split.held_out[0]].content,) * 6
    alone = [span for span in spans if span.content == "v0"]
    assert split_spans(alone, 0.25, 0).by == "span"


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ([made(0, "v", 3.0 * n) for n in range(6)], "all 6 spans are labelled 'a'"),
        ([made(n // 4, "v", 3.0 * n) for n in range(5)], "the class 'b' has 1 span, and needs 3"),
        ([made(n % 2, "v", n) for n in range(8)], "overlap so much"),
    ],
)
def test_what_cannot_be_split(spans: list[SpanTokens], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        split_spans(spans, 0.25, 0)


def test_a_probe_learns_what_a_mean_hides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fewshot, "_EPOCHS", 40)
    rng = np.random.default_rng(1)
    spans = [made(n % 4, f"v{n // 12}", 3.0 * n, 1 + n % 2, rng) for n in range(96)]
    split = split_spans(spans, 0.25, 0)
    losses: list[float] = []
    fitted = fit(spans, split, 0, lambda epoch, loss: losses.append(loss))
    assert fitted.classes == tuple("abcd")
    assert fitted.confusion.accuracy.total == len(split.held_out) == 24
    assert fitted.confusion.accuracy.share > 0.9
    assert fitted.majority.share <= 0.3
    assert len(losses) == fitted.epochs and losses[fitted.best - 1] == min(losses)
    assert fitted.best > 0 and fitted.centroid.share < 0.5

    probe = AttentiveProbe(HIDDEN, 4)
    probe.load_state_dict(fitted.state)
    right = 0
    for number in split.held_out:
        tokens = torch.from_numpy(np.stack(spans[number].windows)).float()
        told = probe(tokens).softmax(-1).mean(0).argmax()
        right += fitted.classes[int(told)] == spans[number].row.label
    assert right == fitted.confusion.accuracy.right


def test_labels_that_mean_nothing_are_told_by_chance_alone() -> None:
    rng = np.random.default_rng(2)
    spans = [made(int(rng.integers(4)), "v", 3.0 * n, rng=rng) for n in range(80)]
    wrong = rng.permutation([span.row.label for span in spans])
    shuffled = [
        SpanTokens(
            LabelledSpan(span.row.video, span.row.span, str(label), ""),
            span.content,
            span.windows,
            span.seconds,
        )
        for span, label in zip(spans, wrong, strict=True)
    ]
    accuracy = fit(shuffled, split_spans(shuffled, 0.5, 0), 0).confusion.accuracy
    assert accuracy.interval[0] < 0.25


def test_a_seed_says_all_and_the_random_numbers_of_others_stay_theirs() -> None:
    spans = [made(n % 2, "v", 3.0 * n) for n in range(8)]
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    one, other = (fit(spans, split_spans(spans, 0.25, 0), 0) for _ in range(2))
    assert torch.equal(torch.rand(1), wanted)
    assert all(torch.equal(other.state[name], each) for name, each in one.state.items())
