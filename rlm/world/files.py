"""A film becomes files: an mp4, its ground truth and its questions."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from rlm.errors import UsageError
from rlm.world.captions import captions
from rlm.world.draw import frames
from rlm.world.questions import ask
from rlm.world.scene import Film

FPS = 1, 240
"""The least and the most pictures a second of a file."""


@dataclass(frozen=True, slots=True)
class FilmFiles:
    """Where :func:`write_film` put things."""

    film: Path
    truth: Path
    questions: Path

    @classmethod
    def in_folder(cls, folder: Path | str) -> FilmFiles:
        """Where they are, or would be, in ``folder``."""
        where = Path(folder)
        return cls(where / "film.mp4", where / "truth.json", where / "questions.jsonl")

    def hold(self, film: Film) -> bool:
        """Whether all of them are there, whole, and tell of ``film``, whatever is asked of it."""
        try:
            told = json.loads(self.truth.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        same = told == json.loads(json.dumps(truth(film)))
        return same and self.film.exists() and self.questions.exists()

    def keep(self, film: Film) -> bool:
        """Whether ``film`` is there; what is asked of it is then as this version asks.

        Raises ``UsageError`` where another version asked otherwise and it cannot be written anew.
        """
        if not self.hold(film):
            return False
        try:
            self.write_questions(film)
        except OSError as error:
            raise UsageError(f"cannot write {self.questions}: {error.strerror}") from error
        return True

    def write_questions(self, film: Film) -> None:
        """Write what is asked of ``film``, unless that is there already; raises ``OSError``."""
        rows = (asdict(question) | {"video": self.film.name} for question in ask(film))
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        if self.questions.exists() and self.questions.read_bytes() == text:
            return
        partial = self.questions.with_suffix(f".{os.getpid()}.part")
        partial.write_bytes(text)
        partial.replace(self.questions)  # whoever reads it meanwhile reads one or the other


def write_film(
    film: Film, folder: Path | str, *, fps: Fraction | float = 25, side: int = 320
) -> FilmFiles:
    """Write ``film.mp4`` (H.264), ``truth.json`` and ``questions.jsonl`` into ``folder``.

    Pictures are drawn and encoded one by one; none is kept. Raises ``UsageError`` when ``side``
    is odd (4:2:0 video has none), ``fps`` is not within ``FPS``, or the folder cannot be made or
    written.
    """
    if not FPS[0] <= fps <= FPS[1]:
        raise UsageError(f"{FPS[0]} to {FPS[1]} pictures a second can be written, not {fps:g}")
    if side < 32 or side % 2:
        raise UsageError(f"the side of the picture must be even and at least 32, not {side}")
    files = FilmFiles.in_folder(folder)
    partial = files.film.with_suffix(".part.mp4")
    try:
        files.film.parent.mkdir(parents=True, exist_ok=True)
        # The truth goes first and comes back last: while it is there, so is all it tells of.
        files.truth.unlink(missing_ok=True)
        write_pictures(film, partial, fps=fps, side=side)
        partial.replace(files.film)
        files.write_questions(film)
        files.truth.write_text(json.dumps(truth(film), indent=1) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write a film into {folder}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return files


def truth(film: Film) -> dict[str, object]:
    """The film as JSON: seed, cuts, transitions, marks and all of its shots, each with captions.

    A transition is a ``cut`` or a ``fade``; at a fade its time is the black moment.
    """
    faded = [shot.fade_in > 0 for shot in film.shots[1:]]
    return {
        "seed": film.seed,
        "duration": film.span.end,
        "cuts": list(film.cuts),
        "transitions": [
            {"time": time, "kind": "fade" if fade else "cut"}
            for time, fade in zip(film.cuts, faded, strict=True)
        ],
        "marks": [asdict(mark) for mark in film.marks],
        "shots": [asdict(shot) | {"captions": captions(shot)} for shot in film.shots],
    }


def write_pictures(film: Film, path: Path, *, fps: Fraction | float = 25, side: int = 320) -> Path:
    """Write the pictures of a film alone, as H.264 in an mp4 file; returns its path."""
    import av
    from av.video.reformatter import Colorspace

    rate = Fraction(fps)
    options = {"crf": "16", "preset": "fast"}
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 6, 6, 6  # SMPTE 170M
        context.color_range = 1  # 16 to 235
        for number, rgb in enumerate(frames(film, rate, side)):
            drawn = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            shown = drawn.reformat(format="yuv420p", dst_colorspace=Colorspace.SMPTE170M)
            shown.pts, shown.time_base = number, 1 / rate
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return path
