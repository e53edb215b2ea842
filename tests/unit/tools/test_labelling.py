import numpy as np
import pytest

from rlm.tools.base import Frames, Sheet
from rlm.tools.labelling import as_rgb, frame_label, labelled


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 3), np.uint8),
        np.zeros((4, 5, 1), np.int64),
        np.zeros((2, 4, 5, 3), np.float32),
        np.zeros((2, 4, 5, 1), bool),
    ],
)
def test_pictures_of_any_usual_form(array: np.ndarray) -> None:
    rgb = as_rgb(array)
    assert rgb.dtype == np.uint8
    assert rgb.shape[1:] == (4, 5, 3)


def test_values_survive() -> None:
    assert as_rgb(np.full((2, 2), 0.5))[0, 0, 0].tolist() == [128] * 3
    assert as_rgb(np.ones((2, 2), bool))[0, 0, 0].tolist() == [255] * 3
    assert as_rgb(np.full((2, 2), 200))[0, 0, 0].tolist() == [200] * 3


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.full((2, 2), 256),
        np.full((2, 2), -1),
        np.full((2, 2), 1.5),
        np.full((2, 2), np.nan),
        np.zeros((2, 2), complex),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a picture"):
        as_rgb(array)


def test_labels_say_the_time_or_the_number() -> None:
    rgb = np.zeros((2, 4, 4, 3), np.uint8)
    frames = Frames(1.0, 3.0, np.array([1.0, 61.5]), rgb)
    sheet = Sheet(0.0, 4.0, np.arange(6.0), rgb[0])
    assert [name for name, _, _ in labelled(frames)] == [
        "frame at 1.00 s",
        "frame at 61.50 s (1:01.5)",
    ]
    assert [name for name, _, _ in labelled(rgb, "crop")] == ["crop, 1 of 2", "crop, 2 of 2"]
    assert [name for name, _, _ in labelled(rgb, "crop", [1, 2])] == [
        "crop, frame at 1.00 s",
        "crop, frame at 2.00 s",
    ]
    assert [name for name, _, _ in labelled(rgb[0])] == ["picture"]
    ((name, _, count),) = labelled([sheet])
    assert (name, count) == ("contact sheet of 0.0 to 4.0 s", 6)
    with pytest.raises(ValueError, match="2 times, not 1"):
        labelled(rgb, times=[1.0])


def test_times_go_with_a_list_of_as_many_pictures() -> None:
    one, two = np.zeros((4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)
    names = [name for name, _, _ in labelled([one, two], times=np.array([1.0, 2.0, 3.0]))]
    assert names == ["frame at 1.00 s", "frame at 2.00 s", "frame at 3.00 s"]
    frames = Frames(0.0, 9.0, np.array([7.0, 8.0]), two)
    names = [name for name, _, _ in labelled([frames, one], times=[1, 2, 3])]
    assert names == ["frame at 7.00 s", "frame at 8.00 s", "frame at 3.00 s"]
    with pytest.raises(ValueError, match="3 pictures need 3 times, not 2"):
        labelled([one, two], times=[1.0, 2.0])


def test_a_time_for_one_picture_is_no_label() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    assert [name for name, _, _ in labelled(picture, times=1.5)] == ["frame at 1.50 s"]
    with pytest.raises(TypeError, match="label is text, not float; times go in times="):
        labelled(picture, 1.5)  # type: ignore[arg-type]


def test_frame_label_uses_seconds_first() -> None:
    assert frame_label(3725.25) == "frame at 3725.25 s (1:02:05.2)"
