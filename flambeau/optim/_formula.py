"""Optimisers that are a formula: what is kept for each parameter, the numbers of a step, and the new values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple

import flambeau

from ..autograd.observed import OBSERVERS
from ..core.composite import composite_values, tensor_of
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph.primitives import FMA
from ..graph.trace import local, note_change
from ..ops.arithmetic import AddBackward0
from ..ops.conversion import rounded_once
from ..ops.operation import assign
from ..ops.recording_paths import ternary
from ._checks import check_implementation, check_options
from ._state import FORGOTTEN, ParameterState, single
from .optimizer import Optimizer, ParamsT

Entry = Sequence[Any]
"""What an update is done to: a parameter, what is kept for it, its gradient, and the numbers of its own step."""
How = tuple[type["Formula"], tuple[str, ...], bool, bool]
"""What decides which primitives are recorded: the optimiser, the names of what is kept, ``maximize``, and whether the
parameter itself decays."""

TOGETHER = 8
"""Parameters that are recorded by one look-up: enough to make it pay, few enough for the budget of a trace."""

_LATER_OPTIONS = {
    "maximize": False, "foreach": None, "fused": None, "capturable": False, "differentiable": False, "amsgrad": False,
    "nesterov": False, "momentum": 0, "centered": False, "decoupled_weight_decay": False,
}  # fmt: skip
"""Options that groups of older files lack, with their values."""


def number(value: Any) -> Any:
    """A hyperparameter as a Python number, whatever it was given as."""
    return value if type(value) is float else float(value)


class Kept(NamedTuple):
    """A tensor of a parameter's shape that is kept for it from step to step."""

    #: What it is filled with at first: a number, or the option of this name. If it is None, the first step makes it.
    first: float | str | None = 0.0
    #: The option that it is kept for; it is kept in any case if there is none.
    option: str | None = None


