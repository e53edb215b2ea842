"""The tools for searching and foretelling, each beside a baseline that would expose it.

::

    python tests/bench/bench_tools.py [PART ...] [--quick]

Parts: ``search`` (text and example over films of 10 and 60 minutes that training never saw),
``future`` (anticipation, anomalies, order), ``classes`` (few-shot probes, multiple choice without a
language model, calls across spaces), ``footage`` (real clips, where they are), ``speed``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support"), str(HERE / "tools")]

import torch
from machine import here


@dataclass(frozen=True)
class Row:
    """One figure, ``reached``, beside what it has to beat, and what is asked of it."""

    group: str
    what: str
    reached: float
    baseline: float | None = None
    of: str = ""
    wanted: float | None = None
    at_most: bool = False

    @property
    def passed(self) -> bool | None:
        """``None`` where nothing is asked."""
        if self.wanted is None:
            return None
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    film_seconds: tuple[float, ...] = (600.0, 3600.0)
    queries: int = 200
    clips: int = 200
    breaks: int = 24
    films: int = 4
    footage_seconds: float = 1200.0


QUICK = Size(film_seconds=(120.0,), queries=30, clips=24, breaks=4, films=1, footage_seconds=120.0)


def search(folder: Path, size: Size) -> Iterator[Row]:
    """Text and example, by field."""
    from finding import measured

    for seconds in size.film_seconds:
        for what, reached, chance in measured(folder, seconds, size.queries):
            yield Row(
                f"search, film of {seconds / 60:.0f} minutes", what, reached, chance, "chance"
            )


def future(folder: Path, size: Size) -> Iterator[Row]:
    """What comes next, what cannot be, what comes after what."""
    from foretelling import anomalies, anticipated, ordered

    for what, reached, same, without in anticipated(folder, size.clips):
        yield Row("anticipation, 1 of 4", f"{what}", reached, same, "the same goes on")
        yield Row("anticipation, 1 of 4", f"{what}, without predictor", without)
    for what, reached, base, of in anomalies(folder, size.films, size.breaks):
        yield Row("anomalies", what, reached, base, of)
    tau, colour, count = ordered(folder, size.clips // 4)
    yield Row("order of 5 pieces", f"Kendall's tau ({count} shots)", tau, colour, "nearest colour")


def classes(folder: Path, size: Size) -> Iterator[Row]:
    """Probes from few examples, multiple choice, and what must not be compared."""
    from telling import choices, few_shot, wrong_spaces

    for task, per_class, reached, base in few_shot(folder, min(2, size.films)):
        yield Row("classification", f"{task}, {per_class} a class", reached, base, "most frequent")
    reached, chance = choices(folder, size.queries)
    yield Row("multiple choice, no language model", "1 of 4", reached, chance, "chance")
    rejected, calls = wrong_spaces(folder)
    yield Row("wrong space", f"rejected of {calls} calls", rejected, None, "", 1.0)


def footage(folder: Path, size: Size) -> Iterator[Row]:
    """Real clips with the built-in models; nothing where the clips are absent."""
    from footage import CLIPS, cuts, joined, visits

    if not CLIPS.is_dir():
        print(f"footage: skipped, there are no clips in {CLIPS.name}/", file=sys.stderr)
        return
    for what, reached, base, of in cuts(folder):
        yield Row("real clips, surprise at the cuts", what, reached, base, of)
    for what, reached, base in visits(folder):
        yield Row("real clips, another visit by example", what, reached, base, "chance")
    for what, reached, wanted, base in joined(folder, size.footage_seconds):
        yield Row(
            f"real clips joined to {size.footage_seconds / 60:.0f} minutes", what, reached, base,
            "chance" if base is not None else "", wanted,
        )  # fmt: skip


def speed(folder: Path, size: Size) -> Iterator[Row]:
    """How long a call takes, in milliseconds."""
    from calling import called, searched

    for what, milliseconds, wanted in searched(folder, size.film_seconds[-1]):
        yield Row("milliseconds", what, milliseconds, None, "", wanted, at_most=True)
    added, bare = called()
    yield Row(
        "milliseconds", "a tool call from the jail adds", added, bare, "in the host", 0.3, True
    )


PARTS: dict[str, Callable[[Path, Size], Iterator[Row]]] = {
    "search": search,
    "future": future,
    "classes": classes,
    "footage": footage,
    "speed": speed,
}


def table(rows: list[Row]) -> Iterator[str]:
    """The rows by group."""
    group = None
    for row in rows:
        if row.group != group:
            group = row.group
            yield f"\n{group}"
        sign = "<=" if row.at_most else ">="
        wanted = f"{sign} {row.wanted:.2f}" if row.wanted is not None else ""
        verdict = {None: "", True: "passes", False: "MISSED"}[row.passed]
        base = f"{row.of} {row.baseline:.3f}" if row.baseline is not None else ""
        yield f"  {row.what:48} {row.reached:7.3f}  {wanted:8} {verdict:7} {base}".rstrip()


def main() -> int:
    """Measure and print; 1 when something asked for is missed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="a little of each: does it run?")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
    torch.set_num_threads(2)
    size = QUICK if chosen.quick else Size()
    print(f"Tools on {here('torch')}, built-in models")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        for part in chosen.parts or PARTS:
            began = time.monotonic()
            told = list(PARTS[part](Path(name), size))
            print("\n".join(table(told)), flush=True)
            print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            rows += told
    return int(any(row.passed is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
