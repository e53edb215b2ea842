"""Shows the made-up run on stderr as ``ask`` shows a live one, so many seconds an event."""

from __future__ import annotations

import io
import sys
import time

from made_session import EVENTS
from PIL import Image

from rlm.commands.output import live_view
from rlm.ui.console import Screen

picture = io.BytesIO()
Image.new("RGB", (160, 90), (200, 40, 40)).save(picture, "JPEG")
view = live_view(Screen(stderr=True), None)
for event in EVENTS:
    view.store("ab", picture.getvalue())
    view(event)
    time.sleep(float(sys.argv[1]))
