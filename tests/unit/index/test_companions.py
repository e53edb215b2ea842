"""Encoders that go along with a preset: found where they are, fed by the same pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_models import save_siglip, save_vjepa

from rlm.errors import UsageError
from rlm.index import VideoIndex
from rlm.spans import Span
from rlm.video import Video


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model in the place of the weights of ``fast``."""
    folder = tmp_path / "weights"
    save_vjepa(folder / "vjepa2-vitl-fpc64-256", crop=256, num_hidden_layers=1)
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(folder))
    return folder


def test_a_companion_that_arrives_is_computed_alone(
    weights: Path, five_shots: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    alone = VideoIndex.build(five_shots, "fast", cache=cache)
    assert alone.fields == ("vjepa", "look") and alone.text_spaces == {}
    files = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}

    save_siglip(weights / "siglip2-base-patch16-256", crop=256)
    # What is there is whole without it, and is opened as it is.
    assert VideoIndex.load(five_shots, "fast", cache=cache).fields == ("vjepa", "look")
    index = VideoIndex.build(five_shots, "fast", cache=cache)
    assert index.fields == ("vjepa", "siglip2", "look")
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert index.track("vjepa").tobytes() == alone.track("vjepa").tobytes()

    # A row a second, and one more for each shot that begins in between.
    spans = index.spans("siglip2")
    assert np.all(spans[1:, 0] == spans[:-1, 1]) and spans[-1, 1] == 23.5
    assert len(spans) == 24
    picture = Video.open(five_shots).clip(Span(5.0, 5.1), count=1).rgb[0]
    example = index.embed(picture, field="siglip2")
    assert index.nearest(example, k=1)[0].score > 0.99
    text = index.embed("a blue square")
    assert text.space == index.spaces["siglip2"] == index.text_space
    assert {hit.source for hit in index.nearest(text, k=3)} == {"siglip2"}
    with pytest.raises(UsageError, match="no feature maps"):
        index.feature_maps(Span(0.0, 1.0), field="siglip2")
