"""Trading computation for memory: what a part of a program saves for backward is computed again when it is needed."""

from __future__ import annotations

import contextlib
import enum
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..amp.autocast_mode import autocast, autocast_as_now
from ..autograd.engine import backward, current_run
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ..core.history import Packed
from ..core.modes import enable_grad, without_history
from ..core.tensor import Tensor
from ..graph.notices import warn
from ..graph.trace import local
from ..random import default_generator, fork_rng

_settings: dict[str, bool | None] = {"early_stop": None}
_groups: list[GraphExecGroup] = []
"""The group of backward passes that is under way, if there is one."""


class CheckpointError(RuntimeError):
    """A function did not do the same when it was called again."""


def noop_context_fn() -> tuple[Any, Any]:
    """The default ``context_fn``: no contexts around forward and recomputation."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, keeping only the arguments for backward, which calls the function again.

    With ``use_reentrant=False`` saved tensors are recomputed when one of them is first needed; with True, a backward pass
    of its own runs inside the surrounding one, which must then not be ``autograd.grad`` or be given ``inputs``. Random
    numbers are drawn alike both times unless ``preserve_rng_state=False``.
    """
    if use_reentrant is None:
        when = "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."
        use_reentrant = _by_default("", when)
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'] but got {determinism_check}")
    forward_context, again_context = context_fn()
    wanted = _settings["early_stop"]
    frame = _Frame(function, args, kwargs, preserve, again_context, determinism_check == "default")
    frame.early_stop = early_stop if wanted is None else wanted
    with saved_tensors_hooks(frame.pack, frame.unpack), forward_context:
        return function(*args, **kwargs)


def _by_default(function: str, when: str) -> bool:
    """Warn that ``use_reentrant`` was not given; what it is then."""
    warnings.warn(
        f"torch.utils.checkpoint{function}: the use_reentrant parameter should be passed explicitly. {when} "
        "use_reentrant=False is recommended, but if you need to preserve the current default behavior, you can pass "
        "use_reentrant=True. Refer to docs for more details on the differences between the two variants.",
        stacklevel=3,
    )
    return True


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether recomputation ends as soon as the last tensor that is needed is there (the default)."""
    before = _settings["early_stop"]
    _settings["early_stop"] = enable
    try:
        yield
    finally:
        _settings["early_stop"] = before


class GraphExecGroup:
    """Backward passes inside compute what one checkpoint saved once for all of them; no saved tensor may be used twice."""

    def __init__(self) -> None:
        self.ends: list[Callable[[], None]] = []

    def __enter__(self) -> GraphExecGroup:
        if _groups:
            raise RuntimeError(f"GraphExecGroup contexts cannot be nested. Already inside group {_groups[-1]}")
        _groups.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _groups.remove(self)
        for end in self.ends:
            end()
        self.ends.clear()


class _Circumstances:
    """What a call depends on besides its arguments: autocast, and the random numbers if they are to be the same again."""

    def __init__(self, preserve: bool) -> None:
        self.random = default_generator.place if preserve else None
        self.precision = autocast_as_now()

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """The same circumstances, with history."""
        with fork_rng(enabled=self.random is not None), autocast(**self.precision), enable_grad():
            if self.random is not None:
                default_generator.place = self.random
            yield


# --- by hooks on saved tensors --------------------------------------------------------------------------------------------


class _Holder:
    """Stands for one saved tensor; as long as it lives, the tensor may be asked for."""

    __slots__ = ("index", "__weakref__")

    def __init__(self, index: int) -> None:
        self.index = index


class _Enough(Exception):
    """Ends a recomputation: everything that is needed is there."""


class _Frame:
    """One checkpointed call: how to do it again, and what came of that in the backward pass under way."""

    early_stop = True

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], preserve: bool, context: Any,
        check: bool,
    ) -> None:  # fmt: skip
        self.function = function
        self.args = [_kept(a) for a in args]
        self.kwargs = {name: _kept(a) for name, a in kwargs.items()}
        self.circumstances = _Circumstances(preserve)
        self.context = context
        self.check = check
        self.holders: list[weakref.ref[_Holder]] = []
        self.metas: list[tuple[Any, Any]] = []
        self.again: weakref.WeakKeyDictionary[_Holder, Tensor] = weakref.WeakKeyDictionary()

    def pack(self, tensor: Tensor) -> _Holder:
        """Keep nothing of a tensor but its place in the order of saving."""
        holder = _Holder(len(self.holders))
        self.holders.append(weakref.ref(holder))
        self.metas.append((tensor.shape, tensor.dtype))
        return holder

    def unpack(self, holder: _Holder) -> Tensor:
        """The tensor again; the whole function is called again unless that has been done in this pass."""
        run = current_run()
        group = _groups[-1] if _groups else None
        if holder not in self.again:
            self._recompute()
            if group is not None:
                group.ends.append(self.again.clear)
            elif run is not None:
                run.callbacks.append(self.again.clear)
        tensor = self.again[holder]
        if run is None and group is None:
            self.again.clear()
        return tensor

    def _recompute(self) -> None:
        count = 0

        def pack(tensor: Tensor) -> Tensor:
            nonlocal count
            value = tensor.detach()
            if count < len(self.holders):
                self._compare(count, value)
                holder = self.holders[count]()
                if holder is not None:
                    self.again[holder] = value
            count += 1
            if self.early_stop and count == len(self.holders):
                raise _Enough
            return value

        args = [_restored(a) for a in self.args]
        kwargs = {name: _restored(a) for name, a in self.kwargs.items()}
        try:
            with self.circumstances.again(), saved_tensors_hooks(pack, lambda value: value), self.context:
                self.function(*args, **kwargs)
        except _Enough:
            return
        if count != len(self.holders):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.holders)}\nNumber of tensors saved "
                f"during recomputation: {count}"
            )

    def _compare(self, index: int, value: Tensor) -> None:
        if self.check and self.metas[index] != (value.shape, value.dtype):
            shape, d = self.metas[index]
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during "
                f"the forward pass.\ntensor at position {index}:\nsaved metadata: {{'shape': {shape}, 'dtype': {d}}}\n"
                f"recomputed metadata: {{'shape': {value.shape}, 'dtype': {value.dtype}}}"
            )


def _kept(value: Any) -> Any:
    """An argument as it is now: a tensor's value, which a surrounding checkpoint may in turn compute again."""
    if not isinstance(value, Tensor):
        return value
    if value.of_parts:  # complex or sparse
        return _Argument(value.detach(), value.requires_grad)
    tracked, snapshot = value.requires_grad, Tensor._saved(value._read(), value._view, None)
    return _Argument(Packed.of(snapshot) if local.pack_hooks else snapshot, tracked)


