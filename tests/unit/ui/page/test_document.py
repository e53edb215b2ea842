"""Runs as files: what is inside, what lies beside, and that text stays text."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from made_runs import answered, ended, header, image, observed, picture, reply, saved

from rlm.agent.transcript import Transcript
from rlm.ui.page.document import embedded, live_page, page, write_page
from rlm.ui.page.pictures import THUMBNAIL, Album
from rlm.ui.page.runs import Listed, runs_page

EVIL = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\u2028'\"&"
PICTURES = [picture(shade) for shade in range(4)]


@pytest.fixture
def run(tmp_path: Path) -> Transcript:
    shown = [image(jpeg, f"frame {EVIL}") for jpeg in PICTURES]
    events = [
        header(question=EVIL), reply(1, EVIL), observed(1, EVIL, *shown), reply(2, "x"),
        observed(2, "", shown[0]), answered(2, EVIL, (1, 2)), ended(2),
    ]  # fmt: skip
    return saved(tmp_path, events, PICTURES)


def data_of(text: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


def test_a_page_is_one_file_with_each_picture_once(run: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    assert write_page(run, file) == []
    text = file.read_text()
    for jpeg in PICTURES:
        assert text.count(base64.b64encode(jpeg).decode()) == 1
    data = data_of(text)
    assert len(data["pictures"]) == len(PICTURES)
    for small in data["pictures"].values():
        assert small["width"] <= THUMBNAIL[0]
        assert len(small["jpeg"]) < 6000
    assert data["rows"][0]["question"] == EVIL
    assert not re.search(r'(src|href)="(?!#|data:)', text.partition("<script")[0])


def test_nothing_a_run_says_is_markup(run: Transcript) -> None:
    text = page(run)
    assert text.count("<script") == 2 + len(PICTURES)
    assert text.count("</script>") == 2 + len(PICTURES)
    assert "<!--" not in text
    assert "<img src" not in text
    assert "\u2028" not in text.replace("\\u2028", "").partition("<script")[2]


def test_pictures_without_room_are_linked(run: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "a run.html"
    beside = write_page(run, file, room=len(PICTURES[0]))
    assert [one.read_bytes() for one in beside] == PICTURES[1:]
    assert {one.parent for one in beside} == {tmp_path / "a run.pictures"}
    links = data_of(file.read_text())["links"]
    assert set(links) == {one.stem for one in beside}
    assert all(link.startswith("a%20run.pictures/") for link in links.values())
    linked = write_page(run, file, room=0, copies=False)
    assert linked[0].parent == run.path / "media"


def test_pictures_may_be_left_out_or_missing(run: Transcript, tmp_path: Path) -> None:
    assert data_of(page(run, images=False))["pictures"] == {}
    gone, broken = (run.media(image(jpeg, "").sha256) for jpeg in PICTURES[:2])
    gone.unlink()
    broken.write_bytes(b"no picture")
    pictures = data_of(page(run))["pictures"]
    assert [bool(pictures[file.stem]) for file in (gone, broken)] == [False, False]
    assert sum(map(bool, pictures.values())) == 2
    assert Album.of([], run.media).small == {}


def test_a_picture_that_claims_to_be_huge_is_none(run: Transcript) -> None:
    jpeg = bytearray(PICTURES[0])
    size = jpeg.index(b"\xff\xc0") + 5  # of a baseline frame: height and width
    jpeg[size : size + 4] = (60_000).to_bytes(2, "big") * 2
    huge = run.media(image(PICTURES[0], "").sha256)
    huge.write_bytes(jpeg)
    assert data_of(page(run))["pictures"][huge.stem] == {}


def test_the_policy_lets_only_the_page_itself_run(run: Transcript) -> None:
    for text in (page(run), live_page()):
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
        assert policy is not None
        rules = dict(rule.split(" ", 1) for rule in policy[1].replace("&#39;", "'").split("; "))
        assert rules["default-src"] == "'none'"
        assert re.fullmatch(r"'sha256-[^']+'", rules["script-src"])
        assert "unsafe" not in policy[1]


def test_what_is_embedded_comes_back() -> None:
    value = {"a": [EVIL, "\x00\x7f\U0001f600", None, 1.5]}
    assert json.loads(embedded(value)) == value
    assert not set(embedded(value)) & set("<>&\u2028")


def test_a_list_tells_what_cannot_be_read() -> None:
    facts = {
        "transcript": "t", "started": "2030-01-01T00:00:00+00:00", "question": EVIL, "answer": None,
        "best_effort": False, "video": EVIL, "model": "m", "status": "unfinished", "turns": 3,
        "frames": None, "tokens": None, "usd": None, "seconds": 4.0,
    }  # fmt: skip
    text = runs_page([Listed(facts, "a.html"), Listed({"transcript": "b"}, error=EVIL)], EVIL)
    assert text.count("<script") == 1
    assert "<!--" not in text
    assert text.count("unknown</td>") == 3
    assert 'class="status unreadable"' in text
    assert 'href="a.html"' in text
