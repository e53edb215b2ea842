"""The few figures of README, each beside its baseline, as the measured blocks have them.

Nothing is measured here: every number is read from the block that a bench wrote, so the table says
what the blocks say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A row: what is claimed, and where in the block ``mark`` the figures stand.

    The groups of ``pattern`` are put into ``reached`` and ``beside``, as ``{0}`` and so on.
    """

    what: str
    mark: str
    pattern: str
    reached: str
    beside: str

    def row(self, body: str) -> str:
        """The row, from the body of its block; ends the program where the figures are not in it."""
        found = re.search(self.pattern, body, re.DOTALL)
        if found is None:
            raise SystemExit(f"the block {self.mark!r} no longer has the figures of: {self.what}")
        figures = found.groups()
        return f"| {self.what} | {self.reached.format(*figures)} | {self.beside.format(*figures)} |"


N = r"(\S+)"
CLAIMS = (
    Claim(
        "shot boundaries, fades and dissolves among them: F1", "index",
        rf"made transitions:.*?this package +\S+ +\S+ +{N}.*?ContentDetector +\S+ +\S+ +{N}"
        rf".*?AdaptiveDetector +\S+ +\S+ +{N}",
        "{0}", "PySceneDetect, content {1}, adaptive {2}",
    ),
    Claim(
        "a shot found again by its look: R-precision", "index",
        rf"\nlook +\S+ +\S+ +{N}.*?thumbnail, centred +\S+ +\S+ +{N}.*?dHash 64 +\S+ +\S+ +{N}",
        "{0}", "8x8 thumbnail {1}, dHash {2}",
    ),
    Claim(
        "two pictures a second of 3 minutes in 720p, each at its true time", "index",
        rf"\nVideo\.frames +[^\n]*, 180 +{N} .*?a seek to every sample [^\n]*, 180 +{N} "
        rf".*?OpenCV, linear [^\n]*, 180 +{N} .*?decord [^\n]*, 180 +{N} ",
        "{0} s", "OpenCV with a seek to each {1} s, linear {2} s; decord {3} s",
    ),
    Claim(
        "memory of indexing 2 hours", "index",
        r"10 minutes +(\d+ MB).*?2 hours +(\d+ MB)", "{1}", "10 minutes {0}",
    ),
    Claim(
        "builds killed at random moments, built again: byte for byte as if never killed",
        "survival",
        r"the tier below stood (\d+ of \d+) times.*?built again, (\d+ of \d+) were byte for byte",
        "{1}", "what was whole before still was {0} times",
    ),
    Claim(
        "a moment of an hour found by a text: recall@1", "tools",
        rf"search, film of 60 minutes.*?text in motion, recall@1 +{N} +chance {N}",
        "{0}", "chance {1}",
    ),
    Claim(
        "what comes next, 1 of 4: right", "tools",
        rf"anticipation, 1 of 4\n +all +{N} +the same goes on {N}", "{0}", "the same goes on {1}",
    ),
    Claim(
        "moments that cannot be, among the most surprising: precision", "tools",
        rf"precision of the first 24 of 4 films +{N} +frame difference {N}.*?copy of the last {N}",
        "{0}", "frame difference {1}, copy of the last latent {2}",
    ),
    Claim(
        "exact search in 1,000,000 vectors of 1024", "search",
        r"from memory +(\S+ ms) +(\S+ ms)", "{1}", "reading their bytes {0}",
    ),
    Claim(
        "what the loop adds to turn 50", "loop",
        r"overhead of a turn, at turn 50: (\S+ ms) \(.*?(at most \d+)\)", "{0}", "goal: {1} ms",
    ),
    Claim(
        "8 sub-sessions at once", "loop",
        r"8 sub-sessions at once, [^:]*: (\S+ s), the model alone (\S+ s)", "{0}",
        "the model alone {1}",
    ),
    Claim(
        "questions of these films guessed from their words, by a classifier trained on such: right",
        "questions", r"chance (\d+%).*?\| all \| \S+ \| ([^|]*\S) \|", "{1}", "chance {0}",
    ),
)  # fmt: skip


def table(body_of: Callable[[str], str]) -> str:
    """The table of README, with ``body_of`` telling what a block says."""
    head = ["| | here | baseline |", "|---|---|---|"]
    return "\n".join([*head, *(claim.row(body_of(claim.mark)) for claim in CLAIMS)])
