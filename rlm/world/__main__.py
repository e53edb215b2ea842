"""``python -m rlm.world FOLDER --seed 7 --seconds 75`` writes a film, its truth and questions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rlm.errors import VideoRLMError
from rlm.world.files import write_film
from rlm.world.film import make_film


def main(arguments: list[str] | None = None) -> int:
    """Write a film and print where its files are; returns an exit code of :mod:`rlm.errors`."""
    parser = argparse.ArgumentParser(prog="python -m rlm.world", description="Make a film.")
    parser.add_argument("folder", type=Path, help="where film, truth and questions go")
    parser.add_argument("--seed", type=int, default=7, help="which film (default 7)")
    parser.add_argument("--seconds", type=float, default=75.0, help="its length (default 75)")
    parser.add_argument("--fps", type=float, default=25.0, help="pictures a second (default 25)")
    parser.add_argument("--side", type=int, default=320, help="pixels a side (default 320)")
    chosen = parser.parse_args(arguments)
    try:
        film = make_film(chosen.seed, chosen.seconds)
        files = write_film(film, chosen.folder, fps=chosen.fps, side=chosen.side)
    except VideoRLMError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(files.film, files.truth, files.questions, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
