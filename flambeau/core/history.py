"""History: one :class:`Gradient` per differentiable operation that was recorded.

A gradient node keeps *values* (graph nodes, which never change), not tensors, so nothing that is later written in place
can spoil it and no reference cycle arises. Its edges lead to the history of its inputs: another gradient, the leaf
tensor itself (whose ``grad`` then takes the sum), or None where no gradient is wanted.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from ..graph.dtypes import DType, bfloat16, float16, float32
from ..graph.shapes import Size, View
from ..graph.sites import user_site
from ..graph.trace import Node, local
from .hooks import RemovableHandle
from .modes import without_history

if TYPE_CHECKING:
    from .tensor import Tensor

sequence = count().__next__
"""Order of recording; the engine visits gradients from the latest to the earliest."""

Edge = Any  # Gradient | leaf Tensor | (Gradient, output number) | None

NOTHING, INPUTS, CROSSWISE, RESULT = 0, 1, 2, 3

MANY = 8
"""Inputs of an operation, or its outputs, at most, whose number is expected to come again."""

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


def edge_of(tensor: Tensor) -> Edge:
    """Where a gradient of ``tensor`` goes: its history, the leaf itself, or None."""
    return (tensor._gradient or tensor) if tensor._tracked else None


def is_half(value: Any) -> bool:
    """Whether a value is a tensor of a half type."""
    d = getattr(value, "dtype", None)
    return d is float16 or d is bfloat16


_G = TypeVar("_G", bound="Gradient")


class Packed:
    """A saved value in the form that a user's pack hook has given it."""

    __slots__ = ("content", "unpack", "shape", "dtype")

    def __init__(self, content: Any, unpack: Callable[[Any], Any], shape: Size, d: DType) -> None:
        self.content = content
        self.unpack = unpack
        #: Of the value that was packed; what the unpack hook gives may be another.
        self.shape = shape
        self.dtype = d

    @classmethod
    def of(cls, tensor: Tensor) -> Packed:
        """What the innermost pair of hooks makes of ``tensor``."""
        pack, unpack = local.pack_hooks[-1]
        return cls(without_history(lambda: pack(tensor)), unpack, tensor.shape, tensor.dtype)

    def open(self) -> tuple[Node, View | None]:
        """The value and its view, as the unpack hook gives them back."""
        tensor = without_history(lambda: self.unpack(self.content))
        if not hasattr(tensor, "_read"):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(tensor).__name__}"
            )
        return tensor._read(), tensor._view


