"""Tensors that say what they are tensors of, so that transforms know what to do with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import flambeau

from ...ops.overriding import DisableTorchFunctionSubclass
from ...utils._pytree import tree_leaves

#: What keeps the class of a tensor, whatever :func:`set_return_type` says.
_KEEPING = frozenset(
    (
        flambeau.Tensor.clone,
        flambeau.Tensor.to,
        flambeau.Tensor.detach,
        flambeau.Tensor.requires_grad_,
        flambeau.Tensor.pin_memory,
    )
)

_kept = False


class set_return_type:
    """Whether operations give plain tensors (``"Tensor"``, as at first) or tensors of their argument's class (``"TVTensor"``).

    Holds from the call on, or as a context. ``ValueError`` for other words.
    """

    def __init__(self, return_type: str) -> None:
        global _kept
        self._before = _kept
        try:
            _kept = {"tensor": False, "tvtensor": True}[return_type.lower()]
        except KeyError:
            raise ValueError(f"return_type must be 'TVTensor' or 'Tensor', got {return_type}") from None

    def __enter__(self) -> set_return_type:
        return self

    def __exit__(self, *exception: object) -> None:
        global _kept
        _kept = self._before


def _attribute(name: str) -> Any:
    """A property of plain tensors, which asks nobody."""
    plain = getattr(flambeau.Tensor, name)

    def read(self: Any) -> Any:
        with DisableTorchFunctionSubclass():
            return plain.__get__(self)

    return property(read)


class TVTensor(flambeau.Tensor):
    """Base of them. Operations give plain tensors, but for ``clone``, ``to``, ``detach``, ``requires_grad_``."""

    #: What a class knows besides its numbers.
    _known: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def _to_tensor(data: Any, dtype: Any = None, device: Any = None, requires_grad: bool | None = None) -> Any:
        if requires_grad is None:
            requires_grad = data.requires_grad if isinstance(data, flambeau.Tensor) else False
        tensor: Any = flambeau.as_tensor(data, dtype=dtype, device=device)
        return tensor.requires_grad_(requires_grad)

    @classmethod
    def wrap(cls, tensor: Any, like: Any, **given: Any) -> Any:
        """``tensor`` as one of this class, which knows what ``like`` knows, unless it is given."""
        made = tensor.as_subclass(cls)
        for name in cls._known:
            setattr(made, name, given.get(name, getattr(like, name)))
        return made

    @classmethod
    def _wrap_output(cls, output: Any, args: Any = (), kwargs: Any = None) -> Any:
        if isinstance(output, (tuple, list)):
            return type(output)(cls._wrap_output(part, args, kwargs) for part in output)
        if not isinstance(output, flambeau.Tensor) or isinstance(output, cls):
            return output
        return TVTensor.wrap.__func__(cls, output, next(_of_class(cls, args, kwargs)))  # type: ignore[attr-defined]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not all(issubclass(cls, kind) for kind in types):
            return NotImplemented
        with DisableTorchFunctionSubclass():
            output = func(*args, **(kwargs or {}))
            if _kept or (func in _KEEPING and isinstance(args[0], cls)):
                return cls._wrap_output(output, args, kwargs)
            # An operation in place gives its argument, which is the same numbers without a class.
            return output.as_subclass(flambeau.Tensor) if isinstance(output, cls) else output

    def _make_repr(self, **known: Any) -> str:
        shown = "".join(f", {name}={value}" for name, value in known.items())
        return f"{super().__repr__()[:-1]}{shown or ', '})"

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return self._make_repr(**{name: getattr(self, name) for name in self._known})

    shape = _attribute("shape")
    ndim = _attribute("ndim")
    device = _attribute("device")
    dtype = _attribute("dtype")

    def __deepcopy__(self, memo: Any) -> Any:
        return self.detach().clone().requires_grad_(self.requires_grad)


def _of_class(cls: type, args: Any, kwargs: Any) -> Iterator[Any]:
    return (leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, cls))
