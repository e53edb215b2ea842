"""Shows the made-up run on stderr as ``ask`` shows a live one, so many seconds an event.

Where a file is named, its end is held back until there is that file.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

from made_session import EVENTS
from PIL import Image

from rlm.commands.output import live_view
from rlm.ui.console import Screen

picture = io.BytesIO()
Image.new("RGB", (160, 90), (200, 40, 40)).save(picture, "JPEG")
view = live_view(Screen(stderr=True), None)
for event in EVENTS:
    while event is EVENTS[-2] and not all(Path(file).exists() for file in sys.argv[2:]):
        time.sleep(0.02)
    view.store("ab", picture.getvalue())
    view(event)
    time.sleep(float(sys.argv[1]))
