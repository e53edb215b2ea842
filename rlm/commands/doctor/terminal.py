"""What this terminal shows."""

from __future__ import annotations

import os
import shutil
import sys

from rlm.commands.doctor.check import Finding, ok, settings_or_none, warning
from rlm.ui.console import Screen
from rlm.ui.pictures import Pictures, Way

_PICTURES: dict[Way, str] = {
    "kitty": "kitty's graphics",
    "iterm": "iTerm2's images",
    "blocks": "half blocks",
    "none": "their names alone",
}


def terminal() -> list[Finding]:
    """Width, colours, characters, pictures and the editor, as the live view of a run has them."""
    screen = Screen(stderr=True)
    if not screen.is_terminal:
        return [ok("terminal", "stderr is no terminal: runs are told in plain lines"), _editor()]
    colours = screen.color_system or "no"
    if os.environ.get("NO_COLOR"):
        colours = "no (NO_COLOR)"
    told = f"{os.environ.get('TERM', 'unknown')}, {screen.width} columns, {colours} colours"
    if "utf" not in (sys.stderr.encoding or "").lower():
        shown = f"{told}, {sys.stderr.encoding}"
        return [warning("terminal", shown, "set a UTF-8 locale: LANG=C.UTF-8"), _editor()]
    if screen.width < 60:
        return [warning("terminal", told, "make it 60 columns wide or more"), _editor()]
    frames = _PICTURES[Pictures.on(screen, settings_or_none().pictures).way]
    return [ok("terminal", f"{told}, UTF-8; frames as {frames}"), _editor()]


def _editor() -> Finding:
    name = next((name for name in ("VISUAL", "EDITOR") if os.environ.get(name)), None)
    if name is None:
        return ok("editor", "neither VISUAL nor EDITOR is set")
    program = os.environ[name].split()[0]
    if shutil.which(program) is None:
        return warning("editor", f"{name} is {program}, which is not found", f"export {name}=nano")
    return ok("editor", f"{os.environ[name]} ({name})")
