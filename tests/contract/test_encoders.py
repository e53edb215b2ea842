"""What every encoder owes its callers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from saved_models import overlapped, save_siglip, save_videoprism, save_vjepa

from rlm.encoders import Embedding, Encoder, available_presets, load_encoder
from rlm.errors import UsageError

LOAD: dict[str, Callable[[Path], Encoder]] = {
    "builtin": lambda _: load_encoder("builtin"),
    "builtin overlapped": lambda _: overlapped("builtin", stride=8),
    "vjepa2": lambda folder: load_encoder(save_vjepa(folder)),
    "vjepa2 in shards, overlapped": lambda folder: overlapped(
        save_vjepa(folder, shard_size="50KB"), stride=6
    ),
    "siglip2": lambda folder: load_encoder(save_siglip(folder)),
    "flexible siglip2": lambda folder: load_encoder(save_siglip(folder, flexible=True)),
    "videoprism": lambda folder: load_encoder(save_videoprism(folder)),
}
BY_NAME: dict[str, Callable[[Path], Path]] = {
    "fast": lambda own: save_vjepa(own / "vjepa2-vitl-fpc64-256", crop=256),
    "quality": lambda own: save_vjepa(own / "vjepa2-vitg-fpc64-384", crop=384),
    "siglip2": lambda own: save_siglip(own / "siglip2-base-patch16-256", crop=256),
    "videoprism": lambda own: save_videoprism(
        own / "videoprism-lvt-base-f16r288", crop=288, frames=16
    ),
}


@pytest.fixture(scope="module", params=LOAD)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return LOAD[request.param](tmp_path_factory.mktemp("contract") / "model")


@pytest.fixture(scope="module")
def windows(encoder: Encoder) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    full = rng.integers(0, 256, (encoder.frames, 48, 80, 3), dtype=np.uint8)
    lengths = {encoder.frames, min(3, encoder.frames), 1}
    return [encoder.prepare(full[:length]) for length in sorted(lengths, reverse=True)]


def test_the_builtin_one_is_always_here() -> None:
    assert "builtin" in available_presets()


@pytest.mark.parametrize("name", BY_NAME)
def test_they_are_found_by_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = BY_NAME[name](tmp_path)
    monkeypatch.setenv("VIDEORLM_WEIGHTS", str(tmp_path))
    encoder = load_encoder(name)
    assert encoder.preset == name and encoder.spec.folder == folder
    assert available_presets()[name] == folder
    picture = np.random.default_rng(0).integers(0, 256, (1, 300, 500, 3), dtype=np.uint8)
    encoded = encoder.encode([encoder.prepare(picture)])
    assert all(len(encoded[track]) == 1 for track in encoder.tracks)


def test_it_says_what_it_is(encoder: Encoder) -> None:
    assert encoder.frames >= 1 and encoder.fps in (1.0, 4.0) and encoder.batch >= 1
    assert len(set(encoder.tracks.values())) == len(encoder.tracks) > 0
    assert all(f"@{encoder.revision}/" in space for space in encoder.tracks.values())
    assert encoder.spec.tracks == encoder.tracks
    assert encoder.spec.per_tubelet <= encoder.tracks.keys()
    assert encoder.text_space in (None, *encoder.tracks.values())


def test_prepare_gives_windows(encoder: Encoder, windows: list[np.ndarray]) -> None:
    for window in windows:
        assert window.dtype == np.uint8 and window.shape[1:] == (encoder.crop, encoder.crop, 3)


def test_vectors_are_embeddings(encoder: Encoder, windows: list[np.ndarray]) -> None:
    encoded = encoder.encode(windows)
    assert list(encoded) == list(encoder.tracks)
    tubelets = sum(-(-len(window) // 2) for window in windows)
    for track, vectors in encoded.items():
        rows = tubelets if track in encoder.spec.per_tubelet else len(windows)
        assert vectors.dtype == np.float32 and len(vectors) == rows
        for vector in vectors:
            Embedding(encoder.tracks[track], vector)


def test_encoding_repeats_itself(encoder: Encoder, windows: list[np.ndarray]) -> None:
    first, second = encoder.encode(windows), encoder.encode(windows)
    assert all(np.array_equal(first[track], second[track]) for track in first)


def test_keeping_all_is_the_default(encoder: Encoder, windows: list[np.ndarray]) -> None:
    plain, kept = encoder.encode(windows), encoder.encode(windows, [(0, len(w)) for w in windows])
    assert all(np.array_equal(plain[track], kept[track]) for track in plain)
    for wrong in ([(0, 0)] * len(windows), [(0, 99)] * len(windows), [(0, 1)] * 9):
        with pytest.raises(UsageError, match="kept"):
            encoder.encode(windows, wrong)


def test_nothing_in_nothing_out(encoder: Encoder, windows: list[np.ndarray]) -> None:
    nothing, something = encoder.encode([]), encoder.encode(windows[:1])
    assert list(nothing) == list(encoder.tracks)
    for track in encoder.tracks:
        assert nothing[track].shape == (0, something[track].shape[1])
        assert nothing[track].dtype == np.float32


def test_what_is_no_window_is_refused(encoder: Encoder, windows: list[np.ndarray]) -> None:
    side = encoder.crop
    for wrong in (
        np.zeros((1, side + 16, side, 3), np.uint8),
        np.zeros((1, side, side, 3), np.float32),
        np.zeros((0, side, side, 3), np.uint8),
        np.zeros((65, side, side, 3), np.uint8),
    ):
        with pytest.raises(UsageError, match="window"):
            encoder.encode([windows[0], wrong])


def test_text_where_there_is_a_text_space(encoder: Encoder) -> None:
    if encoder.text_space is None:
        with pytest.raises(UsageError, match="no text side"):
            encoder.encode_text(["a red circle moves up"])
        return
    (vector,) = encoder.encode_text(["a red circle moves up"])
    Embedding(encoder.text_space, vector, origin="text")
    track = {space: name for name, space in encoder.tracks.items()}[encoder.text_space]
    assert encoder.encode([])[track].shape[1] == len(vector)


def test_it_classifies_for_the_tasks_it_names_and_no_other(
    encoder: Encoder, windows: list[np.ndarray]
) -> None:
    for task in encoder.tasks:
        for shares in encoder.classify(windows[:2], task):
            assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
    with pytest.raises(UsageError, match="no probe"):
        encoder.classify(windows[:1], "no such task")
