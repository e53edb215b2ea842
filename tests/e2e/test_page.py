"""Pages in a real browser: a saved run, a list of runs, a run under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from browser import Browser, chromium
from made_runs import answered, call, ended, header, image, observed, picture, reply, saved
from typer.testing import CliRunner

from rlm.agent import events as ev
from rlm.agent.control import Control
from rlm.agent.llm import Message, Reply
from rlm.agent.models import Models
from rlm.agent.policy import BuiltinModel
from rlm.agent.session import Session
from rlm.cli import app
from rlm.index import VideoIndex
from rlm.ui.page.document import write_page
from rlm.ui.page.live import LivePage

PICTURES = [picture(shade) for shade in range(3)]
EVIL = "\n".join(
    (
        "<script>window.ran = 1</script>", "<img src=x onerror='window.ran = 2'>",
        "</script><script>window.ran = 3</script>", "<!-- <script>",
        "--><svg onload=window.ran=4>", "javascript:window.ran=5",
        "\u2028window.ran = 6\u2029", "\ud800 \udfff", "\x00\x01\x1b[31m",
        "\"'>`${window.ran = 7}`", "&lt;b&gt; {{ 7 * 7 }} {% raw %}", "\u202etxet",
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


def sub_session(name: str, begins: float, lasts: float = 5) -> list[ev.Event]:
    where = {"session": name}
    started = ev.SubSessionStarted(
        at=begins, turn=2, question=f"What is in part {name}?", options=(), span=(10, 20),
        model="m", limits={}, **where,
    )  # fmt: skip
    return [
        started, reply(1, f"Part of {name}.", **where), call(1, "search", (12, 14), **where),
        observed(1, "x", **where), reply(4, "Here.", **where), observed(4, "", **where),
        answered(4, "a sub-answer", (12, 13), **where), ended(4, at=begins + lasts, **where),
    ]  # fmt: skip


def events_of_a_run() -> list[ev.Event]:
    frames = [image(jpeg, f"frame at {n}.00 s") for n, jpeg in enumerate(PICTURES)]
    curve = tuple(float(n % 7) for n in range(40))
    return [
        header(options=("a car", "a dog"), scenes=(0, 15, 30)),
        reply(1, "First a look.\n```python\ncontact_sheet()\n```", reasoning="Hm."),
        call(1, "contact_sheet", (0, 60)), call(1, "surprise_curve", (0, 60), curve=curve),
        observed(1, "line\n" * 60, *frames),
        reply(2, "Two parts.\n```python\nrlm_query_batched()\n```", usd=None),
        *sub_session("2", 2.1), *sub_session("1", 2.2), *sub_session("1.1", 2.3),
        observed(2, "Traceback", failure="error"),
        reply(3, "A zebra crosses.\n```python\nanswer('B')\n```"), observed(3, ""),
        answered(3, "a dog", (40, 44), choice=1),
        ev.QuestionAsked(at=5, turn=3, question="And then?", options=()),
        reply(4, "Still there."), observed(4, "ok"), answered(4, "It sleeps.", (50, 52)), ended(4),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_page(saved(folder, events_of_a_run(), PICTURES), folder / "run.html")
    return folder / "run.html"


@pytest.fixture
def run(browser: Browser, page: Path) -> Iterator[Browser]:
    """The browser with that page, which may not have complained or fetched when all is done."""
    browser.resize(1280, 900)
    browser.open(page)
    yield browser
    assert browser.problems() == []
    assert {one.partition("#")[0] for one in browser.requests()} <= {page.as_uri()}


CURRENT = "document.querySelector('.turn.current')?.id"


def test_it_tells_the_run(run: Browser) -> None:
    assert run.driver.title == "What moves?"
    assert run.text("h1") == "2 questions about a.mp4"
    about = run.text("#about")
    for words in ("a.mp4", "bubblewrap", "4 turns", "99 tokens", "price unknown"):
        assert words in about
    assert "$" not in run.text(".facts")  # a price that is not known is not zero
    assert run.text("#question-1 .answer .words") == "B a dog"
    assert run.text("#turn-1 .code") == "contact_sheet()"
    assert "1,200 in, 30 out · $0.0020" in run.text("#turn-1 > header")
    assert "price unknown" in run.text("#turn-2 > header")
    assert run.text("#turn-2 > header .failure") == "error"
    headings = run.js(
        "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')]"
        ".filter(h => !h.closest('dialog')).map(h => +h.tagName[1])"
    )
    assert headings[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(headings))


def test_sub_sessions_are_nested_and_parallel_ones_apart(run: Browser) -> None:
    assert run.text("#turn-2 .parallel > p") == "2 sub-sessions side by side"
    inside = "return document.getElementById(arguments[0]).closest(arguments[1]) !== null"
    assert run.js(inside, "1-turn-4", "#turn-2 #session-1")
    listed = "[...document.querySelectorAll('#outline > ol > li > ul > .sub')]"
    assert run.js(f"return {listed}.map(li => li.textContent[0])") == ["1", "2"]
    # A sub-session's own stands in the turn that called for it.
    assert run.js("return document.getElementById('session-1.1').closest('#session-1') !== null")
    assert not run.js("return document.getElementById('session-1').open")


def test_keys_step_through_the_turns(run: Browser) -> None:
    run.press("j", "j")
    assert run.js(f"return {CURRENT}") == "turn-2"
    assert run.driver.current_url.endswith("#turn-2")
    run.press("o")
    run.press("j")  # into what is open now
    assert run.js(f"return {CURRENT}") == "1-turn-1"
    run.press("k", "k")
    assert run.js(f"return {CURRENT}") == "turn-1"
    assert run.js("return document.querySelector('#outline [aria-current]').hash") == "#turn-1"
    run.press("?")
    assert run.js("return document.getElementById('keys').open")
    run.press("\ue00c")
    assert not run.js("return document.getElementById('keys').open")


def test_a_permalink_opens_what_it_is_folded_in(run: Browser, page: Path) -> None:
    run.driver.get("about:blank")
    run.driver.get(f"{page.as_uri()}#1.1-turn-4")
    assert run.until(CURRENT) == "1.1-turn-4"
    assert run.js("return document.getElementById('session-1').open")
    top = run.js("return document.getElementById('1.1-turn-4').getBoundingClientRect().top")
    assert 0 < top < 900


def test_the_timeline_leads_to_turns_and_back(run: Browser) -> None:
    assert run.js("return document.querySelectorAll('.scenes rect').length") == 2
    assert run.js("return document.querySelectorAll('.curve .line').length") == 1
    click = "document.querySelector(arguments[0]).dispatchEvent(new MouseEvent('click'))"
    run.js(click, ".mark.evidence")
    assert run.js(f"return {CURRENT}") == "turn-3"
    assert run.js("return [...document.querySelectorAll('.mark.on')].length") == 1
    run.js(click, ".mark.found")
    assert run.js(f"return {CURRENT}").endswith("-turn-1")
    run.js(click, "#turn-3 .chip")
    assert run.js("return document.querySelector('.mark.flash').classList.contains('evidence')")


def test_a_picture_is_enlarged(run: Browser) -> None:
    small = run.until("document.querySelector('#turn-1 figure img')?.naturalWidth")
    assert small <= 208
    run.click("#turn-1 figure button")
    image = "document.querySelector('#enlarged img')"
    assert run.until(f"{image}.naturalWidth") == 640
    assert run.js(f"return {image}.alt") == "frame at 0.00 s"
    run.press("\ue014")  # the arrow to the right
    assert run.js(f"return {image}.alt") == "frame at 1.00 s"
    run.press("\ue00c")
    assert not run.js("return document.getElementById('enlarged').open")


def test_the_search_filters_turns(run: Browser) -> None:
    run.press("/")
    run.press(*"ZEBRA")
    assert run.until("document.getElementById('found').textContent") == "1 of 10"
    shown = "return [...document.querySelectorAll('.turn')].filter(t => !t.hidden).map(t => t.id)"
    assert run.js(shown) == ["turn-3"]
    run.press("\ue00c")
    assert len(run.js(shown)) == 10


def test_long_output_opens(run: Browser) -> None:
    box = "document.querySelector('#turn-1 .clipped')"
    before = run.js(f"return {box}.offsetHeight")
    run.click("#turn-1 .clipped .more")
    assert run.js(f"return {box}.offsetHeight") > before * 1.5


def test_light_and_dark(run: Browser) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = run.js(ground)
    run.press("t")
    dark = run.js(ground)
    run.press("t")
    assert dark != light == run.js(ground)
    scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
    run.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    run.driver.refresh()
    assert run.js(ground) == dark
    run.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_wider_than_the_screen(run: Browser, width: int) -> None:
    run.resize(width, 800)
    run.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert run.js("return document.documentElement.scrollWidth") <= width


def evil_run(folder: Path) -> Path:
    shown = image(PICTURES[0], EVIL)
    events = [
        header(question=EVIL, options=(EVIL, "b"), model=EVIL, video={"name": EVIL}),
        ev.Prompted(at=0, role="system", parts=(ev.Text(text=EVIL),)),
        reply(1, f"{EVIL}\n```python\n# {EVIL}\nx = '''{EVIL}'''\n```", reasoning=EVIL, model=EVIL),
        call(1, "search", (1, 2), arguments=EVIL, result=EVIL),
        call(1, EVIL, arguments=EVIL, result=EVIL, failed=True),
        ev.ToolModelUsed(
            at=1, turn=1, prompt=EVIL, images=(shown,), reply=EVIL, error=EVIL, seconds=1,
            input_tokens=1, output_tokens=1, usd=0,
        ),
        ev.Noted(at=1, turn=1, fact=EVIL, span=(1, 2)), observed(1, EVIL, shown),
        ev.SubSessionStarted(
            at=1, session="1", turn=1, question=EVIL, options=(EVIL,), span=(0, 1), model=EVIL,
            limits={},
        ),
        answered(1, EVIL, (1, 2)), ended(1, reason=EVIL),
    ]  # fmt: skip
    return saved(folder, events, PICTURES[:1]).path


def test_text_stays_text(browser: Browser, tmp_path: Path) -> None:
    evil_run(tmp_path / "runs")
    made = CliRunner().invoke(
        app, ["view", "--index", str(tmp_path / "runs"), "-o", str(tmp_path / "index.html")]
    )
    assert made.exit_code == 0, made.output
    (page,) = (file for file in tmp_path.glob("*.html") if file.name != "index.html")
    for file in (page, tmp_path / "index.html"):
        browser.open(file)
        browser.js("for (const fold of document.querySelectorAll('details')) fold.open = true")
        for link in ("a[href^='#']", "figure button", ".chip", ".mark"):
            script = "for (const one of document.querySelectorAll(arguments[0]))"
            browser.js(f"{script} one.dispatchEvent(new MouseEvent('click'))", link)
        assert browser.js("return window.ran") is None
        assert browser.problems() == []
        assert {one.partition("#")[0] for one in browser.requests()} == {file.as_uri()}
        assert browser.js("return document.querySelectorAll('[onerror], [onload]').length") == 0
        assert not browser.js("return document.querySelectorAll('a[href^=\"javascript\"]').length")
    browser.open(page)
    assert "<script>window.ran = 1</script>" in browser.text("h1")
    assert "\\u202etxet" in browser.text("#turn-1 .output")


def test_the_list_of_runs_filters_sorts_and_leads_to_pages(
    browser: Browser, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    saved(runs, events_of_a_run(), PICTURES)
    early = header(question="Who sings?", started="2029-05-01T00:00:00+00:00", model="other")
    saved(runs, [early, reply(1, "x")])
    (runs / "bad").mkdir()
    (runs / "bad/events.jsonl").write_text("{}\n")
    file = tmp_path / "index.html"
    made = CliRunner().invoke(app, ["view", "--index", str(runs), "-o", str(file)])
    assert (made.exit_code, made.stdout) == (0, f"{file}\n")
    assert "3 runs, 1 of them cannot be read" in made.stderr
    browser.resize(1280, 900)
    browser.open(file)
    shown = (
        "return [...document.querySelectorAll('tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[2].textContent.trim())"
    )
    assert browser.js(shown) == ["answered", "unfinished", "unreadable"]
    total = "return document.querySelector('tfoot td[data-label=Turns]').textContent"
    assert browser.js(total) == "5"
    browser.click("thead th:nth-child(7) button")  # turns, most first
    browser.click("thead th:nth-child(7) button")
    assert browser.js(shown) == ["unreadable", "unfinished", "answered"]
    browser.click("[name=text]")
    browser.press(*"SINGS")
    assert browser.js(shown) == ["unfinished"]
    assert browser.js(total) == "1"
    browser.click("[type=reset]")
    pick = (
        "const one = document.querySelector(arguments[0]); one.value = arguments[1];"
        "one.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    browser.js(pick, "[name=from]", "2029-12-01")
    assert browser.js(shown) == ["answered"]
    browser.click("tbody tr:not([hidden]) a")
    assert browser.text("h1") == "2 questions about a.mp4"
    assert browser.problems() == []


class HeldUp(BuiltinModel):
    """The built-in model; before its second and third reply it waits for what the page does."""

    def __init__(self, control: Control) -> None:
        super().__init__()
        self._awaited = {1: lambda: control.held, 2: lambda: control.stopped}

    def complete(
        self, messages: Sequence[Message], on_text: Callable[[str], None] | None = None
    ) -> Reply:
        turn = sum(message.role == "assistant" for message in messages)
        awaited = self._awaited.pop(turn, None)
        for _ in range(500):
            if awaited is None or awaited():
                break
            time.sleep(0.02)
        return super().complete(messages, on_text)


def test_a_run_under_way_is_followed_paused_and_made_to_answer(
    browser: Browser, index: VideoIndex
) -> None:
    control = Control()
    with LivePage(lambda: control) as page:
        session = Session(
            index, Models(HeldUp(control)), "Which way does the circle move?", sinks=[page],
            store=page.store, control=control,
        )  # fmt: skip
        running = threading.Thread(target=session.run, daemon=True)
        browser.resize(1280, 900)
        browser.open(page.address)
        page.progress("motion", 3, 12)
        assert browser.until("document.querySelector('#phase progress')?.value") == 0.25
        page.progress("motion", 12, 12)
        running.start()
        assert "Which way" in browser.until("document.querySelector('h1')?.textContent")
        browser.until("document.querySelector('#turn-1 figure img')?.naturalWidth")
        browser.click("#pause")
        browser.until("document.querySelector('#phase').textContent.includes('paused')")
        assert browser.text("#pause") == "Resume"
        assert browser.text("#about .status") == "running"
        # Who comes late sees the same.
        browser.driver.refresh()
        browser.until("document.querySelector('#phase').textContent.includes('paused')")
        assert browser.text("#turn-2 .code")
        assert browser.text("#pause") == "Resume"
        browser.click("#pause")
        browser.until("document.querySelector('#turn-3')")
        browser.click("#stop")
        status = browser.until(
            "(s => s !== 'running' && s)(document.querySelector('#about .status').textContent)"
        )
        assert status in ("answered", "no answer")
        running.join(20)
        assert not running.is_alive()
        assert "asked to answer now" in browser.text("#turns")
        assert browser.until("document.querySelector('#controls').hidden")
    assert browser.until("document.querySelector('#phase').hidden")
    # The server is gone, and what the page shows stays.
    loaded = "[...document.querySelectorAll('img[data-picture]')].every(i => i.naturalWidth)"
    assert browser.until(loaded)
    assert browser.problems() == []
    assert all(one.startswith(page.address) for one in browser.requests())
