"""Record types: frozen dataclasses that cross between host and jail by name and fields.

The host knows the real classes and checks every field against its annotation before it builds
one. The jail rebuilds, from a description, dataclasses of the same names and fields whose repr is
short enough to read. A class with ``__echo__ = False`` is not printed when it is the value of a
cell.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.codec import RecordCodec
from sandbox.frames import TransferError

_DEFAULTS = (bool, int, float, str, type(None))
_PLAIN = (*_DEFAULTS, bytes, complex)


class HostRecord:
    """A record type on the host, where its fields are checked."""

    def __init__(self, cls: type, known: Mapping[type, HostRecord]) -> None:
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            raise TypeError(f"record {cls!r} is no dataclass; give frozen dataclass types")
        parameters = cls.__dataclass_params__  # type: ignore[attr-defined]
        if not parameters.frozen:
            raise TypeError(f"record {cls.__name__} is not frozen; declare it frozen=True")
        self.name = cls.__name__
        self.cls = cls
        self._compared = bool(parameters.eq)
        self._fields = dataclasses.fields(cls)
        try:
            hints = typing.get_type_hints(cls)
        except NameError as error:
            raise TypeError(f"record {cls.__name__} has an unknown annotation: {error}") from None
        for field in self._fields:
            if not field.init:
                raise TypeError(f"record {cls.__name__}.{field.name} has init=False")
            _check_hint(hints[field.name], {*known, cls}, f"{cls.__name__}.{field.name}")
        self._hints = [hints[field.name] for field in self._fields]

    def take_apart(self, record: Any) -> Sequence[Any]:
        """The values of the fields, in order."""
        return [getattr(record, field.name) for field in self._fields]

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The real record.

        Raises:
            TransferError: a field is missing or of another type than declared, or the class
                itself refuses the values.
        """
        if len(values) != len(self._fields):
            raise TransferError(f"{self.name} has {len(self._fields)} fields, got {len(values)}")
        fields = {}
        for field, hint, value in zip(self._fields, self._hints, values, strict=True):
            if not conforms(value, hint):
                raise TransferError(
                    f"{self.name}.{field.name} must be {field.type}, not {type(value).__name__}"
                )
            fields[field.name] = value
        try:
            return self.cls(**fields)
        except Exception as error:
            raise TransferError(f"{self.name} refused its fields: {error}") from error

    @functools.cached_property
    def description(self) -> Mapping[str, Any]:
        """What the jail needs to build its counterpart, in plain JSON."""
        fields: list[dict[str, Any]] = []
        for field in self._fields:
            form: dict[str, Any] = {"name": field.name, "repr": field.repr}
            if type(field.default) in _DEFAULTS:
                fields.append(form | {"default": field.default})
            else:  # required in the jail, and so is, as in any dataclass, all that precedes it
                for earlier in fields:
                    earlier.pop("default", None)
                fields.append(form)
        documentation = (self.cls.__doc__ or "").strip()
        return {
            "name": self.name,
            "fields": fields,
            "eq": self._compared,
            "echo": bool(getattr(self.cls, "__echo__", True)),
            "doc": documentation,
        }


def host_records(classes: Sequence[type]) -> Mapping[type, HostRecord]:
    """Check and index the record types of a sandbox.

    Raises:
        TypeError: one is not a frozen dataclass, two share a name, or a field's annotation is
            outside what can cross.
    """
    return _checked(tuple(classes))


@functools.lru_cache(maxsize=4)  # the sandboxes of a run have the same
def _checked(classes: tuple[type, ...]) -> Mapping[type, HostRecord]:
    records: dict[type, HostRecord] = {}
    placeholder = dict.fromkeys(classes)
    for cls in classes:
        records[cls] = HostRecord(cls, typing.cast("dict[type, HostRecord]", placeholder))
    names = [record.name for record in records.values()]
    if len(set(names)) != len(classes):
        raise TypeError(f"two record types share a name among {sorted(names)}")
    return records