class _Argument:
    """A tensor among the arguments, kept for calling the function again."""

    __slots__ = ("value", "tracked")

    def __init__(self, value: Tensor | Packed, tracked: bool) -> None:
        self.value = value
        self.tracked = tracked


def _restored(value: Any) -> Any:
    if not isinstance(value, _Argument):
        return value
    held = value.value
    tensor = Tensor._saved(*held.open(), None) if isinstance(held, Packed) else held.detach()
    return tensor.requires_grad_(value.tracked)


# --- by a backward pass inside backward -------------------------------------------------------------------------------------


class CheckpointFunction(Function):
    """The reentrant form."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.function = function
        ctx.circumstances = _Circumstances(preserve)
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.places = [place for place, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(args[place] for place in ctx.places))
        return without_history(lambda: function(*args))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        run = current_run()
        if run is not None and run.targets is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        arguments = list(ctx.others)
        for place, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            arguments[place] = tensor.detach().requires_grad_(tensor.requires_grad)
        with ctx.circumstances.again():
            outputs = ctx.function(*arguments)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        pairs = [
            (output, given)
            for output, given in zip(outputs, grads, strict=True)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([output for output, _ in pairs], [given for _, given in pairs])
        return None, None, *(a.grad if isinstance(a, Tensor) else None for a in arguments)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Call functions (or the parts of a ``Sequential``) one after another, checkpointed in ``segments`` but for the last."""
    if use_reentrant is None:
        when = "In version 2.9 we will raise an exception if use_reentrant is not passed."
        use_reentrant = _by_default(".checkpoint_sequential", when)
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    parts = list(functions.children() if hasattr(functions, "children") else functions)
    size = len(parts) // segments
    at = 0
    for _ in range(segments - 1):
        input = checkpoint(
            _chain(parts[at : at + size]), input, use_reentrant=use_reentrant, preserve_rng_state=preserve
        )
        at += size
    return _chain(parts[at:])(input)


def _chain(functions: Sequence[Callable[..., Any]]) -> Callable[[Any], Any]:
    def forward(input: Any) -> Any:
        for function in functions:
            input = function(input)
        return input

    return forward


# --- which operations are not done again -----------------------------------------------------------------------------------


class CheckpointPolicy(enum.Enum):
    """What a policy says of an operation: keep its result, or compute it again."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class SelectiveCheckpointContext:
    """What a policy is told besides the operation: its result."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute = is_recompute
        self.op_output = op_output


# --- for programs with checkpoints of their own ----------------------------------------------------------------------------


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn if none of the inputs requires grad."""
    if not any(isinstance(a, Tensor) and a.requires_grad for a in inputs):
        warn("None of the inputs have requires_grad=True. Gradients will be None")


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs without their history; they require grad as before."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(a.detach().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in inputs)


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Whether errors are to tell more, which they do not."""
    yield


class DefaultDeviceType:
    """The device whose random numbers are kept besides the CPU's; there is none."""

    _type = "cpu"

    @classmethod
    def set_device_type(cls, device: str = "cuda") -> None:
        """Choose it."""
        cls._type = device

    @classmethod
    def get_device_type(cls) -> str:
        """What was chosen."""
        return cls._type


def get_device_states(*args: Any) -> tuple[list[int], list[Tensor]]:
    """Numbers of the arguments' devices besides the CPU, and the states of their random numbers: none."""
    return [], []


def set_device_states(devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None) -> None:
    """Set the states of the random numbers of other devices than the CPU: of none."""


__all__ = [
    "CheckpointError", "CheckpointFunction", "CheckpointPolicy", "DefaultDeviceType", "GraphExecGroup",
    "SelectiveCheckpointContext", "check_backward_validity", "checkpoint", "checkpoint_sequential", "detach_variable",
    "get_device_states", "noop_context_fn", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip
