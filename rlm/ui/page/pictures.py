"""The pictures of a page: a small one of each, and the whole as far as there is room."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

THUMBNAIL = (208, 132)
"""Most pixels across and down of a small picture: about 4 kB."""
QUALITY = 60
ROOM = 24 << 20
"""Bytes of whole pictures that go into a page; those after are linked."""


@dataclass
class Album:
    """The pictures that a page names, each once.

    ``small`` has for each its size in the page and its small picture as base64, or nothing where
    the file cannot be read; ``whole`` the pictures inside the page; ``beside`` the files of those
    that had no room.
    """

    small: dict[str, dict[str, Any]] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    beside: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str], file: Callable[[str], Path], room: int = ROOM) -> Album:
        """The album of the pictures ``names``, each in the file that ``file`` says."""
        album = cls()
        for name in dict.fromkeys(names):
            path = file(name)
            try:
                jpeg = path.read_bytes()
                width, height, thumbnail = _small(jpeg)
            except (OSError, ValueError, SyntaxError):  # what Pillow has for a damaged file
                album.small[name] = {}
                continue
            album.small[name] = {"width": width, "height": height, "jpeg": _base64(thumbnail)}
            if len(jpeg) <= room:
                room -= len(jpeg)
                album.whole[name] = _base64(jpeg)
            else:
                album.beside[name] = path
        return album


def _small(jpeg: bytes) -> tuple[int, int, bytes]:
    """Width, height and JPEG bytes of the thumbnail of a JPEG."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            image.draft("RGB", THUMBNAIL)  # decodes at a fraction of the size
            small = image.convert("RGB")
    except Image.DecompressionBombError as error:
        raise ValueError(str(error)) from error
    small.thumbnail(THUMBNAIL)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True)
    return *small.size, out.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
