"""The wire: everything that may cross comes back equal, and nothing forged gets further than an
error.
"""

from __future__ import annotations

import contextlib
import json
import math
import struct
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sandbox.codec import ValueReader, ValueWriter
from sandbox.frames import (
    MAX_CALL,
    MAX_HEADER,
    Frame,
    FrameReader,
    ProtocolError,
    TransferError,
    pack,
)

CAP = 1 << 20
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())) | st.binary()
    | st.complex_numbers(allow_nan=False, max_magnitude=1e100)
)  # fmt: skip
_keys = st.integers() | st.text() | st.tuples(st.integers(), st.text())
_dtypes = (
    arrays.boolean_dtypes() | arrays.integer_dtypes() | arrays.unsigned_integer_dtypes()
    | arrays.floating_dtypes(sizes=(16, 32, 64)) | arrays.complex_number_dtypes(sizes=(64, 128))
)  # fmt: skip
_arrays = arrays.arrays(_dtypes, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0))
_values = st.recursive(
    _scalars | _arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_keys, inner, max_size=4)
        | st.sets(_keys, max_size=4)
        | st.frozensets(_keys, max_size=4)
    ),
    max_leaves=12,
)


def stream(data: bytes, chunk: int = 1 << 16) -> FrameReader:
    """A reader over fixed bytes that come in small pieces."""
    rest = bytearray(data)

    def receive(view: memoryview) -> int:
        count = min(len(view), len(rest), chunk)
        view[:count] = rest[:count]
        del rest[:count]
        return count

    return FrameReader(receive, CAP)


def to_bytes(frame: Frame) -> bytes:
    return b"".join(bytes(piece) for piece in pack(frame))


def encode(value: Any) -> bytes:
    writer = ValueWriter({}, CAP)
    form = writer.write(value)
    return to_bytes(Frame({"v": form}, writer.buffers))


def decode(reader: FrameReader) -> Any:
    frame = reader.read()
    return ValueReader(frame, {}).read(frame.head["v"])


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        if not isinstance(b, np.ndarray) or a.dtype.newbyteorder("<") != b.dtype:
            return False
        return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@given(_values, st.integers(1, 64))
@settings(max_examples=150, deadline=None)
def test_every_value_comes_back_equal(value: Any, chunk: int) -> None:
    assert same(value, decode(stream(encode(value), chunk)))


@given(st.lists(_values, min_size=1, max_size=4), st.integers(1, 5000))
@settings(max_examples=50, deadline=None)
def test_frames_behind_one_another_do_not_mix(values: list[Any], chunk: int) -> None:
    reader = stream(b"".join(map(encode, values)), chunk)
    for value in values:
        assert same(value, decode(reader))
    with pytest.raises(EOFError):
        reader.read()


@given(_values, st.data())
@settings(max_examples=200, deadline=None)
def test_a_corrupted_frame_is_an_error_or_another_value(value: Any, data: st.DataObject) -> None:
    raw = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    with contextlib.suppress(ProtocolError, EOFError, KeyError):
        decode(stream(bytes(raw[:cut] if data.draw(st.booleans()) else raw)))


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_is_an_error(noise: bytes) -> None:
    with pytest.raises((ProtocolError, EOFError)):
        while True:
            stream(noise).read()


_tags = ["array", "bytes", "dict", "set", "tuple", "complex", "record", "?"]
_forms = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 70) | st.floats() | st.text(max_size=5)
    | st.sampled_from(["<f8", "|u1", "|O8", "$", "array", "a"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["$", "v", "d", "s", "i", "m", "n", "x"]), inner, max_size=4)
    | st.fixed_dictionaries(
        {"$": st.sampled_from(_tags)},
        optional={"v": inner, "d": inner, "s": inner, "i": inner, "m": inner, "n": inner},
    ),
    max_leaves=10,
)  # fmt: skip


@given(_forms, st.lists(st.binary(max_size=64), max_size=2))
@settings(max_examples=400, deadline=None)
def test_a_forged_value_is_an_error_or_plain_data(form: Any, buffers: list[bytes]) -> None:
    with contextlib.suppress(ProtocolError):
        ValueReader(Frame({}, buffers), {}).read(form)