class Formula(Optimizer):
    """An optimiser that treats every parameter by itself.

    A subclass declares the tensors that are kept (``_kept``) and the numbers besides the count of steps (``_numbers``),
    gives the numbers of a step (:meth:`_constants`, :meth:`_step_numbers`), and the new values (:meth:`_update`). A step is
    recorded by one look-up for several parameters, and undone if something that was recorded before turns out to be wrong.

    A number that an update has no use for is None: what an update records may depend on which numbers are, but not on the
    value of a number.
    """

    _kept: ClassVar[dict[str, Kept]] = {}
    #: The numbers that are kept, with their first values: a number, or the name of an option.
    _numbers: ClassVar[dict[str, float | str]] = {"step": 0.0}
    #: Whether the options may be NaN.
    _takes_nan: ClassVar[bool] = False
    #: Whether gradients may be sparse: :meth:`_update_sparse` then takes them.
    _takes_sparse: ClassVar[bool] = False
    #: Whether a decayed parameter is rounded before it is added to the gradient.
    _rounds_decay: ClassVar[bool] = False

    def __init__(self, params: ParamsT, **options: Any) -> None:
        check_options(options, self._takes_nan)
        super().__init__(params, options)
        if "fused" in options:
            check_implementation(options["fused"], options["foreach"], options["differentiable"])

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in _LATER_OPTIONS.items():
                if name in self.defaults:
                    group.setdefault(name, value)

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The numbers of a step that are the same for all parameters of a group."""
        raise NotImplementedError

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        """The numbers of a step that depend on those that are kept; the step is counted, the others it may replace."""
        return ()

    @staticmethod
    def _update(parameter: Tensor, gradient: Tensor, *rest: Any) -> tuple[Tensor | None, ...]:
        """The new values of a parameter and of what is kept. ``rest`` is that, the constants, and the step's numbers.

        What is not kept is None, and so is its new value. Signs and weight decay have been seen to.
        """
        raise NotImplementedError

    def _update_sparse(self, group: dict[str, Any], entry: Entry) -> None:
        """Change a parameter, and what is kept for it, by its sparse gradient."""
        raise RuntimeError(self._no_sparse())

    def _no_sparse(self) -> str:
        """What is said of a sparse gradient that is not taken."""
        return f"{type(self).__name__} does not support sparse gradients"

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; ``closure`` computes the loss anew (and its gradients) and returns it."""
        loss = None
        before = local.grad
        try:
            if closure is not None:
                local.grad = True
                loss = closure()
            local.grad = bool(self.defaults["differentiable"])
            for group in self.param_groups:
                self._update_group(group)
        finally:
            local.grad = before
        return loss

    def _update_group(self, group: dict[str, Any]) -> None:
        decay = group.get("weight_decay")
        decay = number(decay) if decay else None
        decoupled = decay is not None and group.get("decoupled_weight_decay", False)
        if decoupled:
            decay = 1 - number(group["lr"]) * decay
        constants = decay, *self._constants(group)  # what is no number is refused before a step is counted
        names: tuple[str, ...] = ()
        for name, (_, option) in self._kept.items():
            if option is None or group[option]:
                names += (name,)
        if names:
            entries = self._entries(group, names)
        else:
            entries = [
                [_real(p), _real(gradient)] for p in group["params"] if (gradient := p.grad) is not None
            ]
        place = 1 + len(names)
        if any([entry[place].of_entries for entry in entries]):
            if group.get("fused"):
                raise RuntimeError(f"fused {type(self).__name__} does not support sparse gradients")
            for entry in entries:
                if entry[place].of_entries:
                    without_history(partial(self._update_sparse, group, entry))
            entries = [entry for entry in entries if not entry[place].of_entries]
        if entries:
            self._apply((type(self), names, group["maximize"], decoupled), constants, entries)

    def _entries(self, group: dict[str, Any], names: tuple[str, ...]) -> list[Entry]:
        """What is to be updated, with its step counted; ``names`` are those of what is kept for each parameter."""
        pick: Any = itemgetter(*names) if len(names) > 1 else None
        only = names[0]
        counts, late = self._numbers, local.trace.sites
        states = self.state
        entries: list[Entry] = []
        before: Any = None
        after: Any = None
        numbers: tuple[Any, ...] = ()
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            if gradient.of_entries and not self._takes_sparse:
                raise RuntimeError(self._no_sparse())
            if parameter.of_pairs:
                parameter, gradient = _real(parameter), _real(gradient)
            state = states[parameter]
            if type(state) is not ParameterState or state.numbers is FORGOTTEN:
                state = self._begin(parameter, names, group)
            if counts:
                now = state.numbers
                if now is not before and now != before:  # parameters that go in step share what is counted
                    before = now
                    after = {**before, "step": before["step"] + 1.0}
                    numbers = self._step_numbers(group, after)
                if late:
                    note_change(state, "numbers", before)
                state.numbers = after
            entries.append([parameter, *(pick(state) if pick else (state[only],)), gradient, *numbers])
        return entries

    def _begin(self, parameter: Tensor, names: Sequence[str], group: dict[str, Any]) -> ParameterState:
        """What is remembered about a parameter, which may be nothing yet, or in a plain dictionary (loaded from a file)."""
        known = {name: value for name, value in self.state[parameter].items() if value is not None}
        if known:
            state = ParameterState.of(known, tuple(self._numbers))
        else:
            first = {name: number(group[v]) if isinstance(v, str) else v for name, v in self._numbers.items()}
            state = ParameterState({name: single(value) for name, value in first.items()})
            for name in names:
                value = self._kept[name].first
                if isinstance(value, str):
                    value = number(group[value])
                zero = flambeau.zeros_like(parameter) if value == 0 else None
                state[name] = zero if value is None or value == 0 else flambeau.full_like(parameter, value)
            note_change(state, "begun", False)
        self.state[parameter] = state
        return state

    def _apply(self, how: How, constants: tuple[Any, ...], entries: list[Entry]) -> None:
        """Give the parameter of each entry, and what is kept for it, their new values."""
        names = "", *how[1]
        if local.grad:  # the update itself is to be differentiated
            for entry in entries:
                for name, target, new in zip(names, entry, _new_values(how, constants, entry)):
                    if target is None:
                        self.state[entry[0]][name] = new
                    else:
                        assign(target, new)
            return
        if OBSERVERS and OBSERVERS[0].update(self, how, constants, entries):
            return
        # Parameters that share memory change one after the other.
        apart = len({id(entry[0]._storage or entry[0]) for entry in entries}) == len(entries)
        length = TOGETHER if apart else 1
        static = how, len(constants), len(entries[0])
        for start in range(0, len(entries), length):
            part = entries[start : start + length]
            values = iter(composite_values(_all_new_values, static, [*constants, *chain.from_iterable(part)]))
            for entry in part:
                for name, target, (node, view) in zip(names, entry, values):
                    if target is None:
                        self.state[entry[0]][name] = tensor_of(node, view)
                        continue
                    storage = target._storage
                    if storage is None or view is not None or not storage.replace(target._view, node):
                        assign(target, tensor_of(node, view))


