"""Reports: what is in them, and that no text of a model or a data set becomes markup."""

from __future__ import annotations

import csv
import io
import re

import pytest
from browser import chromium
from made_results import header, result, results, save
from made_runs import answered, ended, reply, saved
from made_runs import header as started

from rlm.evaluation.report import write_pages, write_report
from rlm.evaluation.report.text import report_text
from rlm.evaluation.saved_run import read_run, read_runs

EVIL = "</script><script>window.evil=1</script><img src=x onerror='evil=1'>|`*[a](b)\"&\u202e"
GONE = {"kind": "model", "message": f"no reply {EVIL}"}


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture
def hostile(tmp_path):
    """A run whose every text is an attack, and three transcripts of which one is no more."""
    folder = tmp_path / "run"
    texts = {"question": EVIL, "category": f"{EVIL}; b", "group": EVIL, "answer": EVIL}
    rows = [
        result(
            f"{n}{EVIL}",
            right=n % 2 == 0,
            video=f"{n % 7}{EVIL}",
            options=(EVIL, "b"),
            confidence=0.5 + n / 100,
            transcript=f"transcripts/{n}" if n < 3 else None,
            **texts,
        )
        for n in range(24)
    ]
    rows.append(result("failed", right=False, answer=None, choice=None, failure=GONE))
    save(folder, rows, header(system=EVIL, models={"main": EVIL}, parameters={"api_base": EVIL}))
    events = [started(question=EVIL), reply(1, EVIL), answered(1, EVIL), ended(1)]
    for number in range(2):
        made = saved(folder / "made", events)
        (folder / "transcripts").mkdir(exist_ok=True)
        made.path.rename(folder / "transcripts" / str(number))
    return folder


def test_texts_stay_texts_in_the_browser(hostile, browser):
    run = read_run(hostile)
    said: list[tuple[int, int]] = []
    faults = write_pages([run], hostile, lambda done, of: said.append((done, of)))
    assert said == [(1, 3), (2, 3), (3, 3)]
    assert len(faults) == 1
    page = write_report([run], hostile)
    browser.open(page)
    assert browser.js("return window.evil") is None
    assert browser.problems() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.js("return document.images.length") == 0
    assert "<img src=x" in browser.text("#items tbody th")
    # Two of three transcripts have a page, and the links lead there.
    links = browser.js("return [...document.querySelectorAll('#items a')].map((a) => a.href)")
    assert len(links) == 2
    browser.open(links[0])
    assert browser.js("return window.evil") is None
    assert EVIL.partition("<img")[0] in browser.text("h1")


