"""What functions are called in graphs and in their code: by the names that PyTorch has for them."""

from __future__ import annotations

import builtins
import inspect
import re
import types
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..interpreter.naming import published_module

_NATIVE_LAYERS = frozenset(
    "avg_pool2d avg_pool3d elu_ gelu hardtanh_ leaky_relu_ linear logsigmoid one_hot scaled_dot_product_attention softplus "
    "softshrink".split()
)
"""Functions of ``nn.functional`` that PyTorch takes from its compiled part."""

_IN_FUNCTIONAL = frozenset(
    "atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors cartesian_prod cdist chain_matmul "
    "einsum lu meshgrid norm split stft tensordot unique unique_consecutive unravel_index".split()
)
"""Functions of the package that PyTorch has in ``torch.functional``."""

_LAYERS = frozenset(
    "binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss margin_ranking_loss max_pool1d "
    "max_pool2d max_pool3d poisson_nll_loss rms_norm triplet_margin_loss".split()
)
"""Functions that are the same in the package and in ``nn.functional``, where PyTorch has others, which programs use most."""

_OF_PYTORCH = re.compile(r"torch(?:\.(?!_dynamo\.|_inductor\.)[^.]+)*")
_BEFORE_CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")


def module_of(function: Any) -> str | None:
    """The module that a function or class belongs to, by PyTorch's name."""
    module = getattr(function, "__module__", None)
    if not isinstance(module, str):
        return None
    module, name = published_module(module), getattr(function, "__name__", "")
    if module == "torch" and name in _IN_FUNCTIONAL:
        return "torch.functional"
    if module == "torch" and name in _LAYERS:
        return "torch.nn.functional"
    if module == "torch.nn.functional" and name in _NATIVE_LAYERS or module == "torch" and name == "linear":
        return "torch._C._nn"
    return module


def is_of_pytorch(value: Any) -> bool:
    """Whether a function, a class or a name is PyTorch's: code reaches it from the name ``torch``."""
    module = value if isinstance(value, str) else module_of(value)
    if module is not None:
        return _OF_PYTORCH.fullmatch(module) is not None
    return False


def is_written_in_python(function: Any) -> bool:
    """Whether PyTorch has a function in Python, which hands on all of its parameters when it is intercepted."""
    return module_of(function) in ("torch.nn.functional", "torch.functional")


def is_method(function: Any) -> bool:
    """Whether a function is a method of tensors, as the package exports it."""
    name = getattr(function, "__name__", "")
    return getattr(function, "__qualname__", "") == f"Tensor.{name}" or getattr(Tensor, name, None) is function


def qualified_name(function: Any) -> str:
    """The name of a function behind that of its module. ``RuntimeError`` for lambdas whose text is not known."""
    name: str = function.__name__
    if getattr(builtins, name, None) is function:
        return name
    if is_method(function):
        return f"torch.Tensor.{name}"
    if name == "<lambda>":
        try:
            name = inspect.getsource(function).split("=")[0].strip()
        except Exception as error:
            raise RuntimeError("Unable to represent lambda") from error
    module = module_of(function)
    if module is None:
        raise RuntimeError(f"cannot find module for {function}")
    return f"{module.replace('torch._ops', 'torch.ops')}.{name}"


def snake_case(name: str) -> str:
    """``maxPool`` as ``max_pool``; all in small letters."""
    return _BEFORE_CAPITAL.sub(r"_\1", name).lower()


def target_name(target: Callable[..., Any] | str) -> str:
    """The name of a node that calls a target, before it is made unique."""
    if callable(target):
        return snake_case(target.__name__)
    magic = target.startswith("__") and target.endswith("__")
    return snake_case(target[2:-2] if magic else target)


def type_text(value: Any) -> str:
    """A type as annotations write it."""
    if isinstance(value, type) and not isinstance(value, types.GenericAlias):
        module = published_module(value.__module__)
        return value.__qualname__ if module == "builtins" else f"{module}.{value.__qualname__}"
    if value is ...:
        return "..."
    return value.__name__ if isinstance(value, types.FunctionType) else repr(value)
