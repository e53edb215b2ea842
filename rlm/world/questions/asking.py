"""Which questions are asked of a film, and in which places their answers stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlm.world.questions import events, lengths, looks, repeats
from rlm.world.questions.cast import Cast, Fact
from rlm.world.questions.draft import OPTIONS, Draft, Writer, shuffled
from rlm.world.scene import Film

_TRIES = 16  # drafts for one question until one is free of what others tell

# A writer that stands twice is tried twice as often.
_WRITERS: dict[str, tuple[Writer, ...]] = {
    "descriptive": (looks.story,),
    "direction": (looks.first_way, looks.last_way),
    "attribute": (looks.new_colour, looks.doer),
    "counting": (repeats.shots_that_show, repeats.shots_where) * 2 + (repeats.things_shown,),
    "order": (events.follows, looks.neighbour),
    "first_last": (events.extreme_event, events.extreme_doer) * 2 + (events.extreme_colour,),
    "duration": (
        lengths.in_sight,
        lengths.at_rest,
        lengths.longest_shot,
        lengths.longest_in_sight,
    ),
    "next_event": (events.comes_next,),
    "counterfactual": (events.undone, events.otherwise),
    "kth": (repeats.nth_doer, repeats.nth_colour, repeats.nth_story),
    "when": (events.when,),
    "mark": (looks.mark,),
    "passage": (looks.passage,),
}
CATEGORIES = tuple(_WRITERS)
# These need shots that nothing else names the time of: in a short film there are few.
_OF_SHOTS = ("passage", "next_event", "when", "counting")
# These ask what a thing does. The others tell it, and mostly of some kinds of things: if they came
# first, the right options would be of the other kinds.
_OF_DEEDS = ("descriptive", "direction", "attribute", "duration", "counterfactual")


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the project's question files; all times are in seconds.

    ``evidence`` are all the spans that must be looked at to know the answer, at least one picture
    in each; ``evidence_time`` is from the start of the first to the end of the last.
    """

    id: str
    video: str
    question: str
    options: tuple[str, ...]
    answer_index: int
    category: str
    evidence_time: tuple[float, float]
    evidence: tuple[tuple[float, float], ...]


def ask(film: Film, video: str = "film.mp4", per_category: int = 3) -> list[Question]:
    """Up to ``per_category`` questions of each category, the same ones for the same film.

    No question tells what another one asks for, and the places of the right options are even.
    """
    rng = np.random.default_rng((film.seed, len(film.shots)))
    cast = Cast(film)
    drafts: list[tuple[str, Draft]] = []
    turns = [*_OF_SHOTS]
    for of_deeds in (True, False):
        for _ in range(per_category):
            turns += [c for c in shuffled(CATEGORIES, rng) if (c in _OF_DEEDS) == of_deeds]
    for category in turns:
        if sum(asked == category for asked, _ in drafts) == per_category:
            continue
        draft = _draft(cast, rng, _WRITERS[category], [draft for _, draft in drafts])
        if draft is not None:
            drafts.append((category, draft))
    drafts.sort(key=lambda item: CATEGORIES.index(item[0]))
    questions: list[Question] = []
    places: list[int] = []
    for number, (category, draft) in enumerate(drafts, 1):
        places = places or rng.permutation(OPTIONS).tolist()
        place, wrong = places.pop(), shuffled(draft.wrong, rng)
        ends = [span.end for span in draft.evidence]
        questions.append(
            Question(
                id=f"world-{film.seed}-{number:02d}",
                video=video,
                question=draft.text,
                options=(*wrong[:place], draft.answer, *wrong[place:]),
                answer_index=place,
                category=category,
                evidence_time=(min(span.start for span in draft.evidence), max(ends)),
                evidence=tuple((span.start, span.end) for span in draft.evidence),
            )
        )
    return questions


def _draft(
    cast: Cast, rng: np.random.Generator, writers: tuple[Writer, ...], taken: Sequence[Draft]
) -> Draft | None:
    """A draft that gives nothing away of those ``taken``, nor they of it."""
    texts = {draft.text for draft in taken}
    told, asked, offered = (
        frozenset[Fact]().union(*sets)
        for sets in (
            (draft.tells for draft in taken),
            (draft.asks for draft in taken),
            (draft.offers for draft in taken),
        )
    )
    for _ in range(_TRIES):
        for write in shuffled(writers, rng):
            draft = write(cast, rng)
            if (
                draft is not None
                and draft.text not in texts
                and not draft.asks & (asked | told)
                and not draft.offers & told
                and not draft.tells & (asked | offered)
            ):
                return draft
    return None
