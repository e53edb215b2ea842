"""What one jailed process may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Ceilings of one sandbox; all are enforced from outside the cell.

    Attributes:
        memory_bytes: private memory of the process; beyond it Python raises ``MemoryError``.
        cell_seconds: a cell's own wall-clock time; waiting for host functions is not counted.
        grace_seconds: from an interrupt to the kill, for a cell that ignores the interrupt.
        scratch_bytes: total size of the files in the scratch folder, and of any one file.
        scratch_files: number of files and folders in the scratch folder.
        processes: threads of the process; further processes are never allowed.
        output_bytes: kept of each of stdout and stderr, half from the head, half from the tail.
        array_bytes: arrays and byte strings carried by one call or one result.
        parallel_calls: host functions marked ``concurrent`` that run at the same moment.

    Raises:
        ValueError: a limit is not a positive number.
    """

    memory_bytes: int = 2048 * MIB
    cell_seconds: float = 60.0
    grace_seconds: float = 2.0
    scratch_bytes: int = 256 * MIB
    scratch_files: int = 4096
    processes: int = 64
    output_bytes: int = 64 << 10
    array_bytes: int = 512 * MIB
    parallel_calls: int = 8

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            whole = isinstance(getattr(type(self), field.name), int)
            if not isinstance(value, int if whole else (int, float)) or not value > 0:
                kind = "a positive integer" if whole else "a positive number"
                raise ValueError(f"Limits.{field.name} is {value!r}; give {kind}")
