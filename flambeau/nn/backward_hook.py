"""The machinery behind a module's full backward hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import flambeau

from ..autograd import Function
from ..core.tensor import Tensor
from ..graph.notices import warn

if TYPE_CHECKING:
    from .modules.module import Module


class BackwardHookFunction(Function):
    """The identity on any number of tensors; in backward their gradients pass through a Python function."""

    @staticmethod
    def forward(ctx: Any, receive: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        ctx.receive = receive
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(tensor for tensor in tensors if not tensor.requires_grad))
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return None, *ctx.receive(gradients)


class BackwardHook:
    """Calls a module's full backward hooks once the gradients of its outputs and of its inputs are both known.

    The module's tensor arguments and results are led through a :class:`BackwardHookFunction` each: the one behind the module sees
    the gradients of the outputs first (and runs the pre-hooks on them), the one before it those of the inputs.
    """

    def __init__(self, module: Module, hooks: Sequence[Callable[..., Any]], pre_hooks: Sequence[Callable[..., Any]]):
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.input_count = 0
        self.input_places: list[int] | None = None

    def setup_input_hook(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Mark the module's positional arguments; returns those to call it with."""
        self.input_count = len(inputs)

        def receive(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
            if self.grad_outputs is None:
                return gradients  # a gradient that did not come through the module's output (double backward)
            assert self.input_places is not None
            grad_inputs = _spread(self.input_places, _without_gaps(gradients, inputs), self.input_count)
            for hook in self.hooks:
                replaced = hook(self.module, grad_inputs, self.grad_outputs)
                if replaced is None:
                    continue
                if len(replaced) != len(grad_inputs):
                    raise RuntimeError(
                        f"Backward hook returned an invalid number of grad_input, got {len(replaced)}, "
                        f"but expected {len(grad_inputs)}"
                    )
                grad_inputs = replaced
            self.grad_outputs = None
            return tuple(grad_inputs[place] for place in self.input_places)

        marked, self.input_places = _mark(inputs, receive)
        return marked

    def setup_output_hook(self, outputs: Any) -> Any:
        """Mark the module's result (a tensor or a tuple); returns the one to hand to the caller."""
        several = isinstance(outputs, tuple)
        values: tuple[Any, ...] = outputs if several else (outputs,)
        places: list[int] | None = None

        def receive(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
            assert places is not None
            grad_outputs = _spread(places, gradients, len(values))
            for pre_hook in self.pre_hooks:
                replaced = pre_hook(self.module, grad_outputs)
                if replaced is None:
                    continue
                replaced = replaced if isinstance(replaced, tuple) else (replaced,)
                if len(replaced) != len(grad_outputs):
                    raise RuntimeError(
                        f"Backward pre hook returned an invalid number of grad_output, got {len(replaced)}, "
                        f"but expected {len(grad_outputs)}"
                    )
                grad_outputs = replaced
            if self.input_places is None:
                self._call_without_inputs(grad_outputs)
            else:
                self.grad_outputs = grad_outputs
            return tuple(grad_outputs[place] for place in places)

        marked, places = _mark(values, receive)
        return marked if several else marked[0]

    def _call_without_inputs(self, grad_outputs: tuple[Any, ...]) -> None:
        """No input wants a gradient, so nothing will arrive before the module: call the hooks now."""
        warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
            "require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
        )
        grad_inputs = (None,) * self.input_count
        for hook in self.hooks:
            replaced = hook(self.module, grad_inputs, grad_outputs)
            if replaced is not None and not (isinstance(replaced, tuple) and all(part is None for part in replaced)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )


def _mark(values: tuple[Any, ...], receive: Callable[..., Any]) -> tuple[tuple[Any, ...], list[int] | None]:
    """Lead the tensors among ``values`` through a boundary; returns the values and the tensors' places, or None."""
    places = [place for place, value in enumerate(values) if isinstance(value, Tensor)]
    if not (flambeau.is_grad_enabled() and any(values[place].requires_grad for place in places)):
        return values, None
    marked = list(values)
    for place, tensor in zip(places, BackwardHookFunction.apply(receive, *(values[p] for p in places)), strict=True):
        marked[place] = tensor
    if type(values) is tuple:
        return tuple(marked), places
    return type(values)(*marked), places  # a named tuple


def _without_gaps(gradients: tuple[Any, ...], values: Sequence[Any]) -> list[Tensor]:
    """The gradients of the tensors among ``values``, with zeros where nothing arrived."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    return [
        flambeau.zeros_like(tensor) if gradient is None else gradient
        for gradient, tensor in zip(gradients, tensors, strict=True)
    ]


def _spread(places: Sequence[int], values: Sequence[Any], count: int) -> tuple[Any, ...]:
    spread: list[Any] = [None] * count
    for place, value in zip(places, values, strict=True):
        spread[place] = value
    return tuple(spread)
