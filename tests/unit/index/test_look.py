"""The appearance descriptor: the same whatever the size and compression, other for other shots."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rlm.errors import UsageError
from rlm.index.look import SIZE, centre, describe, place
from rlm.video import Video


def scene(seed: int, height: int = 96, width: int = 160, shift: float = 0.0) -> np.ndarray:
    """A smooth picture of coloured blobs; ``shift`` moves one of them, as time would."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    picture = np.broadcast_to(rng.uniform(0.1, 0.9, 3), (height, width, 3)).copy()
    for blob in range(6):
        at, size, colour = rng.random(2), rng.uniform(0.05, 0.25), rng.random(3)
        across = x - at[0] - (shift if blob == 0 else 0.0)
        inside = np.exp(-(((across**2 + (y - at[1]) ** 2) / size**2) ** 2))[..., None]
        picture = picture * (1 - inside) + colour * inside
    return np.rint(picture * 255).astype(np.uint8)


def recompressed(rgb: np.ndarray, crf: int) -> np.ndarray:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": str(crf)})
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def smaller(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    return frame.reformat(width=width, height=height, interpolation="AREA").to_ndarray()


@pytest.fixture(scope="module")
def film() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The raw descriptors of 24 scenes, their mean, and the placed ones."""
    raw = describe(np.stack([scene(seed) for seed in range(24)]))
    return raw, *centre(raw)


@pytest.mark.parametrize(
    "changed",
    [
        lambda rgb: smaller(rgb, 107, 64),
        lambda rgb: smaller(rgb, 58, 35),
        lambda rgb: recompressed(rgb, 35),
        lambda rgb: recompressed(smaller(rgb, 96, 64), 30),
        lambda rgb: np.rint(rgb * 0.8).astype(np.uint8),
        lambda rgb: np.roll(rgb, 3, axis=1),
    ],
    ids=["smaller", "tiny", "compressed", "both", "darker", "shifted"],
)
def test_a_picture_is_found_again(film, changed) -> None:
    _, mean, placed = film
    again = place(
        np.concatenate([describe(changed(scene(seed))[None]) for seed in range(24)]), mean
    )
    similar = again @ placed.T
    assert (similar.argmax(axis=1) == np.arange(24)).all()
    assert np.diag(similar).min() > 0.8
    others = similar[~np.eye(24, dtype=bool)]
    assert np.diag(similar).min() > others.max()


def test_another_moment_of_a_shot_is_nearer_than_other_shots(film) -> None:
    _, mean, placed = film
    later = place(describe(np.stack([scene(seed, shift=0.3) for seed in range(24)])), mean)
    assert (np.argmax(later @ placed.T, axis=1) == np.arange(24)).mean() >= 0.9


def test_colour_alone_and_shape_alone_tell_pictures_apart() -> None:
    flat = np.zeros((4, 64, 96, 3), dtype=np.uint8)
    flat[0, ..., 0] = flat[1, ..., 1] = flat[2, ..., 2] = 180
    flat[3] = 104
    stripes = np.zeros((2, 64, 96, 3), dtype=np.uint8)
    stripes[0, :, ::16] = stripes[0, :, 1::16] = stripes[1, ::16] = stripes[1, 1::16] = 200
    for pictures in (flat, stripes):
        placed = centre(describe(pictures))[1]
        assert (placed @ placed.T)[~np.eye(len(placed), dtype=bool)].max() < 0.5


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 5), st.integers(1, 70), st.integers(1, 70), st.just(3)),
        elements=st.sampled_from([0, 1, 17, 128, 255]),
    )
)
def test_any_pictures_have_vectors_of_length_one(pictures: np.ndarray) -> None:
    raw = describe(pictures)
    assert raw.shape == (len(pictures), SIZE) and raw.dtype == np.float32
    mean, placed = centre(raw)
    assert mean.dtype == placed.dtype == np.float32
    assert np.linalg.norm(placed, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert place(raw, mean) == pytest.approx(placed)
    alone = np.concatenate([describe(picture[None]) for picture in pictures])
    assert alone == pytest.approx(raw, abs=1e-5)


def test_one_picture_or_all_alike_is_like_itself() -> None:
    black = np.zeros((3, 48, 64, 3), dtype=np.uint8)
    _, placed = centre(describe(black))
    assert placed @ placed.T == pytest.approx(np.ones((3, 3)))


def test_no_pictures_have_no_vectors() -> None:
    nothing = describe(np.zeros((0, 64, 64, 3), dtype=np.uint8))
    assert nothing.shape == (0, SIZE)
    with pytest.raises(UsageError, match="no pictures to centre"):
        centre(nothing)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((64, 64, 3), dtype=np.uint8),
        np.zeros((1, 64, 64, 4), dtype=np.uint8),
        np.zeros((1, 64, 64, 3), dtype=np.float32),
        np.zeros((1, 0, 64, 3), dtype=np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"^pictures are uint8\[N, H, W, 3\], not [^\n]*$"):
        describe(wrong)


def test_frames_of_a_real_clip_are_told_from_those_of_others(shared_videos) -> None:
    """The nearest frame that is not a neighbour in time is of the same shot."""
    raw, shots = [], []
    clips = {
        "sam2_coffee/04_coffee.mp4": [(0, 9)],
        "chaplin/chaplin.mp4": [(0, 9)],
        "nasa_jwst/nasa_13013.mp4": [(0, 4.8), (8.2, 13)],
    }
    for name, spans in clips.items():
        video = Video.open(shared_videos / name)
        frames = list(video.frames(fps=2, size=64))
        for span in spans:
            inside = [frame.rgb for frame in frames if span[0] <= frame.time < span[1]]
            raw.append(describe(np.stack(inside)))
            shots += [(name, span)] * len(inside)
    _, placed = centre(np.concatenate(raw))
    similar = placed @ placed.T
    near = np.abs(np.subtract.outer(np.arange(len(placed)), np.arange(len(placed)))) <= 2
    nearest = np.where(near, -2, similar).argmax(axis=1)
    assert np.mean([shots[a] == shots[b] for a, b in enumerate(nearest)]) >= 0.95
