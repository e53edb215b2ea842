"""Arrays that grow on disk: written row by row, of any length, in memory never."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class RowWriter:
    """Writes a ``.npy`` file row by row; ``array`` gives it back.

    It is written, not mapped, meanwhile: pages once touched would count as memory of the process.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.path = path
        self.count = 0
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._file = open(path, "w+b")  # noqa: SIM115 - kept until close
        self._write_header()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def add(self, row: NDArray[Any]) -> None:
        """Write the next row."""
        self.extend(row[None])

    def extend(self, rows: NDArray[Any]) -> None:
        """Write the next rows [n, *shape].

        Raises ``ValueError`` when they have not the shape and type of all.
        """
        if rows.shape[1:] != self._shape or rows.dtype != self._dtype:
            raise ValueError(
                f"a row is {self._dtype}{list(self._shape)}, not {rows.dtype}{list(rows.shape[1:])}"
            )
        self._file.write(np.ascontiguousarray(rows).data)
        self.count += len(rows)

    def array(self) -> NDArray[Any]:
        """The array [count, *shape], memory-mapped and read-only; no more can be written."""
        # The header leaves room for the first axis to grow.
        self._write_header()
        self._file.close()
        array: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array

    def _write_header(self) -> None:
        self._file.seek(0)
        descr = np.lib.format.dtype_to_descr(self._dtype)
        header = {"descr": descr, "fortran_order": False, "shape": (self.count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


def read_rows(array: NDArray[Any], at_a_time: int = 1) -> Iterator[NDArray[Any]]:
    """The rows of an array, ``at_a_time`` together.

    Those of a memory-mapped one are read through its file: what is read is a copy and is given up
    with it, the mapping would keep it.
    """
    if not isinstance(array, np.memmap) or array.filename is None:
        yield from (array[start : start + at_a_time] for start in range(0, len(array), at_a_time))
        return
    shape = array.shape[1:]
    with open(array.filename, "rb") as file:
        file.seek(array.offset)
        for start in range(0, len(array), at_a_time):
            count = min(at_a_time, len(array) - start)
            content = file.read(count * math.prod(shape) * array.dtype.itemsize)
            yield np.frombuffer(content, array.dtype).reshape(count, *shape)
