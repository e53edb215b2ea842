"""An evaluation by the loop with a scripted model, as a process that may be killed at any moment.

::

    python scripted_eval.py ANNOTATIONS VIDEOS OUTPUT CACHE
"""

from __future__ import annotations

import sys
from pathlib import Path

from evaluating import run
from scripted import AnsweringModel, code


def reply(messages) -> str:
    """Looks once, then answers by the number in the question."""
    if messages[-1].role == "user" and len(messages) == 2:
        return code("f = extract_frames(count=2, size=32)\nshow(f)\nprint(f.rgb.mean() > 0)")
    return code(f"answer({'AB'['3' in messages[1].text]!r}, confidence=0.5)")


if __name__ == "__main__":
    annotations, videos, output, cache = map(Path, sys.argv[1:])
    model = AnsweringModel(reply, seconds=0.02)
    run(annotations, videos, output, model, system="loop", workers=4, cache=cache)
