"""``videorlm transcripts``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rlm.agent.text import counted, one_line
from rlm.commands.output import DONE, say, tell
from rlm.errors import TranscriptError, UsageError
from rlm.ui.spending import dollars, used

PAGE = "html"
WIDTH = 70
"""Characters of a question and of an answer in the list."""


def list_all(as_json: bool) -> int:
    """Print the saved runs, newest first; those that cannot be read are told on stderr."""
    from rlm.agent.export import about
    from rlm.agent.transcript import Transcript, default_folder, runs_under
    from rlm.config import load_config

    folder = load_config().transcripts or default_folder()
    found = runs_under(folder)
    if not found and not as_json:
        print(f"no transcript under {folder}")
    runs = []
    for path in found:
        try:
            runs.append(about(Transcript.load(path)))
        except TranscriptError as error:
            say(f"left out: {one_line(str(error))}")
    # Folders may have been renamed: the runs themselves say when they began.
    for facts in sorted(runs, key=lambda run: str(run["started"]), reverse=True):
        if as_json:
            print(json.dumps(facts))
        else:
            tell(facts["transcript"])
            tell(f"  {_cut(facts['question'])}")
            outcome = facts["status"]
            if facts["answer"] is not None:
                outcome += f": {_cut(facts['answer'])}"
            cost = [counted(facts["turns"], "turn"), used(facts["tokens"]), dollars(facts["usd"])]
            words = (facts["video"], facts["model"], outcome, ", ".join(cost))
            tell(f"  {one_line(' · '.join(words))}")
    return DONE


def export(names: Sequence[str], format_: str, output: Path | None, *, images: bool) -> int:
    """Write runs in a format, to a file or to stdout; ``html`` is the page of one run.

    Raises ``UsageError`` for a format there is not and for several runs in a page,
    ``TranscriptError`` for a run or a picture that cannot be read, ``OSError`` for a file that
    cannot be written.
    """
    from rlm.agent.export import FORMATS
    from rlm.agent.transcript import Transcript, find
    from rlm.config import load_config
    from rlm.ui.page.document import page

    if format_ not in (*FORMATS, PAGE):
        raise UsageError(f"no format {format_!r}; there are: {', '.join((*FORMATS, PAGE))}")
    if format_ == PAGE and len(names) > 1:
        raise UsageError("a page is of one run; videorlm view --index FOLDER lists many")
    parent = load_config().transcripts
    loaded = [Transcript.load(find(name, parent)) for name in names]
    # Before a file is opened: what cannot be exported leaves the one from before as it is.
    if format_ == PAGE:
        text = page(loaded[0], images=images)
    else:
        text = "".join(FORMATS[format_](loaded, images))
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
    return DONE


def _cut(text: str) -> str:
    words = one_line(text)
    return words if len(words) <= WIDTH else f"{words[: WIDTH - 3]}..."
