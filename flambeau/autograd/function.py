"""Operations with a user-defined gradient: :class:`Function` and the context it keeps between its two halves."""

from __future__ import annotations

import functools
import inspect
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from ..core.history import FREED, Edge, Gradient, Packed, edge_of
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph.trace import local, record_constant
from ..ops.assignment import write_through_view
from .batching_rule import by_own_rule, check_rules
from .engine import in_forward_mode
from .forward_rule import stand_ins
from .parts import elements_of, kind_of

_RESULT = object()
"""Stands for the function's own node among edges of saved values: a node must not refer to itself."""


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved tensors, marks on outputs, and the user's own attributes."""

    to_save: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()
    saved_for_forward: tuple[Any, ...] | None = None

    #: (value, view, edge, weak reference to the tensor, what gives the value as a tensor of its kind) of each saved tensor; None
    #: once backward has used them.
    _saved: tuple[Any, ...] | None = ()
    #: The same of what was saved for ``jvp``; None if nothing was, which then gets what backward gets.
    _saved_forward: tuple[Any, ...] | None = None
    #: Arguments that are made of others, by their places, and what gives gradients of such outputs as tensors of their kinds.
    _arguments_of_parts: Any = {}
    _kinds: Any = {}
    #: Shapes and dtypes of the tensors among the arguments, in forward mode.
    _metas: Any = ()
    #: Weak reference to the gradient node that this is the context of.
    _node: Any = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors (inputs, outputs, or others) for backward, where ``saved_tensors`` gives them back."""
        self.to_save = tensors

    def name(self) -> str:
        """Name of the gradient node that this is the context of."""
        node = self._node() if self._node is not None else None
        return type(self).__name__ if node is None else node.name()

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``jvp``, where ``saved_tensors`` gives them back."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declare which inputs ``forward`` writes to in place; it must return them."""
        self.dirty_tensors = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declare which outputs have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` is given zeros (the default) or None for outputs that no gradient has reached."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors given to :meth:`save_for_backward`, as they were then."""
        if self._saved is None:
            raise RuntimeError(FREED)
        return tuple(None if entry is None else self._restored(*entry) for entry in self._saved)

    saved_variables = saved_tensors

    def _restored(self, value: Any, view: Any, edge: Edge, reference: Any, kind: Any) -> Tensor:
        if type(value) is Packed:
            value, view = value.open()
        elif reference is not None:
            # The tensor itself, if it still is what it was: an input keeps its identity.
            tensor = reference()
            elements = None if tensor is None else elements_of(tensor)
            if elements is not None and elements._holds(value, view) and edge_of(elements) is edge:
                return tensor  # type: ignore[no-any-return]
        if type(edge) is tuple and edge[0] is _RESULT:
            node = self._node()
            edge = None if node is None else _numbered(node, edge[1])
        saved = Tensor._saved(value, view, edge)  # even if no history is recorded now: backward may ask what wanted gradients
        return saved if kind is None else kind(saved)  # type: ignore[no-any-return]

    @contextmanager
    def _saved_for_jvp(self) -> Iterator[None]:
        """``saved_tensors`` are what was saved for ``jvp``, if anything was."""
        held = self._saved
        self._saved = held if self._saved_forward is None else self._saved_forward
        try:
            yield
        finally:
            self._saved = held

    def _keep(self, outputs: dict[int, int]) -> None:
        """Turn the tensors that were given into values; ``outputs`` gives results' numbers by identity."""
        self._saved = self._entries(self.to_save, outputs, bool(local.pack_hooks))
        self.to_save = ()
        if local.forward and self.saved_for_forward is not None:
            self._saved_forward = self._entries(self.saved_for_forward, outputs, False)
        self.saved_for_forward = None

    def _entries(self, tensors: tuple[Any, ...], outputs: dict[int, int], packed: bool) -> tuple[Any, ...]:
        entries: list[Any] = []
        for index, tensor in enumerate(tensors):
            if tensor is None:
                entries.append(None)
                continue
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {index} is of type {type(tensor).__name__}"
                )
            elements = elements_of(tensor)
            number = outputs.get(id(elements))
            value: Any = elements._read()
            edge = edge_of(elements) if number is None else (_RESULT, number)
            reference = None if number is not None else weakref.ref(tensor)
            if packed:
                value = Packed.of(elements if type(edge) is not tuple else elements.detach())
            entries.append((value, elements._view, edge, reference, kind_of(tensor)))
        return tuple(entries)


_ContextMethodMixin = FunctionCtx


def _numbered(node: Gradient, number: int) -> Edge:
    return node if node.outputs == 1 else (node, number)


class FunctionGradient(Gradient):
    """History of a call of a :class:`Function`; each function has a subclass of its own, named after it.

    Edges lead to the tensors among the arguments; ``context`` is the call's :class:`FunctionCtx`, whose attributes can
    be read here too.
    """

    __slots__ = ("outputs", "places")

    strict = True
    replayable = False
    function: ClassVar[type[Function]]
    #: Where the tensors stand among the arguments.
    places: tuple[int, ...]

    def backward(self, grad: Any) -> tuple[Tensor | None, ...]:
        context = self.context
        grads: list[Any] = [grad.get(k) for k in range(self.outputs)] if type(grad) is dict else [grad]
        if self.function.jvp is not Function.jvp and context._metas and in_forward_mode():
            return stand_ins(self, grads)
        if context.materialize_grads:
            for number, part in enumerate(grads):
                shape, d = self._output_meta(number)
                if part is None and shape is not None:
                    grads[number] = Tensor._from_node(record_constant(shape, 0, d))
        for number, kind in context._kinds.items():
            grads[number] = None if grads[number] is None else kind(grads[number])
        results = self._rule()(context, *grads)
        return self._checked(results if isinstance(results, tuple) else (results,))

    def _rule(self) -> Callable[..., Any]:
        function = self.function
        if function.vjp is Function.vjp:
            return function.backward
        if function.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement "
                "one of them."
            )
        return function.vjp

    def _checked(self, results: tuple[Any, ...]) -> tuple[Tensor | None, ...]:
        """The gradients of tensors among the arguments; ``RuntimeError`` if number or kind are wrong."""
        needs = self.context.needs_input_grad
        count = len(needs)
        if len(results) < count or any(result is not None for result in results[count:]):
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {count}, got {len(results)})"
            )
        for place, result in enumerate(results[:count]):
            if result is None:
                continue
            if place not in self.places:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {place + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if not isinstance(result, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(result).__name__})")
        grads = {place: results[place] for place in self.places}
        for place, argument in self.context._arguments_of_parts.items():
            if grads[place] is not None:
                grads[place] = argument._gradient_given(grads[place])
        return tuple(grads.values())

    def release(self) -> None:
        self.context._saved = self.context._saved_forward = None

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        if name in Gradient.__slots__ or name in FunctionGradient.__slots__:
            raise AttributeError(name)
        return getattr(self.context, name)


class Function:
    """An operation that is differentiated by its own :meth:`backward`; called by :meth:`apply`.

    Subclasses define static methods: either ``forward(ctx, *arguments)``, or ``forward(*arguments)`` together with
    ``setup_context(ctx, inputs, output)``; and ``backward(ctx, *grads)``, with one gradient for each output and one
    result (None where there is none) for each argument.
    """

    _backward_cls: ClassVar[type[FunctionGradient]]
    generate_vmap_rule = False

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future version "
            "of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        body = {"__slots__": (), "__module__": "torch.autograd.function", "function": cls}
        cls._backward_cls = type(cls.__name__ + "Backward", (FunctionGradient,), body)

    @staticmethod
    def forward(*arguments: Any, **keywords: Any) -> Any:
        """Compute the outputs: a tensor, or a tuple of tensors and other objects. Runs without recording history."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Fill the context, where ``forward`` does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments, given those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs, given those of the arguments (None for what is no tensor).

        Where it is not defined, forward mode goes by ``backward``, of which it then takes the derivative.
        """
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """The function of a batch: its output, and the axes of that which have the samples, for arguments which have them along
        ``in_dims`` (None: the same for all). ``info`` has ``batch_size`` and ``randomness``.

        Where it is not defined, ``forward`` and ``backward`` are recorded for one sample, as with ``generate_vmap_rule``.
        """
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set generate_vmap_rule=True."
        )

    @classmethod
    def _sets_up(cls) -> bool:
        """Whether ``forward`` takes no context."""
        return cls.setup_context is not Function.setup_context

    @classmethod
    def apply(cls, *arguments: Any, **keywords: Any) -> Any:
        """Call ``forward`` on the arguments and give its outputs their history."""
        ctx = FunctionCtx()
        separate = cls._sets_up()
        if separate:
            bound = inspect.signature(cls.forward).bind(*arguments, **keywords)
            bound.apply_defaults()
            arguments, keywords = bound.args, bound.kwargs
        ruled = None
        if local.trace.sampling and cls.vmap is not Function.vmap:
            check_rules(cls)
            ruled = by_own_rule(cls, arguments)
            if ruled is not None and ruled.complete:
                return ruled.output
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in arguments)
        tracked = local.grad and any(ctx.needs_input_grad)
        places = tuple(place for place, a in enumerate(arguments) if isinstance(a, Tensor))
        edges = tuple(edge_of(elements_of(arguments[place])) for place in places)
        before = local.grad
        local.grad = False
        try:
            if separate:
                output = cls.forward(*arguments, **keywords) if ruled is None else ruled.output
                cls.setup_context(ctx, arguments, output)
            else:
                output = cls.forward(ctx, *arguments, **keywords)
        finally:
            local.grad = before
        outputs = list(output) if isinstance(output, tuple) else [output]
        ctx._arguments_of_parts = {place: arguments[place] for place in places if arguments[place].of_parts}
        inputs = {id(elements_of(arguments[place])) for place in places}
        _check_dirty(ctx, inputs, outputs)
        # From here on all is about what has the history.
        made = {number: value for number, value in enumerate(outputs) if isinstance(value, Tensor) and value.of_parts}
        outputs = [elements_of(value) if isinstance(value, Tensor) else value for value in outputs]
        numbers = {id(value): number for number, value in enumerate(outputs) if isinstance(value, Tensor)}
        written = {id(elements_of(tensor)) for tensor in ctx.dirty_tensors}
        if tracked:
            ctx._kinds = {number: kind_of(value) for number, value in made.items()}
            node = _node(cls, ctx, edges, places, outputs)
            if local.forward:
                ctx._metas = tuple([elements_of(arguments[place])._output_meta(0) for place in places])
            outputs = _with_history(node, outputs, inputs, written)
            # An input that is returned as it is was saved as the input.
            ctx._keep({key: number for key, number in numbers.items() if key not in inputs or key in written})
        else:
            # Inputs that are returned, and whatever else has a history, come out without one.
            outputs = [v.detach() if isinstance(v, Tensor) and v._tracked and id(v) not in written else v for v in outputs]
        for number, value in made.items():
            outputs[number] = value if outputs[number] is elements_of(value) else value._gradient_of(outputs[number])
        return tuple(outputs) if isinstance(output, tuple) else outputs[0]


def _check_dirty(ctx: FunctionCtx, inputs: set[int], outputs: list[Any]) -> None:
    for tensor in ctx.dirty_tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"mark_dirty can only accept variables, but got {type(tensor).__name__}")
        elements = elements_of(tensor)
        if id(elements) in inputs and elements._tracked and elements._gradient is None and local.grad:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        if not any(tensor is output for output in outputs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
                "modified inplace must all be outputs of the Function."
            )


def _node(
    cls: type[Function], ctx: FunctionCtx, edges: tuple[Edge, ...], places: tuple[int, ...], outputs: list[Any]
) -> FunctionGradient:
    shapes = [v.shape if isinstance(v, Tensor) else None for v in outputs]
    dtypes = [v.dtype if isinstance(v, Tensor) else None for v in outputs]
    single = len(outputs) == 1
    node = cls._backward_cls.of(edges, (), shapes[0] if single else shapes, dtypes[0] if single else dtypes, ctx)
    node.places = places
    node.outputs = len(outputs)
    if local.watched:
        node.observe()
    ctx._node = weakref.ref(node)
    return node


def _with_history(node: FunctionGradient, outputs: list[Any], inputs: set[int], dirty: set[int]) -> list[Any]:
    """The outputs as the caller gets them: attached to ``node``, aliases where an object must stay what it is."""
    constant = {id(elements_of(tensor)) for tensor in node.context.non_differentiable if isinstance(tensor, Tensor)}
    attached: set[int] = set()
    results: list[Any] = []
    for number, value in enumerate(outputs):
        if not isinstance(value, Tensor):
            results.append(value)
            continue
        if id(value) in constant or value.dtype.category < 2:
            results.append(value.detach() if value._tracked else value)
            continue
        if id(value) in dirty and id(value) not in attached:
            _written(value, node, number)
        else:
            if id(value) in inputs or id(value) in attached or value._tracked or value._base is not None:
                value = value.detach()
            value._tracked = True
            value._gradient = _numbered(node, number)
        attached.add(id(value))
        results.append(value)
    return results


def _written(tensor: Tensor, node: FunctionGradient, number: int) -> None:
    """Give a tensor that ``forward`` wrote to its new history."""
    if tensor._base is not None:
        write_through_view[0](tensor, (_numbered(node, number),))
        return
    tensor._rebase(_numbered(node, number))
    tensor._autograd_state().version += 1


class Error(Gradient):
    """History that cannot be differentiated: raises ``context`` when backward reaches it."""

    replayable = False

    def backward(self, grad: Tensor) -> Any:
        raise RuntimeError(self.context)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a ``backward`` that cannot itself be differentiated: doing so raises ``RuntimeError``."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *arguments: Any) -> Any:
        outputs = without_history(lambda: function(ctx, *arguments))
        if not local.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in arguments):
            return outputs
        several = isinstance(outputs, tuple)
        results = tuple(
            _undifferentiable(value, arguments) if isinstance(value, Tensor) else value
            for value in (outputs if several else (outputs,))
        )
        return results if several else results[0]

    return wrapper


def _undifferentiable(value: Tensor, sources: tuple[Any, ...]) -> Tensor:
    result = elements_of(value).detach()
    edges = tuple(edge_of(elements_of(source)) for source in sources if isinstance(source, Tensor))
    reason = "trying to differentiate twice a function that was marked with @once_differentiable"
    result._tracked = True
    result._gradient = Error.of(edges, (), result.shape, result.dtype, reason)
    return value._gradient_of(result) if value.of_parts else result  # type: ignore[no-any-return]


class InplaceFunction(Function):
    """A function that can work in place; kept for old programs."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]
