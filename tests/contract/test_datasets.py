"""One suite over every registered reader of a data set."""

from __future__ import annotations

from pathlib import Path

import pytest
from vidqa_rows import SAMPLES, read_or_one_line, spoilt

from rlm.errors import UsageError
from rlm.evaluation.dataset import DATASETS, DataSet, load_reader

BLIND = {"ek100": {"P01_11_0"}}
"""Items of the samples that have nothing to be seen although their videos are there."""


@pytest.fixture(params=DATASETS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def data(name: str, tmp_path: Path) -> DataSet:
    return load_reader(name).read(*SAMPLES[name].write(tmp_path))


def test_items_keep_their_ids_and_are_whole(name: str, data: DataSet, tmp_path: Path) -> None:
    assert data.name == name
    assert tuple(item.id for item in data.items) == SAMPLES[name].ids
    for item in data.items:
        assert item.dataset == name
        assert item.video.is_file()
        assert item.video.is_relative_to(tmp_path / "videos")
        assert item.metric == ("choice" if item.options else item.metric)
        if item.answer_index is not None:
            assert item.answer_index < len(item.options)
        assert len({option.lower() for option in item.options}) == len(item.options)
    assert any(item.scored for item in data.items)
    assert set(data.missing) == BLIND.get(name, set())


def test_a_missing_video_is_told_and_its_items_are_kept(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    annotations, videos = sample.write(tmp_path)
    gone = videos / sample.videos[-1]
    gone.unlink()
    data = load_reader(name).read(annotations, videos)
    assert tuple(item.id for item in data.items) == sample.ids
    absent = {item.id for item in data.absent} - BLIND.get(name, set())
    assert absent
    assert all(gone.stem in data.missing[uid] for uid in absent)
    assert {item.id for item in data.present} == set(sample.ids) - set(data.missing)
    assert gone.stem in data.told_missing()
    assert f"of {len(sample.ids)} questions" in data.told_missing()


def test_a_bad_row_is_named_with_its_file_and_field(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    annotations, videos = sample.write(tmp_path)
    file, good, bad, field = sample.spoil
    text = (tmp_path / file).read_text()
    assert good in text
    (tmp_path / file).write_text(text.replace(good, bad, 1))
    with pytest.raises(UsageError) as raised:
        load_reader(name).read(annotations, videos)
    message = str(raised.value)
    assert Path(file).name in message or "EPIC_100" in message
    assert f"{field}: " in message
    assert "\n" not in message


def test_what_cannot_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    reader = load_reader(name)
    annotations, videos = SAMPLES[name].write(tmp_path)
    with pytest.raises(UsageError, match="videos"):
        reader.read(annotations, tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    for nothing in (empty, tmp_path / "no.json"):
        with pytest.raises(UsageError) as raised:
            reader.read(nothing, videos)
        assert str(nothing) in str(raised.value)
    noise = tmp_path / SAMPLES[name].spoil[0]
    noise.write_bytes(b"\xff\xfe[")
    with pytest.raises(UsageError, match=r"is not UTF-8 text|there"):
        reader.read(annotations, videos)


def test_files_of_other_sets_are_refused_or_read(name: str, tmp_path: Path) -> None:
    """Whatever a file holds, it becomes items or one line, never a traceback."""
    reader = load_reader(name)
    for other, sample in SAMPLES.items():
        _, videos = sample.write(tmp_path / other)
        for file in sample.files:
            read_or_one_line(reader, tmp_path / other / file, videos)


def test_any_value_in_any_field_is_an_item_or_one_line(name: str, tmp_path: Path) -> None:
    reader, sample = load_reader(name), SAMPLES[name]
    annotations, videos = sample.write(tmp_path)
    for file, content in sample.files.items():
        if not isinstance(content, str):
            for text in spoilt(file, content):
                (tmp_path / file).write_text(text)
                read_or_one_line(reader, annotations, videos)
            (tmp_path / file).write_text(next(spoilt(file, content)))


def test_about_is_told(name: str) -> None:
    about = load_reader(name).about
    assert about.title
    assert about.metric
    assert about.annotations
    assert about.licence
