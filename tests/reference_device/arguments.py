"""What a kernel is called with: its static arguments, and the table of addresses and numbers (see ``kernels/contract.py``)."""

from __future__ import annotations

from ctypes import c_double, c_int64

import numpy as np


class Arguments:
    """A call's arguments, or those behind some of them."""

    def __init__(self, table: int, address: int) -> None:
        self._table = table
        self._address = address

    def behind(self, count: int) -> Arguments:
        """The arguments behind the first ``count``."""
        return Arguments(self._table, self._address + 8 * count)

    def integer(self, index: int) -> int:
        return c_int64.from_address(self._address + 8 * index).value

    def integers(self, index: int, count: int) -> list[int]:
        return [self.integer(index + k) for k in range(count)]

    def address(self, index: int) -> int:
        """The address of the operand that takes argument ``index`` and the next one."""
        return c_int64.from_address(self._table + 8 * self.integer(index)).value + self.integer(index + 1)

    def number(self, index: int, kind: str) -> np.ndarray:
        """A number given at each run: float64 (kind f) or int64."""
        place = self._table + 8 * self.integer(index)
        if kind == "f":
            return np.asarray(c_double.from_address(place).value, np.float64)
        return np.asarray(c_int64.from_address(place).value, np.int64)

    def report(self, index: int, bad: np.ndarray, values: np.ndarray) -> None:
        """If there is something bad, put the error of that argument and the first bad value into the error cell, if it is
        the first."""
        cell = c_int64.from_address(self._table).value
        number, value = c_int64.from_address(cell), c_int64.from_address(cell + 8)
        if number.value == 0 and bad.any():
            number.value = self.integer(index)
            value.value = int(np.broadcast_to(values, bad.shape).flat[int(bad.argmax())])
