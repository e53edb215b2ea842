"""Events as rows: what the page draws of each, in JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from rlm.agent import events as ev
from rlm.agent.answer import letter
from rlm.agent.prompting import code_blocks, is_wrap_up, without_code
from rlm.ui.console import clean
from rlm.ui.page.code import highlighted

Row = dict[str, Any]
"""``kind``, ``at`` and, unless it is the first session's, ``session``; the rest is of its kind."""

_LANES = {
    "looked": (
        "extract_frames", "contact_sheet", "detect_objects", "caption_segment", "classify_segment",
        "get_transcript",
    ),
    "found": (
        "search", "search_by_embedding", "search_transcript", "discriminative_vqa", "summarize",
    ),
    "foretold": (
        "predict_future", "anticipate_action", "rank_futures", "order_segments", "find_anomalies",
        "verify_temporal_coherence",
    ),
    "curve": ("surprise_curve",),
}  # fmt: skip
LANE_OF = {tool: lane for lane, tools in _LANES.items() for tool in tools}
"""Where on the timeline the spans of a tool are drawn."""
_WORDS = re.compile(r"start=(\d+(?:\.\d+)?), end=(\d+(?:\.\d+)?)")
# They turn the order of what follows: code would not be what it looks like.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Rows:
    """Makes a row of each event of a run; the same long words are told once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, event: ev.Event) -> Row | None:
        """The row of ``event``; ``None`` where the page has nothing to draw."""
        values = self._values(event)
        if values is None:
            return None
        row: Row = {"kind": getattr(event, "kind", ""), "at": event.at, **values}
        if event.session:
            row["session"] = event.session
        finite: Row = _finite(row)
        return finite

    def _values(self, event: ev.Event) -> Row | None:
        match event:
            case ev.SessionStarted():
                self._told.clear()
                return _header(event)
            case ev.SubSessionStarted() | ev.QuestionAsked():
                told = event.model_dump(include={"turn", "span", "model"})
                return _said(told) | _question(event.question, event.options)
            case ev.Prompted():
                return self._prompt(event)
            case ev.ModelReplied():
                return _reply(event)
            case ev.ToolCalled():
                return _call(event)
            case ev.ToolModelUsed():
                return _plain(event) | {"images": _pictures(event.images)}
            case ev.Observed():
                return _observed(event)
            case ev.Answered():
                choice = None if event.choice is None else letter(event.choice)
                return _plain(event) | {"choice": choice}
            case ev.CellStarted():
                return {"turn": event.turn}
            case _:
                return _plain(event)

    def _prompt(self, event: ev.Prompted) -> Row | None:
        texts = [_safe(part.text) for part in event.parts if isinstance(part, ev.Text)]
        text = "\n".join(texts)
        if event.role == "system":
            if text in self._told:
                return None
            self._told.add(text)
        images = _pictures([part for part in event.parts if isinstance(part, ev.Image)])
        # Words of a person who steers come last, after what the model is told about them.
        said = texts[-1] if texts else ""
        told = {"role": event.role, "text": text, "said": said, "images": images}
        return told | {"wrap_up": is_wrap_up(text)}


def _header(event: ev.SessionStarted) -> Row:
    video = event.video
    kept = {
        "started", "model", "sub_model", "preset", "sandbox_level", "videorlm", "scenes",
        "forked_from", "forked_turn",
    }  # fmt: skip
    return {
        **_said(event.model_dump(include=kept)),
        **_question(event.question, event.options),
        "limits": {name: most for name, most in event.limits.items() if most is not None},
        "video": _said(video.model_dump(exclude={"sha256"})),
    }


def _question(question: str, options: Sequence[str]) -> Row:
    lettered = [[letter(number), _safe(option)] for number, option in enumerate(options)]
    return {"question": _safe(question), "options": lettered}


def _reply(event: ev.ModelReplied) -> Row:
    blocks = code_blocks(event.text)
    return {
        **_plain(event, "text"),
        "prose": _safe(without_code(event.text)),
        "code": highlighted(_safe(blocks[0])) if blocks else [],
        "blocks": len(blocks),
    }


def _call(event: ev.ToolCalled) -> Row:
    lane = LANE_OF.get(event.tool)
    spans: Sequence[tuple[float, float]] = event.spans
    if lane and lane != "curve" and not spans and not event.failed:
        # Before they had spans, the short words of a result tell the first few of them.
        spans = [(float(start), float(end)) for start, end in _WORDS.findall(event.result)]
    return _plain(event) | {"spans": spans if lane else (), "lane": lane}


def _observed(event: ev.Observed) -> Row:
    images = [part for part in event.parts if isinstance(part, ev.Image)]
    labels = {f"[{image.label}]" for image in images}
    # The last text tells the model what is left of its budget.
    *texts, left = [part.text for part in event.parts if isinstance(part, ev.Text)] or [""]
    return {
        **_plain(event, "parts"),
        "text": _safe("\n".join(text for text in texts if text not in labels)),
        "left": _safe(left.strip("[]").partition("left: ")[2]),
        "images": _pictures(images),
    }


def _pictures(images: Sequence[ev.Image]) -> list[Row]:
    return [{"id": image.sha256, "label": _safe(image.label)} for image in images]


def _plain(event: ev.Event, *without: str) -> Row:
    """The fields of an event as they are, those aside that go without saying."""
    return _said(
        event.model_dump(exclude={"kind", "at", "session", *without}, exclude_defaults=True)
    )


def _said(values: Row) -> Row:
    return {
        name: _safe(value) if isinstance(value, str) else value for name, value in values.items()
    }


def _safe(text: str) -> str:
    """``text`` without control characters, and with those that turn its order spelled out."""
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", clean(text))


def _finite(value: Any) -> Any:
    """The same for JSON, which has no number that is not finite."""
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