class _Slotted(type):
    """The type of classes whose instances have the attributes that their base has, and no dictionary."""

    def __new__(meta, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
        return super().__new__(meta, name, bases, {"__slots__": (), **members})


class Gradient(metaclass=_Slotted):
    """History of one operation. Subclasses are named as PyTorch names them and define :meth:`backward`.

    ``saves`` says what recording keeps for it: nothing, the inputs, each input only if the *other* one wants a gradient
    (products), or the result. Saved inputs are read with :meth:`input`, the saved result with :meth:`result`.
    Gradients returned may have a broadcast shape or a promoted dtype: the engine reduces and casts them to the input's.
    """

    __slots__ = ("edges", "saved", "shape", "dtype", "sequence", "attached", "context", "__weakref__")

    saves: ClassVar[int] = NOTHING
    #: Whether a gradient of smaller shape than its input's is an error, rather than the same along the missing axes.
    strict: ClassVar[bool] = False
    #: Whether what backward records follows from the class, ``context``, what was saved and the gradient, so that it can be
    #: recorded by one look-up (see :mod:`flambeau.core.composite`). Not worth it where contexts are rarely the same twice.
    replayable: ClassVar[bool] = True
    #: Whether gradients and saved values of half types come to :meth:`backward` as float32, so that a formula is rounded
    #: once. (Those that save nothing move numbers about or add them up, which rounds once by itself.)
    wide: ClassVar[bool] = True
    #: Whether the gradient is a function of the first input whose derivative is zero everywhere. The gradient's history then
    #: leads there, and gradients of gradients arrive as zeros, where otherwise there would be none at all.
    zero_curvature: ClassVar[bool] = False
    #: Whether a tensor whose history begins here is a leaf to a function that is differentiated, and is not to be written to.
    protected: ClassVar[bool] = False
    #: Whether the outputs are several views of the input, none of which may be written to, as in PyTorch.
    several_views: ClassVar[bool] = False
    #: Number of differentiable outputs; with more than one, backward is given a dictionary by output number.
    outputs: int = 1
    #: The class method that makes a differentiable tensor of a saved value; put here by the tensor layer.
    make_tensor: ClassVar[Callable[..., Tensor]]

    edges: tuple[Edge, ...]
    saved: Any
    shape: Any
    dtype: Any
    sequence: int
    attached: Attachments | None
    context: Any

    @classmethod
    def of(cls, edges: tuple[Edge, ...], saved: Any, shape: Any, d: Any, context: Any = None) -> Self:
        """A new node, in the order of recording. (What runs at every operation does the same in line.)"""
        node = object.__new__(cls)
        node.edges = edges
        node.saved = saved
        node.shape = shape
        node.dtype = d
        node.sequence = sequence()
        node.attached = None
        node.context = context
        return node

    @classmethod
    @cache
    def named(cls, name: str, outputs: int | None = None) -> type[Self]:
        """A history of the same kind, for which PyTorch has another name, or which has several outputs."""
        return _Slotted(name, (cls,), {"__doc__": cls.__doc__, "outputs": outputs or cls.outputs})  # type: ignore[no-any-return]

    def backward(self, grad: Tensor) -> Any:
        """Gradient(s) of the inputs given the result's; one tensor (or None), or a tuple with one entry an input."""
        raise NotImplementedError

    # --- what was saved --------------------------------------------------------------------------------------------

    def input(self, index: int) -> Any:
        """Input number ``index`` as it was when recorded (of a half type, as float32): a tensor, or a Python number."""
        value = self.original(index)
        return value.to(float32) if self.wide and is_half(value) else value

    def original(self, index: int) -> Any:
        """Input number ``index`` as it was when recorded, in its own dtype."""
        saved = self.saved
        if saved is None:
            raise RuntimeError(FREED)
        node, view = saved[index]
        if type(node) is not Node:
            if type(node) is not Packed:
                return node
            node, view = node.open()
        return self.make_tensor(node, view, self.edges[index] if local.grad else None)

    def kept(self, index: int) -> Tensor:
        """Value number ``index`` of those saved that are no inputs: without history."""
        if self.saved is None:
            raise RuntimeError(FREED)
        node, view = self.saved[index]
        if type(node) is Packed:
            node, view = node.open()
        return self.make_tensor(node, view, None)

    def result(self) -> Tensor:
        """The operation's result as it was when recorded; of a half type, as float32."""
        value = self.original_result()
        return value.to(float32) if self.wide and is_half(value) else value

    def original_result(self) -> Tensor:
        """The operation's result as it was when recorded, in its own dtype."""
        if self.saved is None:
            raise RuntimeError(FREED)
        node, view = self.saved[-1]
        if type(node) is Packed:
            node, view = node.open()
        return self.make_tensor(node, view, self if local.grad else None)

    def recurs(self) -> bool:
        """Whether what backward records is worth remembering. How many inputs or outputs there are may be a length."""
        return self.replayable and len(self.edges) <= MANY and self.outputs <= MANY

    def needs(self, index: int) -> bool:
        """Whether input number ``index`` wants a gradient."""
        return self.edges[index] is not None

    def _output_meta(self, number: int) -> tuple[Size, DType]:
        """Shape and dtype of output ``number``; nodes of several outputs keep lists of both."""
        if type(self.shape) is list:
            return self.shape[number], self.dtype[number]
        return self.shape, self.dtype

    def release(self) -> None:
        """Forget saved values once backward has used them."""
        self.saved = None

    def observe(self) -> None:
        """What becomes of a new history while ``local.watched``: note the line, hand saved values to hooks."""
        if local.anomaly:
            site = user_site()
            self._attachments().site = "an unknown line" if site is None else f'File "{site[0]}", line {site[1]}'
        if local.pack_hooks and self.saved:
            last = len(self.edges)
            self.saved = tuple(
                (Packed.of(self._to_pack(node, view, self.edges[index] if index < last else None)), view)
                if type(node) is Node
                else (node, view)
                for index, (node, view) in enumerate(self.saved)
            )

    def _to_pack(self, node: Node, view: View | None, edge: Edge) -> Tensor:
        """A saved value as pack hooks get it: a leaf itself, anything else without its history."""
        if edge is not None and not isinstance(edge, (tuple, Gradient)) and edge._read() is node and edge._view is view:
            return edge  # type: ignore[no-any-return]
        return self.make_tensor(node, view, None)

    # --- what PyTorch shows ----------------------------------------------------------------------------------------

    def __call__(self, *grads: Any) -> Any:
        """The gradients of the inputs, given those of the outputs."""
        given: Any = grads[0] if self.outputs == 1 else dict(enumerate(grads))
        results = self.backward(given)
        return results[0] if type(results) is tuple and len(results) == 1 else results

    @property
    def _saved_self(self) -> Any:
        return self.original(0)

    @property
    def _saved_other(self) -> Any:
        return self.original(1)

    @property
    def _saved_result(self) -> Tensor:
        return self.original_result()

    def name(self) -> str:
        """Name of the operation's gradient, ``"MulBackward0"``."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Pairs (gradient function, output number) of the inputs; leaves appear as ``AccumulateGrad``."""
        attachments = self._attachments()
        if attachments.next_functions is None:
            attachments.next_functions = tuple(_public_edge(edge) for edge in self.edges)
        return attachments.next_functions

    def _sequence_nr(self) -> int:
        """How many operations had been recorded before."""
        return self.sequence

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for users' notes on this node."""
        return self._attachments().metadata

    def _attachments(self) -> Attachments:
        if self.attached is None:
            self.attached = Attachments()
        return self.attached

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """``hook(grad_inputs, grad_outputs)`` runs after this node; what it returns replaces the gradients of inputs."""
        return RemovableHandle.add(self._attachments().post_hooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """``hook(grad_outputs)`` runs before this node; what it returns replaces the gradients of outputs."""
        return RemovableHandle.add(self._attachments().pre_hooks, hook)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


def shown_as(name: str) -> Callable[[type[_G]], type[_G]]:
    """Decorator: a class of gradients appears under the name that PyTorch has for several."""

    def rename(gradient: type[_G]) -> type[_G]:
        gradient.__name__ = gradient.__qualname__ = name
        return gradient

    return rename


class Attachments:
    """What may be attached to a gradient node: hooks, tensors that retain their gradient, notes, the line that recorded it."""

    __slots__ = ("pre_hooks", "post_hooks", "tensor_hooks", "retained", "metadata", "site", "next_functions")

    def __init__(self) -> None:
        self.pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.post_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        #: Hooks of the tensors that this node's outputs are, by output number.
        self.tensor_hooks: dict[int, OrderedDict[int, Callable[..., Any]]] = {}
        #: Weak references to tensors that want their gradient kept, by output number.
        self.retained: dict[int, Any] = {}
        self.metadata: dict[Any, Any] = {}
        self.site: str | None = None
        #: What the node shows of its edges; kept, so that it is the same whenever somebody looks.
        self.next_functions: tuple[tuple[Any, int], ...] | None = None


class AccumulateGrad:
    """How a leaf appears among ``next_functions``: the node that would add to its ``grad``."""

    __slots__ = ("variable", "metadata", "__weakref__")

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.metadata: dict[Any, Any] = {}

    @classmethod
    def of(cls, variable: Tensor) -> AccumulateGrad:
        """The one that stands for a leaf, as long as somebody holds it."""
        state = variable._autograd_state()
        found = None if state.accumulator is None else state.accumulator()
        if found is None:
            found = cls(variable)
            state.accumulator = weakref.ref(found)
        return found  # type: ignore[no-any-return]

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def next_functions(self) -> tuple[Any, ...]:
        return ()

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """``hook(grad_inputs, grad_outputs)`` runs after the leaf's gradient was added."""

        def told(tensor: Any) -> None:
            hook((), (tensor.grad,))

        return self.variable.register_post_accumulate_grad_hook(told)

    def register_prehook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """``hook(grad_outputs)`` runs before the leaf's gradient is added; what it returns takes its place."""

        def single(grad: Tensor) -> Any:
            replaced = hook((grad,))
            return replaced[0] if isinstance(replaced, tuple) else replaced

        return self.variable.register_hook(single)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


def _public_edge(edge: Edge) -> tuple[Any, int]:
    if edge is None:
        return None, 0
    if isinstance(edge, tuple):
        return edge
    if isinstance(edge, Gradient):
        return edge, 0
    return AccumulateGrad.of(edge), 0
