"""How fast the page of a long run is: written, opened and leapt through in Chromium.

::

    python tests/bench/bench_page.py

A run of 500 turns with 1,000 different frames of 640x360, as one file and with its pictures beside.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from machine import machine

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from browser import Browser, chromium
from made_runs import answered, call, ended, header, image, observed, picture, reply, saved

from rlm.agent.transcript import Transcript
from rlm.ui.page.document import write_page

TURNS, FRAMES = 500, 1000
CODE = """\
import numpy as np
frames = extract_frames(%d, %d, count=2)
change = np.abs(np.diff(frames.rgb.astype(int), axis=0)).mean(axis=(1, 2, 3))
for time, value in zip(frames.times[1:], change):
    if value > 0.5:  # something moves
        print(f"{time:.2f}: {value:.3f}")
show(frames)"""
LEAP = """
const done = arguments[arguments.length - 1], began = performance.now();
location.hash = arguments[0];
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
"""
STEP = """
const done = arguments[arguments.length - 1];
let left = 20, began = performance.now();
const next = () => {
  if (!left--) return done((performance.now() - began) / 20);
  document.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
  requestAnimationFrame(next);
};
next();
"""
FILTER = """
const done = arguments[arguments.length - 1], box = document.getElementById("search");
box.value = "something moves"; const began = performance.now();
filter();
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
"""


def long_run(folder: Path) -> Transcript:
    """The transcript of the long run."""
    pictures = [picture(shade) for shade in range(FRAMES)]
    events = [header(video={"duration": 3600}, scenes=tuple(range(0, 3600, 10)))]
    for turn in range(1, TURNS + 1):
        at, pair = 7 * turn, range(2 * turn - 2, 2 * turn)
        frames = [image(pictures[n], f"frame at {at + n % 2}.00 s") for n in pair]
        code = CODE % (at, at + 4)
        events += [
            reply(turn, f"Something moves at {at}: I look closer.\n```python\n{code}\n```"),
            call(turn, "extract_frames", (at, at + 4)),
            call(turn, "search", (at, at + 2), (at + 20, at + 22)),
            observed(turn, f"{at}.50: 0.712\n" * 8, *frames),
        ]
    return saved(
        folder, [*events, answered(TURNS, "It moves.", (3500, 3504)), ended(TURNS)], pictures
    )


def measured(browser: Browser, page: Path) -> str:
    """What one page takes, in words."""
    browser.driver.set_script_timeout(60)
    browser.driver.get("about:blank")
    browser.driver.get(page.as_uri())
    browser.until("document.documentElement.dataset.ready !== undefined", 60)
    load, drawn = browser.js(
        "const [n] = performance.getEntriesByType('navigation');"
        "const p = performance.getEntriesByName('first-contentful-paint')[0];"
        "return [n.domComplete, p ? p.startTime : -1]"
    )
    run = browser.driver.execute_async_script
    leap, steps, search = run(LEAP, f"turn-{TURNS}"), 0.0, 0.0
    browser.js("location.hash = 'turn-1'")
    steps, search = run(STEP), run(FILTER)
    return (
        f"{page.stat().st_size / 2**20:.1f} MB, loaded in {load / 1e3:.2f} s (first seen after "
        f"{drawn / 1e3:.2f} s), to the last turn {leap:.0f} ms, a step {steps:.0f} ms, a search "
        f"{search:.0f} ms"
    )


def main() -> None:
    """Print the figures."""
    print(machine())
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        transcript = long_run(Path(folder) / "runs")
        for name, room in (("one file", 1 << 40), ("pictures beside", 0)):
            page = Path(folder) / f"{name.replace(' ', '-')}.html"
            began = time.perf_counter()
            write_page(transcript, page, room=room)
            wrote = time.perf_counter() - began
            print(f"{TURNS} turns, {FRAMES} frames, {name}: written in {wrote:.1f} s,")
            print(f"  {measured(browser, page)}")


if __name__ == "__main__":
    main()