def test_filters_order_and_words_for_those_who_do_not_see(tmp_path, browser):
    rows = results(20, 6)
    lost = {"kind": "jail", "message": "lost"}
    rows[4] = result("odd", right=False, answer=None, choice=None, failure=lost, video="odd.mp4")
    folder = save(tmp_path / "run", rows)
    browser.open(write_report([read_run(folder)], folder))
    assert browser.text("#shown") == "120 questions"

    def choose(name: str, value: str) -> int:
        return browser.js(
            """
            const field = document.querySelector(`[name=${arguments[0]}]`);
            field.value = arguments[1];
            field.dispatchEvent(new Event('input', { bubbles: true }));
            return document.querySelectorAll('#items tbody tr:not([hidden])').length;
            """,
            name,
            value,
        )

    assert choose("verdict", "failed") == 1
    assert choose("verdict", "") == 120
    assert choose("category", "count") == sum("count" in row.category for row in rows)
    assert choose("category", "") == choose("text", "") == 120
    assert choose("text", "ODD.mp4") == 1
    assert browser.text("#shown") == "1 of 120 questions"
    choose("text", "")
    frames = browser.js(
        """
        const heads = [...document.querySelectorAll('#items thead button')];
        heads.find((head) => head.textContent === 'Frames').click();
        const cells = document.querySelectorAll('#items [data-label=Frames]');
        return [...cells].map((cell) => Number(cell.dataset.sort));
        """
    )
    assert frames == sorted((row.frames for row in rows), reverse=True)
    plots = browser.js(
        "return [...document.querySelectorAll('svg[role=img]')].map((one) => one.ariaLabel)"
    )
    assert len(plots) >= 6
    assert all(len(told) > 60 for told in plots)
    unnamed = "th:not([scope]), table:not([role=region][aria-label] *)"
    assert browser.js("return document.querySelectorAll(arguments[0]).length", unnamed) == 0
    for width in (1280, 390):
        browser.resize(width, 900)
        browser.js("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert browser.js("return document.documentElement.scrollWidth") <= width


def test_several_runs_stand_beside_each_other(tmp_path, browser):
    loop = save(tmp_path / "loop", results(seed=1, level=0.8))
    blind = save(tmp_path / "blind", results(seed=2, level=0.3), header(system="blind"))
    browser.open(write_report(read_runs([loop, blind]), tmp_path / "both"))
    assert browser.js("return document.querySelectorAll('#items tbody tr').length") == 120
    assert "Less the first" in browser.text("thead")
    assert [browser.text(f".scores div:nth-child({n}) dt") for n in (1, 2)] == ["loop", "blind"]
    curve = "svg[aria-label^='Accuracy against frames'] circle"
    assert browser.js("return document.querySelectorAll(arguments[0]).length", curve) == 2


def test_the_text_holds_what_the_page_says(hostile):
    told = report_text([read_run(hostile)])
    assert "<script" not in re.sub(r"\\<", "", told)
    assert "\u202e" not in told
    tables = [block for block in told.split("\n\n") if block.startswith("|")]
    for table in tables:
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, table
    assert "accuracy 0.480 (95%: " in told
    assert "| model | the model gave no reply | 1 |" in told


def test_a_row_for_each_time_a_question_was_asked(hostile, tmp_path):
    rows = [result("a", repeat=n, evidence=((1, 2.5), (4, 5)), usd=None) for n in range(3)]
    write_report([read_run(save(tmp_path / "again", rows))], tmp_path / "out")
    told = list(csv.DictReader(io.StringIO((tmp_path / "out" / "results.csv").read_text())))
    assert [row["repeat"] for row in told] == ["0", "1", "2"]
    assert (told[0]["evidence"], told[0]["right_answer"]) == ("1-2.5; 4-5", "B: green")
    assert (told[0]["usd"], told[0]["correct"], told[0]["choice"]) == ("", "True", "B")
    write_report([read_run(hostile)], tmp_path / "evil")
    evil = list(csv.DictReader(io.StringIO((tmp_path / "evil" / "results.csv").read_text())))
    assert len(evil) == 25
    assert evil[0]["question"] == EVIL
    assert evil[-1]["failure"] == "model"


def test_questions_are_in_the_order_of_the_set_not_of_their_end(tmp_path):
    rows = [result(f"q{n}", place=n, repeat=again) for n in (2, 0, 1) for again in (1, 0)]
    write_report([read_run(save(tmp_path / "r", rows))], tmp_path)
    told = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text())))
    assert [(row["id"], row["repeat"]) for row in told] == [
        (f"q{n}", again) for n in range(3) for again in "01"
    ]
    found = re.findall(r"\bq[012]\b", (tmp_path / "report.html").read_text())
    assert found == sorted(found)


def test_settings_are_few_and_plain(tmp_path):
    about = header(
        prompts={"a": "1" * 64, "b": "2" * 64}, parameters={"max_seconds": 600.0, "max_usd": 0.5}
    )
    told = report_text([read_run(save(tmp_path / "r", [result()], about))])
    assert re.findall(r"\| prompts: (\S+ \S+) \| ([0-9a-f]{64}) \|", told)[0][0] == "2 files"
    assert "| max_seconds | 600 |" in told
    assert "| max_usd | 0.5 |" in told
    assert "| 1.000 | one video |" in told


def test_a_page_is_not_written_again_while_it_is_newer(hostile):
    run = read_run(hostile)
    write_pages([run], hostile, lambda done, of: None)
    page = next((hostile / "pages").iterdir())
    page.write_text("mine")
    write_pages([run], hostile, lambda done, of: None)
    assert page.read_text() == "mine"


def test_a_set_with_a_metric_of_its_own_leads_with_it(tmp_path):
    rows = [
        result(
            name, options=(), answer_index=None, choice=None, answers=(right,), answer=told,
            metric="recall@5", group="unseen", right=name == "a",
        )
        for name, right, told in (
            ("a", "open door", "close door; open door"),
            ("b", "wash cup", "open cup"),
        )
    ]  # fmt: skip
    run = read_run(save(tmp_path / "r", rows))
    told = report_text([run])
    assert "class-mean recall@5 50.0% of actions, 100.0% of nouns, 50.0% of verbs (2 q" in told
    assert "| loop | overall | 50.0 | 100.0 | 50.0 |" in told
    assert "| loop | tail |  |  |  |" in told
    assert "<dt>Class-mean recall@5</dt>" in write_report([run], tmp_path / "out").read_text()
