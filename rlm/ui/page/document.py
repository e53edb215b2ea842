"""A run as one HTML file that needs nothing else: no network, no server, no files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rlm.agent import events as ev
from rlm.agent.transcript import Transcript
from rlm.ui.page.pictures import ROOM, Album
from rlm.ui.page.rows import Row, Rows

if TYPE_CHECKING:
    import jinja2

STYLES = ("base.css", "page.css")
SCRIPTS = ("dom.js", "run.js", "timeline.js", "turns.js", "about.js", "live.js", "page.js")


def write_page(
    transcript: Transcript, output: Path, *, room: int = ROOM, copies: bool = True
) -> list[Path]:
    """Write the page of a run to the file ``output``.

    The page links to pictures that do not fit into ``room`` bytes, and their files are returned:
    copies in the folder ``<output>.pictures``, or, without ``copies``, those of the transcript.
    Raises ``OSError`` when something cannot be written.
    """
    rows, album = _read(transcript, room)
    folder = output.with_suffix(".pictures")
    links = {
        name: f"{quote(folder.name)}/{name}.jpg" if copies else file.resolve().as_uri()
        for name, file in album.beside.items()
    }
    text = _page(transcript.header.question, rows, album, links)
    output.write_text(text, encoding="utf-8")
    if not copies or not links:
        return list(album.beside.values())
    folder.mkdir(exist_ok=True)
    return [Path(shutil.copy(file, folder)) for file in album.beside.values()]


def page(transcript: Transcript, *, images: bool = True) -> str:
    """The page of a run as text, with all its pictures inside; without ``images`` with none."""
    rows, album = _read(transcript, 1 << 62 if images else None)
    return _page(transcript.header.question, rows, album, {})


def live_page() -> str:
    """The page of a run that is yet to come: rows reach it as events of ``events``, beside it."""
    return _render("page.html.jinja", "VideoRLM", live=True, data={}, whole={})


def render(
    name: str, title: str, styles: Sequence[str], scripts: Sequence[str], **values: Any
) -> str:
    """The template ``name`` with its styles, scripts and a policy that lets only these be."""
    style, script = _joined("style", styles), _joined("script", scripts)
    policy = {
        "default-src": "'none'",
        "script-src": _digest(script),
        "style-src": _digest(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    if values.get("live"):
        policy |= {"img-src": "'self' data:", "connect-src": "'self'"}
    return (
        _templates()
        .get_template(name)
        .render(
            title=title,
            style=style,
            script=script,
            policy="; ".join(f"{what} {where}" for what, where in policy.items()),
            **values,
        )
    )


def embedded(value: Any) -> str:
    """``value`` as JSON that may stand in a script element: nothing in it can end that."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


# ----


def _read(transcript: Transcript, room: int | None) -> tuple[list[Row], Album]:
    make = Rows()
    rows = [row for row in map(make, transcript.events) if row is not None]
    names = [] if room is None else list(_pictures(transcript.events))
    return rows, Album.of(names, transcript.media, room or 0)


def _pictures(events: Sequence[ev.Event]) -> Iterator[str]:
    for event in events:
        match event:
            case ev.Observed() | ev.Prompted():
                yield from (part.sha256 for part in event.parts if isinstance(part, ev.Image))
            case ev.ToolModelUsed():
                yield from (image.sha256 for image in event.images)
            case _:
                pass


def _page(title: str, rows: Sequence[Row], album: Album, links: dict[str, str]) -> str:
    data = {"rows": rows, "pictures": album.small, "links": links}
    return _render("page.html.jinja", title, live=False, data=data, whole=album.whole)


def _render(name: str, title: str, *, data: Any, **values: Any) -> str:
    return render(name, title, STYLES, SCRIPTS, data=embedded(data), **values)


@cache
def _templates() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("rlm.ui.page", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


@cache
def _joined(folder: str, names: Sequence[str]) -> str:
    files = resources.files("rlm.ui.page") / folder
    return "\n".join((files / name).read_text(encoding="utf-8") for name in names)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
