"""What was compared, and how much of it was equal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of one operation, layer or optimiser. A *check* is what is compared: a dtype, or a form such as ``"out="``."""

    name: str
    #: {(dtype, form): how many samples}.
    total: Counter[tuple[str, str]] = field(default_factory=Counter)
    equal: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: {(dtype, form): what differed first}.
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    #: {why samples were not compared, or values not: how many}.
    left: Counter[str] = field(default_factory=Counter)

    def add(self, dtype: str, form: str, unlike: str | None) -> None:
        """One sample compared; ``unlike`` says how it differs, if it does."""
        key = (dtype, form)
        self.total[key] += 1
        if unlike is None:
            self.equal[key] += 1
        else:
            self.first.setdefault(key, " ".join(unlike.split())[:160])

    def whole(self, dtypes: tuple[str, ...], without: tuple[str, ...] = ()) -> bool:
        """Whether all that was compared in these dtypes is equal, leaving out some forms."""
        keys = [key for key in self.total if key[0] in dtypes and key[1] not in without]
        return all(self.equal[key] == self.total[key] for key in keys)

    def compared(self, dtypes: tuple[str, ...]) -> bool:
        return any(key[0] in dtypes for key in self.total)
