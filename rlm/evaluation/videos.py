"""Where the videos of a set are, by the names its annotations give them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rlm.errors import UsageError

SUFFIXES = frozenset(".mp4 .mkv .webm .avi .mov .m4v .mpg .mpeg .flv .ts .wmv .gif".split())
"""What the names of video files end in, in lower case."""


@dataclass(frozen=True)
class Found:
    """A video, or where it was expected and ``why`` it cannot be had."""

    path: Path
    why: str = ""


class VideoFolder:
    """The videos in a folder and all folders below, looked through once.

    Raises ``UsageError`` when there is no such folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise UsageError(f"there is no folder of videos {root}")
        self.root = root
        self._files: dict[str, list[Path]] = {}
        self._folders: dict[str, list[Path]] = {}
        self._found: dict[Sequence[str], Found] = {}
        seen: set[Path] = set()
        for where, folders, files in os.walk(root, followlinks=True):
            folders[:] = sorted(name for name in folders if not _again(Path(where, name), seen))
            for name in files:
                path = Path(where, name)
                if path.suffix.lower() in SUFFIXES:
                    self._files.setdefault(path.stem, []).append(path)
            for name in folders:
                self._folders.setdefault(name, []).append(Path(where, name))

    def find(self, names: Sequence[str]) -> Found:
        """The video that goes by the first of ``names`` that is there.

        A name is a path below the folder, with any or no suffix. Folders of the set may be missing
        above the last one that it names, and others may lie above; a name without a folder is found
        anywhere.
        """
        names = tuple(names)
        if names not in self._found:
            self._found[names] = self._find(names)
        return self._found[names]

    def _find(self, names: Sequence[str]) -> Found:
        for name in names:
            wanted = PurePosixPath(name)
            near = self._near(self._files.get(_stem(wanted), []), wanted)
            if len({path.resolve() for path in near}) == 1:  # links may lead to one file twice
                return Found(near[0])
            if near:
                told = ", ".join(str(path.relative_to(self.root)) for path in near[:3])
                return Found(near[0], f"several files go by the name {name}: {told}")
        first = PurePosixPath(names[0])
        frames = self._near(self._folders.get(_stem(first), []), first)
        if frames:
            return Found(
                frames[0],
                "it is a folder of frames, which cannot be opened; join them into a video of the "
                f"same name: {frames[0]}.mp4",
            )
        expected = self.root / (first if first.suffix.lower() in SUFFIXES else f"{first}.mp4")
        return Found(expected, f"there is no file {expected}")

    def _near(self, paths: Sequence[Path], wanted: PurePosixPath) -> list[Path]:
        """Those of ``paths`` whose folders, and then suffix, are most like the wanted ones."""
        parents = wanted.parts[:-1]
        if parents:
            paths = [path for path in paths if path.absolute().parent.name == parents[-1]]

        def like(path: Path) -> tuple[int, bool]:
            same = 0
            for ours, theirs in zip(
                reversed(path.absolute().parts[:-1]), reversed(parents), strict=False
            ):
                if ours != theirs:
                    break
                same += 1
            return same, path.suffix == wanted.suffix

        most = max(map(like, paths), default=None)
        return [path for path in paths if like(path) == most]


def _stem(name: PurePosixPath) -> str:
    return name.stem if name.suffix.lower() in SUFFIXES else name.name


def _again(folder: Path, seen: set[Path]) -> bool:
    """Whether a link leads to a folder that was looked through already, or is about to be."""
    if not folder.is_symlink():
        return False
    real = folder.resolve()
    if real in seen or real in folder.parent.resolve().parents or real == folder.parent.resolve():
        return True
    seen.add(real)
    return False