def _real(x: Any) -> Tensor:
    """What is updated of a parameter, and by what: of complex numbers, the pairs."""
    return x.resolved() if x.of_pairs else x  # type: ignore[no-any-return]


def _all_new_values(static: tuple[How, int, int], *operands: Any) -> list[Tensor]:
    """The new values of all targets of several entries, which follow the constants one behind the other."""
    how, count, length = static
    values: list[Tensor] = []
    for start in range(count, len(operands), length):
        values += _new_values(how, operands[:count], operands[start : start + length])
    return values


def _new_values(how: How, constants: tuple[Any, ...], entry: Entry) -> list[Tensor]:
    """The new values of a parameter and of those tensors that are kept for it."""
    cls, names, maximize, decoupled = how
    decay, *others = constants
    parameter, *rest = entry
    kept = dict(zip(names, rest))
    gradient, *numbers = rest[len(names) :]
    if maximize:
        gradient = -gradient
    if decoupled:
        parameter = parameter * decay
    elif decay is not None:
        gradient = gradient + parameter * decay if cls._rounds_decay else plus(gradient, parameter, decay)
    values = cls._update(parameter, gradient, *[kept.get(name) for name in cls._kept], *others, *numbers)
    return [value for value in values if value is not None]


@rounded_once
def plus_product(total: Tensor, first: Tensor, second: Tensor, factor: Any) -> Tensor:
    """``total + factor * first * second``, as ``addcmul`` computes it."""
    return total.addcmul(first * factor, second)  # type: ignore[no-any-return]


@rounded_once
def plus_quotient(total: Tensor, first: Tensor, second: Tensor, factor: Any) -> Tensor:
    """``total + factor * first / second``, as ``addcdiv`` computes it."""
    return total + first * factor / second


def plus(total: Tensor, other: Tensor, factor: Any) -> Tensor:
    """``total + other * factor``, rounded once."""
    if OBSERVERS:
        return total.add(other, alpha=factor)  # type: ignore[no-any-return]
    return ternary(FMA, total, other, factor, AddBackward0, None, factor)


def weights(fresh: float, old: float | None = None) -> tuple[float | None, float | None]:
    """How far a moving average goes from its old value towards the new one, or, where that is nearer, back from the new one."""
    return (fresh, None) if fresh < 0.5 else (None, fresh - 1 if old is None else -old)


@rounded_once
def towards(average: Tensor, new: Tensor, from_old: float | None, from_new: float | None) -> Tensor:
    """A moving average, computed from the nearer end by :func:`weights`, as ``lerp`` does."""
    change = new - average
    return plus(average, change, from_old) if from_new is None else plus(new, change, from_new)
