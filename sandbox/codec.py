"""The values that cross between host and jail, as JSON and raw buffers.

Everything that comes out of the jail may be forged, so a value is rebuilt only from the closed list
below, and neither its depth nor its keys nor the shape of an array is taken on trust.

Values: None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, numeric
numpy arrays (numpy scalars become Python numbers) and registered record types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sandbox import arrays
from sandbox.frames import MAX_DESCRIPTORS, Buffer, Frame, ProtocolError, TransferError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_DEPTH = 64
# Hashes of numbers and tuples are not randomised: chosen keys cost quadratic time, during which no
# other thread of the host runs. So keys that are no text are few in a frame, and quick to compare.
_MAX_KEYS = 2048
_MAX_KEY_BYTES, _MAX_KEY_ITEMS = 64, 16
_DTYPE = re.compile(r"[<|](b1|[iu][1248]|f[248]|c8|c16)")


class RecordCodec(Protocol):
    """What the codec needs to know of one record type; see ``sandbox.records``."""

    name: str

    def take_apart(self, record: Any) -> Sequence[Any]:
        """The values of the fields, in order."""

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The record with these fields; raises ``TypeError`` or ``ValueError``."""


class _Keys:
    """Holds the keys of dicts and items of sets of one frame against their caps."""

    def __init__(self, refuse: type[Exception]) -> None:
        self._left, self._refuse = _MAX_KEYS, refuse

    def check(self, forms: Sequence[Any], buffers: Any) -> None:
        """Take in the keys of one container, in JSON form."""
        forms = [form for form in forms if type(form) is not str]
        self._left -= len(forms)
        if self._left < 0:
            raise self._refuse(f"more than {_MAX_KEYS} keys and set items that are not text")
        for form in forms:
            items = [form]
            if type(form) is dict and form["$"] == "bytes":
                items = [] if len(buffers[form["i"]]) <= _MAX_KEY_BYTES else [form]
            elif type(form) is dict and form["$"] == "tuple":
                items = form["v"]
            if len(items) > _MAX_KEY_ITEMS or any(isinstance(i, list | dict) for i in items):
                raise self._refuse(
                    "a key of a dict or an item of a set can cross only if it is a number, text, "
                    f"at most {_MAX_KEY_BYTES} bytes or a flat tuple of at most {_MAX_KEY_ITEMS}"
                )


@dataclass
class ValueWriter:
    """Turns values into JSON plus buffers.

    Args:
        records: the record types that may cross, by class.
        max_bytes: cap on all buffers and descriptors together.
        share: whether large arrays may go as descriptors (host to jail).
    """

    records: Mapping[type, RecordCodec]
    max_bytes: int
    share: bool = False
    buffers: list[Buffer] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    owned: list[int] = field(default_factory=list)  # descriptors to close once they were sent
    _bytes: int = 0
    _keys: _Keys = field(default_factory=lambda: _Keys(TransferError))

    def write(self, value: Any, depth: int = 0) -> Any:
        """The JSON form of ``value``.

        Raises:
            TransferError: the value holds something outside the closed list, is nested deeper
                than 64 levels, or is too large.
        """
        kind = type(value)
        if value is None or kind is bool or kind is int or kind is float or kind is str:
            return value
        if depth >= _MAX_DEPTH:
            raise TransferError(f"the value is nested deeper than {_MAX_DEPTH} levels")
        deeper = depth + 1
        if kind is list:
            return [self.write(item, deeper) for item in value]
        if kind is tuple or kind is set or kind is frozenset:
            forms = [self.write(item, deeper) for item in value]
            if kind is not tuple:
                self._keys.check(forms, self.buffers)
            return {"$": kind.__name__, "v": forms}
        if kind is dict:
            if "$" not in value and all(type(key) is str for key in value):
                return {key: self.write(item, deeper) for key, item in value.items()}
            pairs = [[self.write(k, deeper), self.write(v, deeper)] for k, v in value.items()]
            self._keys.check([key for key, _ in pairs], self.buffers)
            return {"$": "dict", "v": pairs}
        if kind in self.records:
            record = self.records[kind]
            fields = [self.write(item, deeper) for item in record.take_apart(value)]
            return {"$": "record", "n": record.name, "v": fields}
        return self._write_rare(value, deeper)

    def _write_rare(self, value: Any, depth: int) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            return {"$": "bytes", "i": self._buffer(memoryview(value))}
        if type(value) is complex:
            return {"$": "complex", "v": [value.real, value.imag]}
        if type(value).__module__.partition(".")[0] == "numpy" or hasattr(value, "__array__"):
            import numpy as np

            if isinstance(value, np.generic):
                item = value.item()
                if not isinstance(item, np.generic):
                    return self.write(item, depth)
            elif isinstance(value, np.ndarray):
                return self._write_array(np.asarray(value))
        for plain in (int, float, str):  # an IntEnum, a str subclass: carried as what they are
            if isinstance(value, plain):
                return plain(value) if plain is not str else str.__str__(value)
        for container in (dict, list, tuple):
            if isinstance(value, container):
                return self.write(container(value), depth)
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TransferError(
            f"a value of type {name.removeprefix('builtins.')} cannot cross between the jail and "
            f"its host; use numbers, text, lists, dicts or numeric arrays"
        )

    def _write_array(self, array: NDArray[Any]) -> dict[str, Any]:
        import numpy as np

        array = np.ascontiguousarray(array).reshape(array.shape)
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        dtype = array.dtype.str
        if not _DTYPE.fullmatch(dtype):
            raise TransferError(
                f"an array of dtype {array.dtype} cannot cross; convert it to a numeric dtype "
                f"or, for text, to a list"
            )
        form = {"$": "array", "d": dtype, "s": list(array.shape)}
        room = len(self.descriptors) < MAX_DESCRIPTORS
        if self.share and room and array.nbytes >= arrays.SHARE_FROM_BYTES:
            self._count(array.nbytes)
            descriptor = arrays.shared_descriptor(array)
            if descriptor is None:
                descriptor = arrays.copy_to_descriptor(arrays.as_bytes(array))
                self.owned.append(descriptor)
            self.descriptors.append(descriptor)
            return form | {"m": len(self.descriptors) - 1}
        return form | {"i": self._buffer(arrays.as_bytes(array))}

    def _buffer(self, data: memoryview) -> int:
        self._count(data.nbytes)
        self.buffers.append(data.cast("B") if data.contiguous else data.tobytes())
        return len(self.buffers) - 1

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self.max_bytes:
            cap = self.max_bytes
            raise TransferError(f"the arrays of a call or result pass {cap} bytes; send fewer")


