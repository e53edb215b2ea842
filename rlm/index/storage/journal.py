"""A log of finished work: what a build that is stopped has computed is not computed again."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct("<II")
_NAME = "journal"

Vectors = Mapping[str, NDArray[np.float32]]
"""Rows float32[R, D] of each track."""


class Journal:
    """Vectors of windows by what went into them, kept in a folder while a part is being built.

    Each record bears its own checksum. A record that was being written when the process died ends
    the log, and is written over.
    """

    def __init__(self, folder: Path) -> None:
        self._known: dict[bytes, dict[str, NDArray[np.float32]]] = {}
        self._file = open(folder / _NAME, "a+b")  # noqa: SIM115 - kept until close
        self._file.truncate(self._read())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: bytes) -> Vectors | None:
        """What was kept under ``key``, 16 bytes, if anything."""
        return self._known.get(key)

    def put(self, key: bytes, vectors: Vectors) -> None:
        """Keep ``vectors`` under ``key``; they are in the file when this returns."""
        parts = [key]
        for name, rows in vectors.items():
            label = name.encode()
            parts += [struct.pack("<HII", len(label), *rows.shape), label]
            parts.append(np.ascontiguousarray(rows, dtype="<f4").tobytes())
        payload = b"".join(parts)
        self._file.write(_HEADER.pack(len(payload), zlib.crc32(payload)) + payload)
        self._file.flush()

    def _read(self) -> int:
        """Take in the whole records; returns where the last of them ends."""
        self._file.seek(0)
        good = 0
        size = os.fstat(self._file.fileno()).st_size
        while good + _HEADER.size <= size:
            length, checksum = _HEADER.unpack(self._file.read(_HEADER.size))
            if good + _HEADER.size + length > size:
                break
            payload = self._file.read(length)
            if zlib.crc32(payload) != checksum:
                break
            self._known[payload[:16]] = _vectors(payload)
            good += _HEADER.size + length
        return good


def _vectors(payload: bytes) -> dict[str, NDArray[np.float32]]:
    vectors, at = {}, 16
    while at < len(payload):
        length, rows, width = struct.unpack_from("<HII", payload, at)
        at += struct.calcsize("<HII")
        name = payload[at : at + length].decode()
        at += length
        array = np.frombuffer(payload, dtype="<f4", count=rows * width, offset=at)
        vectors[name] = array.reshape(rows, width).astype(np.float32)
        at += 4 * rows * width
    return vectors
