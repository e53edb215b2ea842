"""How often the built-in policy is right when its eyes are nearly so: the ceiling of its reasoning.

::

    python tests/bench/bench_policy.py [--minutes 5 20] [--films 6] [--exact] [--wrong]

Films are described, not written: ``detect_objects`` tells the truth about them with the noise of a
good object head (or none, with ``--exact``), and the cells run in this process. What is measured is
all that comes after perception: linking, reading, planning, choosing. With ``--wrong`` the
questions that went wrong are printed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from rehearsal import Rehearsal
from sightings import EXACT, Noise, film_tools

from rlm.world.film import make_film
from rlm.world.questions import ask


def main() -> None:
    """Print accuracy by category."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="*", default=[5.0, 20.0])
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7000)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--only", default="", help="categories, as a regular expression")
    told = parser.parse_args()
    for minutes in told.minutes:
        right: dict[str, list[bool]] = defaultdict(list)
        silent, slowest = 0, dict[int, float]()
        for seed in range(told.seed, told.seed + told.films):
            film = make_film(seed, 60 * minutes)
            rehearsal = Rehearsal(film_tools(film, EXACT if told.exact else Noise(), seed))
            for row in ask(film):
                if not re.search(told.only, row.category):
                    continue
                given, seen = rehearsal.ask(row.question, row.options)
                wanted = chr(65 + row.answer_index)
                right[row.category].append(given == wanted)
                silent += given is None
                if told.wrong and given != wanted:
                    print(f"\nfilm {seed}, {row.category}: {row.question} {row.options}")
                    print(f"{given} instead of {wanted}; {seen[-1][-900:]}")
            slowest = {k: max(s, slowest.get(k, 0.0)) for k, s in rehearsal.seconds.items()}
        every = [value for values in right.values() for value in values]
        print(
            f"\n{minutes:g} minutes, {told.films} films: {sum(every)} of {len(every)} right, "
            f"{sum(every) / len(every):.1%}; {silent} without an answer"
        )
        for category, values in sorted(right.items()):
            share = sum(values) / len(values)
            print(f"  {category:15} {sum(values):4} of {len(values):4} {share:.0%}")
        print("  seconds by cell: " + ", ".join(f"{s:.1f}" for s in slowest.values()))


if __name__ == "__main__":
    main()