def conforms(value: Any, hint: Any) -> bool:
    """Whether a decoded value is what an annotation declares; an int passes for a float."""
    if hint is Any or hint is object:
        return True
    if hint is None:
        return value is None
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is None:
        if hint is float:
            return type(value) in (float, int)
        if hint in (int, complex, bool, str, bytes, type(None)):
            return type(value) is hint
        return isinstance(value, hint)
    if origin is typing.Annotated:
        return conforms(value, arguments[0])
    if origin is typing.Literal:
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return any(conforms(value, argument) for argument in arguments)
    if not isinstance(value, origin):
        return False
    if _is_array_type(origin):
        scalars = typing.get_args(arguments[1])
        return not scalars or scalars[0] is Any or issubclass(value.dtype.type, scalars[0])
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return len(value) == len(arguments) and all(map(conforms, value, arguments))
    if isinstance(value, Mapping):
        return all(
            conforms(k, arguments[0]) and conforms(v, arguments[1]) for k, v in value.items()
        )
    if isinstance(value, list | tuple | set | frozenset):
        return all(conforms(item, arguments[0]) for item in value)
    return not arguments


def _check_hint(hint: Any, records: set[type], where: str) -> None:
    origin = typing.get_origin(hint)
    arguments = [a for a in typing.get_args(hint) if a is not Ellipsis]
    if origin is typing.Literal or hint is Any:
        return
    if origin is typing.Annotated:
        _check_hint(arguments[0], records, where)
        return
    kind = origin or hint
    if kind is getattr(types, "UnionType", None) or kind is typing.Union:
        pass
    elif _is_array_type(kind):
        return
    elif not (
        kind in _PLAIN
        or hint is None
        or kind in records
        or kind in (list, tuple, set, frozenset, dict, Sequence, Mapping, object)
    ):
        raise TypeError(
            f"record field {where} is annotated {hint!r}, which cannot cross to the jail; "
            f"use plain types, arrays, containers of them, or other registered records"
        )
    for argument in arguments:
        _check_hint(argument, records, where)


def _is_array_type(kind: Any) -> bool:
    return isinstance(kind, type) and kind.__module__ == "numpy" and kind.__name__ == "ndarray"


class JailRecord:
    """The counterpart of a record type inside the jail."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.name = str(description["name"])
        self._names = [field["name"] for field in description["fields"]]
        fields: list[Any] = []
        for form in description["fields"]:
            default = form.get("default", dataclasses.MISSING)
            field = dataclasses.field(default=default, repr=form["repr"])
            fields.append((form["name"], Any, field))
        self.cls: type = dataclasses.make_dataclass(
            self.name,
            fields,
            frozen=True,
            eq=description["eq"],
            repr=False,
            namespace={
                "__repr__": _record_repr,
                "__doc__": description["doc"] or None,
                "__echo__": description["echo"],
            },
        )
        self.cls.__module__ = "__main__"

    def take_apart(self, record: Any) -> Sequence[Any]:
        """The values of the fields, in order."""
        return [getattr(record, name) for name in self._names]

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The record with these fields."""
        return self.cls(*values)


def jail_records(descriptions: Sequence[dict[str, Any]]) -> dict[type, JailRecord]:
    """The record types of a session, built from their descriptions."""
    records = [JailRecord(description) for description in descriptions]
    return {record.cls: record for record in records}


def by_name(records: Mapping[type, RecordCodec]) -> dict[str, RecordCodec]:
    """The same record types, by name."""
    return {record.name: record for record in records.values()}


def _record_repr(record: Any) -> str:
    inside = ", ".join(
        f"{field.name}={_short(getattr(record, field.name))}"
        for field in dataclasses.fields(record)
        if field.repr
    )
    return f"{type(record).__name__}({inside})"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
        sides = ",".join(map(str, value.shape))
        return f"<{value.dtype}[{sides}]>"
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        inside = ", ".join(map(_short, value))
        if isinstance(value, tuple):
            return f"({inside},)" if len(value) == 1 else f"({inside})"
        return f"[{inside}]"
    if type(value) is dict:
        return "{" + ", ".join(f"{k!r}: {_short(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>" if len(value) > 32 else repr(value)
    return repr(value)