class ValueReader:
    """Rebuilds values from one frame.

    Args:
        frame: where buffers and descriptors are.
        records: the record types that may cross, by name.
    """

    def __init__(self, frame: Frame, records: Mapping[str, RecordCodec]) -> None:
        # Each is taken once: every further reference would be a further copy of it.
        self._buffers = dict(enumerate(frame.buffers))
        self._descriptors = dict(enumerate(frame.descriptors))
        self._records = records
        self._keys = _Keys(ProtocolError)

    def read(self, form: Any, depth: int = 0) -> Any:
        """The value of a JSON form.

        Raises:
            ProtocolError: the form is none that ``ValueWriter`` writes.
            TransferError: a record type refuses its fields.
        """
        if not isinstance(form, list | dict):
            return form
        if depth > _MAX_DEPTH:
            raise ProtocolError("the value is nested too deeply")
        deeper = depth + 1
        if isinstance(form, list):
            return [self.read(item, deeper) for item in form]
        if "$" not in form:
            return {key: self.read(item, deeper) for key, item in form.items()}
        try:
            return self._read_tagged(form, deeper)
        except TransferError:  # a record refuses its fields: the caller's fault
            raise
        except (KeyError, IndexError, ValueError, TypeError, OverflowError) as error:
            raise ProtocolError(f"malformed value: {type(error).__name__}: {error}") from None

    def _read_tagged(self, form: dict[str, Any], depth: int) -> Any:
        tag = form["$"]
        if tag == "array":
            return self._read_array(form)
        if tag == "bytes":
            return bytes(self._buffers.pop(form["i"]))
        values = form["v"]
        if not isinstance(values, list):
            raise ProtocolError("malformed value: no list")
        if tag == "record":
            return self._records[form["n"]].rebuild([self.read(v, depth) for v in values])
        if tag == "complex":
            real, imag = values
            return complex(float(real), float(imag))
        if tag == "dict":
            self._keys.check([key for key, _ in values], self._buffers)
            return {self.read(k, depth): self.read(v, depth) for k, v in values}
        if tag in ("set", "frozenset"):
            self._keys.check(values, self._buffers)
        items = [self.read(item, depth) for item in values]
        if tag == "tuple":
            return tuple(items)
        if tag in ("set", "frozenset"):
            return set(items) if tag == "set" else frozenset(items)
        raise ProtocolError(f"unknown tag {tag!r:.40}")

    def _read_array(self, form: dict[str, Any]) -> NDArray[Any]:
        dtype, shape = form["d"], form["s"]
        if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
            raise ProtocolError(f"dtype {dtype!r:.40} is not allowed")
        if not isinstance(shape, list) or len(shape) > 32:
            raise ProtocolError("malformed shape")
        import numpy as np

        size = (kind := np.dtype(dtype)).itemsize
        for side in shape:
            if type(side) is not int or not 0 <= side < 1 << 40:
                raise ProtocolError(f"malformed shape: {side!r:.40}")
            size *= side
        data: Any
        if "m" in form:
            data = arrays.map_private(self._descriptors.pop(form["m"]), max(1, size))
        else:
            data = self._buffers.pop(form["i"])
            if len(data) != size:
                raise ProtocolError(f"an array of {size} bytes came with {len(data)}")
        if size == 0:
            return np.empty(shape, dtype=kind)
        return np.frombuffer(data, dtype=kind).reshape(shape)
