"""Which function does what to which kind of input.

A functional is declared by its signature (:func:`functional`); its kernels, one for each kind, are declared with it. Kernels see
plain tensors; what kind their results are is seen to here. A kernel of boxes or points names, among its parameters, what it needs
to know of them (``format``, ``canvas_size``, ``clamping_mode``), and gives, besides the numbers, a new canvas if there is one.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import flambeau

from .... import tv_tensors

Kernel = Callable[..., Any]


class Picture:
    """Stands for Pillow's pictures, whose class is not imported before there are any."""


_KERNELS: dict[Kernel, dict[type, Kernel]] = {}
_SIGNATURES: dict[Kernel, inspect.Signature] = {}
_KNOWN = ("format", "canvas_size", "clamping_mode")
_BUILT_IN = frozenset(
    (
        tv_tensors.Image,
        tv_tensors.Video,
        tv_tensors.Mask,
        tv_tensors.BoundingBoxes,
        tv_tensors.KeyPoints,
        tv_tensors.TVTensor,
    )
)


def is_pure_tensor(inpt: Any) -> bool:
    """Whether it is a tensor of which nothing is said."""
    return isinstance(inpt, flambeau.Tensor) and not isinstance(inpt, tv_tensors.TVTensor)


def functional(declared: Kernel) -> Kernel:
    """A function that hands its arguments to the kernel for its first one; ``declared`` is its signature and what it does."""
    signature = inspect.signature(declared)

    @functools.wraps(declared)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        inpt, *rest = bound.arguments.items()
        return kernel_of(dispatch, type(inpt[1]))(inpt[1], **dict(rest))

    _KERNELS[dispatch] = {}
    _SIGNATURES[dispatch] = signature
    return dispatch


def kernel_of(function: Kernel, kind: type, *, allow_passthrough: bool = False) -> Kernel:
    """The kernel for inputs of that kind; ``TypeError`` if there is none, unless these are passed through."""
    kernels = _KERNELS.get(function)
    if kernels is None:
        raise ValueError(f"No kernel registered for functional {function.__name__}.")
    for cls in kind.__mro__:
        if cls in kernels:
            return kernels[cls]
        if cls is tv_tensors.TVTensor:  # what programs derive is no plain tensor
            break
    module = sys.modules.get("PIL.Image")
    if Picture in kernels and module is not None and issubclass(kind, module.Image):
        return kernels[Picture]
    if allow_passthrough:
        return lambda inpt, *args, **kwargs: inpt
    raise TypeError(
        f"Functional F.{function.__name__} supports inputs of type {[k.__name__ for k in kernels]}, but got {kind} instead."
    )


def register_kernel(functional: Kernel | str, tv_tensor_cls: type) -> Callable[[Kernel], Kernel]:
    """Decorator of a program's kernel of a functional for a class derived from TVTensor. ``ValueError`` for others."""
    if isinstance(functional, str):
        name = functional
        functional = getattr(sys.modules[__package__], name, None)  # type: ignore[assignment]
        if functional is None:
            raise ValueError(f"Could not find functional with name '{name}' in torchvision.transforms.v2.functional.")
    if functional not in _KERNELS:
        raise ValueError(
            "Kernels can only be registered on functionals from the torchvision.transforms.v2.functional namespace, "
            f"but got {functional}."
        )
    if not (isinstance(tv_tensor_cls, type) and issubclass(tv_tensor_cls, tv_tensors.TVTensor)):
        raise ValueError(
            f"Kernels can only be registered for subclasses of torchvision.tv_tensors.TVTensor, but got {tv_tensor_cls}."
        )
    if tv_tensor_cls in _BUILT_IN:
        raise ValueError(f"Kernels cannot be registered for the builtin tv_tensor classes, but got {tv_tensor_cls}")
    return _adding(functional, tv_tensor_cls)


def _adding(function: Kernel, kind: type) -> Callable[[Kernel], Kernel]:
    def add(kernel: Kernel) -> Kernel:
        if kind in _KERNELS[function]:
            raise ValueError(f"Functional {function} already has a kernel registered for type {kind}.")
        _KERNELS[function][kind] = kernel
        return kernel

    return add


# --- kernels ----------------------------------------------------------------------------------------------------------


