"""Messages in the wire format of protocol buffers: declared by their fields, kept as attributes, written as bytes.

The format is a sequence of fields, each with its number and the kind of what follows: a varint (7 bits a byte, the lowest
first), 8 bytes, 4 bytes, or a length and so many bytes (strings, other messages, and repeated numbers side by side).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_VARINT, _EIGHT, _COUNTED, _FOUR = 0, 1, 2, 5


def varint(value: int) -> bytes:
    """An integer, negative ones as 64 bits."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Field:
    """A message's field: its number, and what its values are.

    ``kind`` is "double", "float", "int", "string", "bytes", or a type of messages.
    """

    def __init__(self, number: int, kind: str | type[Message], repeated: bool = False) -> None:
        self.number = number
        self.kind = kind
        self.repeated = repeated
        self.wire, self.encode = _KINDS.get(kind if isinstance(kind, str) else "message", (_COUNTED, _serialized))

    def parts(self, value: Any) -> Iterator[bytes]:
        """The field as it is written."""
        if not self.repeated:
            yield self._one(value)
        elif self.wire == _COUNTED:
            yield from map(self._one, value)
        elif len(value):
            numbers = self._side_by_side(value)
            yield varint(self.number << 3 | _COUNTED) + varint(len(numbers)) + numbers

    def _one(self, value: Any) -> bytes:
        head, body = varint(self.number << 3 | self.wire), self.encode(value)
        return head + varint(len(body)) + body if self.wire == _COUNTED else head + body

    def _side_by_side(self, values: Any) -> bytes:
        if self.wire == _VARINT:
            return b"".join(map(self.encode, values))
        return np.asarray(values, "<f8" if self.wire == _EIGHT else "<f4").tobytes()


class Message:
    """A message: values for some of the fields that its class declares."""

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            if not isinstance(getattr(type(self), name, None), Field):
                raise ValueError(f"Protocol message {type(self).__name__} has no \"{name}\" field.")
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def SerializeToString(self) -> bytes:
        """The message as it is written; fields without a value are left out."""
        fields = ((field, self.__dict__.get(name)) for name, field in vars(type(self)).items() if isinstance(field, Field))
        return b"".join(part for field, value in fields if value is not None for part in field.parts(value))


def _serialized(message: Any) -> bytes:
    return message.SerializeToString()  # type: ignore[no-any-return]


def _four_bytes(value: float) -> bytes:
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
        return np.array(value, "<f4").tobytes()


_KINDS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "double": (_EIGHT, struct.Struct("<d").pack),
    "float": (_FOUR, _four_bytes),
    "int": (_VARINT, lambda value: varint(int(value))),
    "string": (_COUNTED, str.encode),
    "bytes": (_COUNTED, bytes),
}
