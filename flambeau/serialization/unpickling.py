"""Unpickling at a cost that the file's size bounds.

A pickle is a program, and a short one can ask for much: a buffer of any declared length, a table of any length, or the
hash of a tuple that holds one tuple twice, which holds one twice, and so on. The standard library's reader in C does all
that. This one is its reader in Python, which reads no more than there is and keeps its table in a dict, with a bound on
what hashing may cost.
"""

from __future__ import annotations

import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from io import BytesIO
from types import FunctionType
from typing import Any

from .source import Source, describe

#: What hashing may cost: some steps for each byte of the file, and for any file this many.
_STEPS_PER_BYTE = 8
_STEPS = 1 << 16
#: How deep tuples in a key may be nested. The interpreter recurs when it hashes them.
_DEPTH = 100

_HASHING = (set, frozenset, dict, Counter, OrderedDict)

#: What bytes that are no pickle, or one with other instructions, lead to.
DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)

_PythonUnpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]


class BoundedUnpickler(_PythonUnpickler):
    """Reads a pickle from ``source``. ``UnpicklingError`` if it is damaged, ``EOFError`` if it ends early.

    ``missing`` is what ``find_class`` raised because a class is not there, if that is to be raised as it is.
    """

    def __init__(self, source: Source, **options: Any) -> None:
        # What is in memory cannot be read beyond its end in any case.
        super().__init__(source.file if isinstance(source.file, BytesIO) else source, **options)
        self.missing: Exception | None = None
        self._steps = _STEPS + _STEPS_PER_BYTE * source.size

    def load(self) -> Any:
        try:
            return super().load()
        except EOFError as error:
            raise EOFError("damaged or cut short: ran out of input") from error
        except DAMAGE as error:
            if error is self.missing:
                raise
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> pickle.UnpicklingError:
        """The error for a file whose instructions led to ``error``."""
        return pickle.UnpicklingError(f"damaged, or not a pickle of data: {type(error).__name__}: {error}")

    def spend_on_hashes(self, keys: Iterable[Any]) -> None:
        """Account for the hashes of ``keys``. ``UnpicklingError`` beyond what the file's size allows."""
        for key in keys:
            if type(key) is str:  # which keeps its hash
                continue
            self._steps -= 1
            if isinstance(key, int):
                self._steps -= key.bit_length() >> 6
            elif isinstance(key, tuple):
                self._spend_on_tuple(key)
            if self._steps < 0:
                raise pickle.UnpicklingError("damaged: keys whose hashes take too long to compute")

    def _spend_on_tuple(self, key: tuple[Any, ...]) -> None:
        # A tuple within a tuple is hashed as often as it is mentioned, so what is walked here is the tree.
        stack = [iter(key)]
        while stack and self._steps >= 0:
            for item in stack[-1]:
                self._steps -= 1
                if isinstance(item, tuple):
                    if len(stack) == _DEPTH:
                        raise pickle.UnpicklingError(f"damaged: a key of tuples nested more than {_DEPTH} deep")
                    stack.append(iter(item))
                    break
                if isinstance(item, int):
                    self._steps -= item.bit_length() >> 6
            else:
                stack.pop()

    # The standard reader keeps what came since the last mark on a stack of its own.

    def load_dict(self) -> None:
        self.spend_on_hashes(self.stack[::2])
        super().load_dict()

    def load_setitem(self) -> None:
        self.spend_on_hashes(self.stack[-2:-1])
        super().load_setitem()

    def load_setitems(self) -> None:
        self.spend_on_hashes(self.stack[::2])
        super().load_setitems()

    def load_additems(self) -> None:
        self.spend_on_hashes(self.stack)
        super().load_additems()

    def load_frozenset(self) -> None:
        self.spend_on_hashes(self.stack)
        super().load_frozenset()

    def load_reduce(self) -> None:
        function, arguments = self.stack[-2:]
        if any(function is kind for kind in _HASHING) and isinstance(arguments, tuple):
            for argument in arguments:
                self.spend_on_hashes(_hashed(function, argument))
        super().load_reduce()

    def load_bytearray8(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(length)))

    dispatch = {
        **_PythonUnpickler.dispatch,
        pickle.DICT[0]: load_dict,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.ADDITEMS[0]: load_additems,
        pickle.FROZENSET[0]: load_frozenset,
        pickle.REDUCE[0]: load_reduce,
        pickle.BYTEARRAY8[0]: load_bytearray8,
    }


def _hashed(function: Any, items: Any) -> Iterator[Any]:
    """What ``function(items)`` hashes: a set its items, a dict the first of each pair."""
    if isinstance(items, (list, tuple, set, frozenset, dict)):
        pairs = (function is dict or function is OrderedDict) and not isinstance(items, dict)
        for item in items:
            if not pairs:
                yield item
            elif isinstance(item, (list, tuple)):
                yield from item[:1]


class ListedUnpickler(BoundedUnpickler):
    """Reads a pickle of data, in which nothing can run: names are looked up in a list, never imported.

    Pickles know a few instructions that call something or give an object its state. Only what is in ``called`` may be
    called, ``mentioned`` is what a file may name besides, and which objects take a state :meth:`set_state` decides.
    """

    def __init__(self, source: Source, called: dict[str, Any], mentioned: dict[str, Any], **options: Any) -> None:
        super().__init__(source, **options)
        self._names = {**mentioned, **called}
        self._called = {id(value) for value in called.values()}

    def refusal(self, what: str) -> pickle.UnpicklingError:
        """The error for a file that asks for more."""
        return pickle.UnpicklingError(f"should not need {what}")

    def set_state(self, instance: Any, state: Any) -> None:
        """Give an object the state that a file has for it."""
        raise self.refusal(f"the state of a {type(instance).__name__}")

    def find_class(self, module: str, name: str) -> Any:
        full = f"{'builtins' if module == '__builtin__' else module}.{name}"
        if full not in self._names:
            raise self.refusal(full)
        return self._names[full]

    def get_extension(self, code: int) -> None:
        raise self.refusal(f"extension code {code}")

    def check_callable(self, function: Any) -> None:
        """``UnpicklingError`` for what may not be called."""
        if id(function) not in self._called:
            known = isinstance(function, (type, FunctionType))
            raise self.refusal(f"a call of {function.__qualname__ if known else describe(function)}")

    def load_reduce(self) -> None:
        self.check_callable(self.stack[-2])
        super().load_reduce()

    def load_newobj(self) -> None:
        self.check_callable(self.stack[-2])
        super().load_newobj()

    def load_build(self) -> None:
        state = self.stack.pop()
        self.set_state(self.stack[-1], state)

    dispatch = {
        **{
            opcode: handler
            for opcode, handler in BoundedUnpickler.dispatch.items()
            if opcode not in {code[0] for code in (pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX, pickle.NEXT_BUFFER)}
        },
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.BUILD[0]: load_build,
    }


# Functions that files call to make what they hold. They do only that, unlike those whose names they go by.


def encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes as old pickles write them: text of the characters 0 to 255. Other codecs convert, at their own cost."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise pickle.UnpicklingError(f"bytes written as {describe(text)} in the encoding {describe(encoding)}")
    return text.encode("latin-1")


def make_bytearray(data: Any = b"", encoding: str = "latin-1") -> bytearray:
    """A bytearray from bytes, or from text that stands for bytes. Not from a length."""
    return bytearray(data if isinstance(data, bytes) else encode(data, encoding))