def of_images(function: Kernel, films: bool = True) -> Callable[[Kernel], Kernel]:
    """Decorator of the kernel for plain tensors and pictures, and for films."""

    def add(kernel: Kernel) -> Kernel:
        _adding(function, flambeau.Tensor)(kernel)
        for kind in (tv_tensors.Image, tv_tensors.Video)[: 1 + films]:
            _adding(function, kind)(_kind_kept(kernel))
        return kernel

    return add


def named_for(kind: str, kernel: Kernel) -> Kernel:
    """A kernel for tensors under the name that it has for another kind of them, by which its first argument is called."""
    signature = inspect.signature(kernel)
    first, *rest = signature.parameters.values()

    def call(*args: Any, **kwargs: Any) -> Any:
        if kind in kwargs:
            args = (kwargs.pop(kind), *args)
        return kernel(*args, **kwargs)

    call.__name__ = call.__qualname__ = kernel.__name__.replace("_image", f"_{kind}")
    call.__module__, call.__doc__ = kernel.__module__, kernel.__doc__
    call.__signature__ = signature.replace(parameters=[first.replace(name=kind), *rest])  # type: ignore[attr-defined]
    return call


def of_pictures(function: Kernel) -> Callable[[Kernel], Kernel]:
    """Decorator of the kernel for Pillow's pictures."""
    return _adding(function, Picture)


def reading(function: Kernel, *kinds: type) -> Callable[[Kernel], Kernel]:
    """Decorator of the kernel for ``kinds`` of which something is asked: it gets them as they are."""

    def add(kernel: Kernel) -> Kernel:
        for kind in kinds:
            _adding(function, kind)(kernel)
        return kernel

    return add


def of_known(function: Kernel, kind: type) -> Callable[[Kernel], Kernel]:
    """Decorator of the kernel for boxes, or points."""

    def add(kernel: Kernel) -> Kernel:
        wanted = inspect.signature(kernel).parameters
        signature = _SIGNATURES[function]

        def call(inpt: Any, *args: Any, **kwargs: Any) -> Any:
            if args:
                kwargs = {**dict(zip(list(signature.parameters)[1:], args)), **kwargs}
            given = {name: value for name, value in kwargs.items() if name in wanted}
            known = {name: getattr(inpt, name) for name in _KNOWN if name in wanted}
            output = kernel(inpt.as_subclass(flambeau.Tensor), **given, **known)
            if isinstance(output, tuple):
                return tv_tensors.wrap(output[0], like=inpt, canvas_size=output[1])
            return tv_tensors.wrap(output, like=inpt)

        _adding(function, kind)(call)
        return kernel

    return add


def of_masks(function: Kernel, image_kernel: Kernel, **fixed: Any) -> Kernel:
    """The kernel for masks: that for pictures, with ``fixed`` arguments, of which masks know nothing else."""
    wanted = list(inspect.signature(image_kernel).parameters)[1:]
    free = [name for name in wanted if name not in fixed]
    names = list(_SIGNATURES[function].parameters)[1:]

    def kernel(mask: Any, *args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(free, args)), **kwargs, **fixed}
        flat = mask.ndim < 3
        output = image_kernel(mask.unsqueeze(0) if flat else mask, **given)
        return output.squeeze(0) if flat else output

    def call(inpt: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs = {**dict(zip(names, args)), **kwargs}
        output = kernel(inpt.as_subclass(flambeau.Tensor), **{name: kwargs[name] for name in free if name in kwargs})
        return tv_tensors.wrap(output, like=inpt)

    mask = next(iter(inspect.signature(kernel).parameters.values()))
    options = [p for p in inspect.signature(image_kernel).parameters.values() if p.name in free]
    kernel.__signature__ = inspect.Signature([mask, *options])  # type: ignore[attr-defined]
    kernel.__name__ = kernel.__qualname__ = f"{function.__name__}_mask"
    kernel.__doc__ = f"{function.__name__} of masks (..., height, width)."
    _adding(function, tv_tensors.Mask)(call)
    return kernel


def _kind_kept(kernel: Kernel) -> Kernel:
    @functools.wraps(kernel)
    def call(inpt: Any, *args: Any, **kwargs: Any) -> Any:
        output = kernel(inpt.as_subclass(flambeau.Tensor), *args, **kwargs)
        if isinstance(output, tuple):
            return tuple(tv_tensors.wrap(part, like=inpt) for part in output)
        return tv_tensors.wrap(output, like=inpt)

    return call