@pytest.mark.parametrize(
    "prefix",
    [
        struct.pack("<IHH", MAX_HEADER + 1, 0, 0),
        struct.pack("<IHH", 2, 5000, 0),
        struct.pack("<IHH", 2, 0, 200),
        struct.pack("<IHHQ", 2, 1, 0, CAP + 1),
        struct.pack("<IHHQQ", 2, 2, 0, 1 << 63, 1 << 63),
        struct.pack("<IHH", 2, 0, 1) + b"{}",
        struct.pack("<IHH", 4, 0, 0) + b"{}{}",
        struct.pack("<IHH", 100000, 0, 0) + b"[" * 100000,
    ],
)
def test_sizes_are_capped_before_anything_is_read(prefix: bytes) -> None:
    with pytest.raises(ProtocolError):
        stream(prefix).read()


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, np.array([object()]), np.array(["text"]), np.zeros(CAP + 1, "u1"), open],
)
def test_what_cannot_cross_is_refused_by_name(value: Any) -> None:
    with pytest.raises(TransferError) as info:
        ValueWriter({}, CAP).write(value)
    assert "\n" not in str(info.value)


def test_nesting_has_a_bound_in_both_directions() -> None:
    deep: Any = 0
    for _ in range(100):
        deep = [deep]
    with pytest.raises(TransferError, match="nested"):
        ValueWriter({}, CAP).write(deep)
    with pytest.raises(ProtocolError, match="nested"):
        ValueReader(Frame({}), {}).read(deep)
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TransferError, match="nested"):
        ValueWriter({}, CAP).write(loop)


def test_many_keys_of_chosen_hash_are_refused() -> None:
    pairs = [[number * (2**61 - 1), 0] for number in range(3000)]
    with pytest.raises(ProtocolError, match="keys"):
        ValueReader(Frame({}), {}).read({"$": "dict", "v": pairs})
    text = {str(number): 0 for number in range(3000)}
    assert decode(stream(encode(text))) == text


def test_many_keys_over_many_containers_are_refused() -> None:
    one = [[number * (2**61 - 1), 0] for number in range(100)]
    with pytest.raises(ProtocolError, match="keys"):
        ValueReader(Frame({}), {}).read([{"$": "dict", "v": one}] * 30)
    with pytest.raises(TransferError, match="keys"):
        ValueWriter({}, CAP).write([dict.fromkeys(range(100))] * 30)


@pytest.mark.parametrize(
    "key", [b"x" * 65, (b"x", 1), (1, (2, 3)), tuple(range(17)), frozenset([1]), 1j]
)
def test_a_key_that_is_slow_to_compare_is_refused(key: Any) -> None:
    for value in ({key}, {key: 0}):
        with pytest.raises(TransferError, match="key of a dict"):
            ValueWriter({}, CAP).write(value)
    writer = ValueWriter({}, CAP)
    form = writer.write(key)
    for forged in ({"$": "set", "v": [form]}, {"$": "dict", "v": [[form, 0]]}):
        with pytest.raises(ProtocolError, match="key of a dict"):
            ValueReader(Frame({}, writer.buffers), {}).read(forged)


def test_keys_that_are_quick_to_compare_cross() -> None:
    value = {None: 1, True: 2, 2.5: 3, b"x" * 64: 4, (1, None, "a"): 5, -7: {b"y", ()}}
    assert decode(stream(encode(value))) == value


@pytest.mark.parametrize(
    "form", [{"$": "bytes", "i": 0}, {"$": "array", "d": "|u1", "s": [4], "i": 0}]
)
def test_no_buffer_is_copied_twice(form: Any) -> None:
    reader = ValueReader(Frame({}, [b"abcd"]), {})
    assert len(reader.read(form)) == 4
    with pytest.raises(ProtocolError):
        reader.read(form)
    data = np.zeros(4, "u1")
    assert same([data, data], decode(stream(encode([data, data]))))


def test_a_call_carries_less_text_than_an_answer() -> None:
    text = "x" * MAX_CALL
    with pytest.raises(TransferError, match="too large"):
        pack(Frame({"type": "call", "args": [text]}))
    pack(Frame({"type": "reply", "value": text}))


def test_subclasses_cross_as_what_they_are() -> None:
    class Name(str):
        __slots__ = ()

    assert decode(stream(encode([np.float64(0.5), np.int8(3), Name("x"), np.bool_(True)]))) == [
        0.5, 3, "x", True,
    ]  # fmt: skip


def test_nan_and_infinity_cross() -> None:
    back = decode(stream(encode([math.nan, math.inf, -math.inf, -0.0])))
    assert math.isnan(back[0]) and back[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, back[3]) == -1


def test_announced_descriptors_come_from_beside_the_stream() -> None:
    data = deque([struct.pack("<IHH", 2, 0, 2) + json.dumps({}).encode()])

    def receive(view: memoryview) -> int:
        piece = data.popleft()
        view[: len(piece)] = piece
        return len(piece)

    frame = FrameReader(receive, CAP, deque([11, 12, 13])).read()
    assert frame.descriptors == [11, 12]
