"""The tensor: a value, or a view of a storage that other tensors share.

What operations do is in :mod:`flambeau.ops`; their functions become methods here through :func:`method`.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterator
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..graph.bounds import LARGEST, check_strides
from ..graph.dtypes import C_NAMES, TYPE_NAMES, DType, dtype
from ..graph.primitives import COPY
from ..graph.shapes import Size, View, contiguous_strides, is_contiguous, size_along
from ..graph.trace import Node, local, note_rebinding, record
from ..interpreter.lazy import name_below
from .device import NAMED, strided
from .history import Gradient
from .hooks import AutogradState, TensorHooks
from .storage import Storage, as_now, whole
from .subclasses import TensorSubclasses
from .values import TensorValues

Meta = tuple[Size, DType]
"""Shape and dtype of a tensor."""

_new = object.__new__
_item = tuple.__getitem__


class TensorType(type):
    """Metaclass: lets ``isinstance(x, flambeau.FloatTensor)`` and calls such as ``Tensor(2, 3)`` behave as in PyTorch."""


if TYPE_CHECKING:
    from .methods import Methods
else:
    Methods = object


class Tensor(TensorValues, TensorHooks, TensorSubclasses, Methods):
    """An n-dimensional array of one dtype that operations are recorded on.

    ``Tensor(...)`` is PyTorch's old constructor (sizes, or data); use :func:`flambeau.tensor`.
    """

    __slots__ = ("_node", "_storage", "_view", "_tracked", "_gradient", "_autograd", "__dict__", "__weakref__")

    #: The value, while no other tensor shares its memory (None when there is a storage).
    _node: Any
    #: Shared memory, once there are views, and where this tensor lies in it.
    _storage: Storage | None
    _view: View | None
    #: Whether gradients are recorded, and the history (an edge: a gradient node, or a pair with an output number).
    _tracked: bool
    _gradient: Any
    _autograd: AutogradState | None

    #: Whether it is a tensor of complex numbers, which are pairs in a real tensor (see ``ops.complex``).
    of_pairs: ClassVar[bool] = False
    #: Whether it is a sparse tensor (see ``ops.sparse``), and whether it is either: made of dense, real ones.
    of_entries: ClassVar[bool] = False
    of_parts: ClassVar[bool] = False
    #: Whether a subclass has a ``__torch_dispatch__`` that is asked about operations (see ``ops.dispatching``).
    _asked_beneath: ClassVar[bool] = False

    #: The function behind the old constructor; put here by ``ops.from_data``.
    _construct: Callable[..., Tensor]

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        made = Tensor._construct(*arguments, **keywords)
        if cls is not Tensor:
            made = made.as_subclass(cls)
        return made

    #: What is done with a new subclass, so that its ``__torch_function__`` is asked; put here by ``ops.overriding``.
    _prepare: Callable[[type], None]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        Tensor._prepare(cls)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def _unary(self) -> Tensor: ...
        def _binary(self, other: Any) -> Tensor: ...

        __neg__ = __invert__ = __pos__ = _unary
        __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = _binary
        __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = _binary
        __and__ = __or__ = __xor__ = __lshift__ = __rshift__ = _binary
        __lt__ = __le__ = __gt__ = __ge__ = _binary
        __eq__ = __ne__ = _binary  # type: ignore[assignment]
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...

    # --- making ----------------------------------------------------------------------------------------------------

    @classmethod
    def _from_node(cls, node: Node | None, view: View | None = None, storage: Storage | None = None) -> Tensor:
        """A tensor without history for a value, or for a view of a storage."""
        tensor = _new(cls)
        tensor._node = node if storage is None else None
        tensor._storage = storage
        tensor._view = view
        tensor._tracked = False
        tensor._gradient = None
        tensor._autograd = None
        return tensor

    @classmethod
    def _saved(cls, node: Node, view: View | None, edge: Any) -> Tensor:
        """What a gradient node reads back: a saved value, with history when gradients of gradients are recorded."""
        if isinstance(edge, Tensor):
            if edge._holds(node, view):
                return edge
            edge = ToLeaf.of((edge,), (), edge.shape, edge.dtype)
        tensor = _new(Tensor)
        tensor._view = view
        tensor._storage = None if view is None else Storage(node)
        tensor._node = node if view is None else None
        tensor._autograd = None
        tensor._tracked = edge is not None
        tensor._gradient = edge
        return tensor

    def _holds(self, node: Node, view: View | None) -> bool:
        """Whether this tensor is (still) the given value under the given view."""
        if self._read() is not node:
            return False
        mine, other = (seen or whole(node.shape) for seen in (self._view, view))
        return mine.moved is other.moved and mine.offset == other.offset

    def _rebase(self, gradient: Any) -> None:
        """Give this tensor another history, its content having been replaced; a gradient to be retained follows."""
        retains = self._autograd is not None and self._autograd.retains
        if retains:
            self._retained().pop(self.output_nr, None)
        self._tracked = True
        self._gradient = gradient
        if retains:
            self._retained()[self.output_nr] = weakref.ref(self)

    def _retained(self) -> dict[int, Any]:
        """Where the history notes which tensors retain their gradient, by output number."""
        gradient = self._gradient
        return (gradient[0] if isinstance(gradient, tuple) else gradient)._attachments().retained  # type: ignore[no-any-return]

    def _autograd_state(self) -> AutogradState:
        state = self._autograd
        if state is None:
            made = AutogradState()
            if self._autograd is None:  # another thread may have made one meanwhile
                self._autograd = made
            state = self._autograd
        return state

    # --- value and memory ------------------------------------------------------------------------------------------

    def _read(self) -> Node:
        """The node that holds this tensor's value now (to be read through ``_view``)."""
        node = self._node  # looked at before the storage, which another thread may put in its place
        storage = self._storage
        if storage is None:
            return node  # type: ignore[no-any-return]
        state = self._autograd
        if state is not None and state.base is not None:
            base = state.base
            if base._autograd is not None and base._autograd.version != state.seen:
                Tensor._renew_history(self, base)
        return storage.node

    #: Gives a view whose base was written to a new history; put here by ``ops.views``.
    _renew_history: Callable[[Tensor, Tensor], None]

    def _share(self) -> Storage:
        """Make this tensor's memory shareable: from now on it is a view of a storage."""
        storage = self._storage
        while storage is None:
            node = self._node
            if node is not None:
                view, made = whole(node.shape), Storage(node)
                if self._node is node:  # no other thread has done the same, nor written; nothing is called from here on
                    self._view = view
                    self._storage = made
                    self._node = None
            storage = self._storage
        return storage

    def _assign(self, value: Node, view: View | None = None, read: Node | None = None) -> None:
        """Make ``value`` this tensor's content, for all tensors that share its memory. Shapes must agree.

        For ``read`` see :meth:`Storage.write`.
        """
        storage = self._storage
        if storage is None:
            node = self._node  # between here and the binding nothing is called, so no other thread comes in
            if (
                view is None
                and value.dtype is node.dtype
                and (read is None or read is node)
                and not (node.buffer is not None and node.buffer.ever_exposed)
            ):
                self._node = value
                note_rebinding(self, "_node", node, value)
                return
            storage = self._share()
        assert self._view is not None
        storage.write(self._view, value, view, read)

    def _as_now(self) -> tuple[Tensor, Node | None]:
        """What to read of this tensor in order to replace some of its elements, and what :meth:`_assign` is told that was.

        Whatever other threads write meanwhile, it stays as it is. (With a history it is the tensor itself, as in PyTorch, where
        threads must not change that of one tensor at the same time.)
        """
        node, view = self._read(), self._view
        read = None if self._tracked and local.grad else as_now(node)
        if read is None:
            return self, None
        return Tensor._from_node(read, view, None if view is None else Storage(read)), read

    @property
    def shape(self) -> Size:
        view = self._view
        return self._node.shape if view is None else view.sizes

    @property
    def dtype(self) -> dtype:
        return (self._node if self._storage is None else self._storage.node).dtype

    def _output_meta(self, number: int) -> Meta:
        """Shape and dtype, of a leaf as the end of an edge (see :class:`flambeau.core.history.Gradient`)."""
        storage = self._storage
        if storage is None:
            node = self._node
            return node.shape, node.dtype
        return self._view.sizes, storage.node.dtype  # type: ignore[union-attr]

    def size(self, dim: int | None = None) -> Any:
        """The sizes, or the extent of dimension ``dim``."""
        view = self._view
        sizes = self._node.shape if view is None else view.sizes
        if dim is None:
            return sizes
        return _item(sizes, dim) if type(dim) is int and -len(sizes) <= dim < len(sizes) else size_along(sizes, dim)

    @property
    def ndim(self) -> int:
        view = self._view
        return len(self._node.shape if view is None else view.sizes)

    def dim(self) -> int:
        """Number of dimensions."""
        view = self._view
        return len(self._node.shape if view is None else view.sizes)

    ndimension = dim

    def numel(self) -> int:
        """Number of elements."""
        view = self._view
        return prod(self._node.shape if view is None else view.sizes)

    nelement = numel

    def stride(self, dim: int | None = None) -> Any:
        """Steps in elements between neighbours along each dimension, or along ``dim``."""
        strides = contiguous_strides(self._node.shape) if self._view is None else self._view.strides
        return strides if dim is None else size_along(strides, dim)

    def storage_offset(self) -> int:
        """Position of the first element in the storage, in elements."""
        return 0 if self._view is None else self._view.offset

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in row-major order without gaps (or in the order of ``memory_format``)."""
        order = None if memory_format is None else memory_format.order
        if order is not None:
            if self.ndim != len(order):
                return False
            shape, strides = self.shape, self.stride()
            return is_contiguous([shape[axis] for axis in order], [strides[axis] for axis in order])
        return self._view is None or self._view.contiguous

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.numel() * self.dtype.itemsize

    @property
    def is_leaf(self) -> bool:
        self._read()
        return not self._tracked or self._gradient is None

    @property
    def grad_fn(self) -> Any:
        self._read()
        gradient = self._gradient
        return gradient[0] if isinstance(gradient, tuple) else gradient

    @property
    def output_nr(self) -> int:
        return self._gradient[1] if isinstance(self._gradient, tuple) else 0

    @property
    def requires_grad(self) -> bool:
        if self._storage is not None:
            self._read()
        return self._tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Begin (or stop) recording operations on this leaf. ``RuntimeError`` for integers and for non-leaves."""
        if requires_grad and self.dtype.category < 2:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if self._gradient is not None:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                    "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            return self
        if requires_grad and self._autograd is not None and self._autograd.inference and not local.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._tracked = bool(requires_grad)
        return self

    @property
    def grad(self) -> Tensor | None:
        state = self._autograd
        found = None if state is None else state.grad
        if found is None and self._gradient is not None and not self.retains_grad:
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
                "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
                "you access the leaf Tensor instead.",
                stacklevel=2,
            )
        return found

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is None:
            if self._autograd is not None:
                self._autograd.grad = None
            return
        if not isinstance(value, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if value.shape != self.shape:
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size '{list(self.shape)}'. "
                "Please ensure that the gradient and the tensor are the same size"
            )
        if value.dtype is not self.dtype:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{C_NAMES[value.dtype]}' to a tensor with grad_dtype "
                f"'{TYPE_NAMES[self.dtype]}'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype)"
            )
        self._autograd_state().grad = value

    @grad.deleter
    def grad(self) -> None:
        if self._autograd is not None:
            self._autograd.grad = None

    _grad = grad

    def _is_view(self) -> bool:
        """Whether this is a differentiable view of another tensor."""
        return self._base is not None

    @property
    def _base(self) -> Tensor | None:
        return None if self._autograd is None else self._autograd.base

    @property
    def _version(self) -> int:
        return self._share().version  # what shares its memory with nobody counts its writes from here on

    @property
    def device(self) -> Any:
        storage = self._storage
        return NAMED[self._node.device if storage is None else storage.node.device]

    @property
    def layout(self) -> Any:
        return strided

    is_cuda = is_sparse = is_quantized = is_mps = is_nested = is_xla = is_mkldnn = False
    is_ipu = is_maia = is_mtia = is_sparse_csr = is_vulkan = is_xpu = volatile = False

    @property
    def is_cpu(self) -> bool:
        return self.device is NAMED["cpu"]

    @property
    def is_meta(self) -> bool:
        return self.device is NAMED["meta"]

    @property
    def names(self) -> tuple[None, ...]:
        return (None,) * self.ndim

    @property
    def name(self) -> str | None:
        return None if self._autograd is None else self._autograd.name

    # --- as a container -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __hash__(self) -> int:
        return id(self)

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def __reversed__(self) -> Tensor:
        return self.flip(0) if self.ndim else self

    # --- gradients ------------------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this (scalar) tensor to the ``grad`` of the leaves that it was computed from."""
        Tensor._run_backward(self, gradient, retain_graph, create_graph, inputs)

    #: Put here by ``autograd.engine``.
    _run_backward: Callable[..., None]

    # --- other tensors of the same value ---------------------------------------------------------------------------

    def detach_(self) -> Tensor:
        """Forget this tensor's history, in place. ``RuntimeError`` for views, whose history is their base's."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._read()
        self._tracked = False
        self._gradient = None
        return self

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError("Variable data has to be a tensor, but got " + type(value).__name__)
        self._storage = value._share()
        self._node = None
        self._view = value._view

    def set_(self, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Tensor:
        """Make this tensor look at the memory of ``source`` (a tensor or a storage), which grows if it is too short."""
        start = 0
        if source is None:
            source = self.new_empty(0)
        elif not isinstance(source, Tensor):
            if not hasattr(source, "_elements_as"):
                raise TypeError(f"set_(): argument 'source' must be Tensor or Storage, not {type(source).__name__}")
            source = source._elements_as(self.dtype)
            start = source.storage_offset()  # of a storage that shows a part of another
        if source.dtype is not self.dtype:
            raise RuntimeError(
                f"Could not set tensor of type {source.dtype.name} to a tensor of type {self.dtype.name}"
            )
        storage = source._share()
        view = source._view
        if size is not None:
            strides = contiguous_strides(tuple(size)) if stride is None else tuple(stride)
            for number in (*size, *strides):
                if not -LARGEST <= number <= LARGEST:
                    raise TypeError(f"set_(): sizes and strides must fit 64 bits, but got {number}")
            if storage_offset < 0:
                raise RuntimeError(f"Tensor: invalid storage offset {storage_offset}")
            view = View(size, strides, start + storage_offset)
            check_strides(view.strides)
            storage.grow(view.last_element() + 1)
        self._storage = storage
        self._node = None
        self._view = view
        return self

    def is_inference(self) -> bool:
        return self._autograd is not None and self._autograd.inference

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
            )
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        import copy

        storage = self._storage
        if "_said_device" in self.__dict__:  # it has no memory
            made = self.clone()
        elif storage is None:
            made = self._from_node(record(COPY, None, (self._read(), self._view)))
        else:
            # Tensors that share memory share its copy, each looking at it as before.
            if id(storage) not in memo:
                memo[id(storage)] = Storage(record(COPY, None, (storage.node, None)))
            made = self._from_node(None, self._view, memo[id(storage)])
        made._tracked = self._tracked
        memo[id(self)] = made
        if self.grad is not None:
            made._autograd_state().grad = copy.deepcopy(self.grad, memo)
        for key, value in self.__dict__.items():
            made.__dict__[key] = copy.deepcopy(value, memo)
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        from ..serialization.pickling import reduced

        return reduced(self)


class ToLeaf(Gradient):
    """Leads from a saved value of a leaf, as it was then, to the leaf as it is now."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad


Gradient.make_tensor = Tensor._saved
name_below(Tensor, "history", "hooks", "subclasses", "values")

_F = TypeVar("_F", bound=Callable[..., Any])


def method(*names: str) -> Callable[[_F], _F]:
    """Decorator: make a function of :mod:`flambeau.ops` a method of tensors, under its own name or those given."""

    def attach(function: _F) -> _F:
        for name in names or (function.__name__,):
            setattr(Tensor, name, function)
        return function

    return attach


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a tensor."""
    return isinstance(obj, Tensor)


__all__ = ["Meta", "Tensor", "is_tensor", "local", "method"]
