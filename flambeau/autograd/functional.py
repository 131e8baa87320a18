"""Derivatives of functions as functions: Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.modes import enable_grad
from ..core.tensor import Tensor
from ..graph.trace import local
from ..ops.creation import empty, ones_like, zeros_like
from ..ops.joining import cat, stack
from ..ops.ranges import eye
from .engine import grad
from .levels import Level, Linear, entered, released
from .samples import Batch

Tensors = Sequence[Tensor]
Function = Callable[..., Any]


# --- arguments and results ------------------------------------------------------------------------------------------------


def _as_tuple(value: Any, what: str, where: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether a tuple was given, and a tuple; ``TypeError`` for anything but tensors."""
    several = isinstance(value, tuple)
    values = value if several else (value,)
    for index, element in enumerate(values):
        if not isinstance(element, Tensor):
            place = f"value at index {index}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {where} must be either a Tensor or a tuple of Tensors but the {place} has type "
                f"{type(element)}."
            )
    return several, values


def _arguments(inputs: Tensors, create_graph: bool) -> tuple[Tensor, ...]:
    """New tensors to differentiate by, so that inputs differ from the same tensors used inside the function."""
    return tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs
    )


def _finished(tensors: Tensors, create_graph: bool) -> tuple[Tensor, ...]:
    return tuple(tensors) if create_graph else tuple(t.detach() for t in tensors)


def _shaped(values: Sequence[Any], several: bool) -> Any:
    return tuple(values) if several else values[0]


def _results(outputs: Tensors, many: bool, product: Tensors, several: bool, create_graph: bool) -> tuple[Any, Any]:
    """A function's outputs and a product, each as a tuple or alone, with history only where it is wanted."""
    return _shaped(_finished(outputs, create_graph), many), _shaped(_finished(product, create_graph), several)


def _check_vector(v: Tensors, like: Tensors, several: bool) -> None:
    if len(v) != len(like):
        if several:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for index, (given, wanted) in enumerate(zip(v, like, strict=True)):
        if given.shape != wanted.shape:
            where = f"Entry {index} in " if several else ""
            raise RuntimeError(f"{where}v has invalid size: should be {wanted.shape} but got {given.shape}.")


def _vector(v: Any, like: Tensors, several: bool, where: str, what: str) -> tuple[Tensor, ...]:
    """The vector of a product: as given, or 1 where ``like`` is a single number."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {what} a single Tensor with a single element.")
        return (ones_like(like[0]),)
    _, vector = _as_tuple(v, "v", where)
    vector = tuple(t.detach() if not local.grad else t for t in vector)
    _check_vector(vector, like, several)
    return vector


def _outputs(function: Function, inputs: Tensors, where: str, strict: bool) -> tuple[bool, tuple[Tensor, ...]]:
    several, outputs = _as_tuple(function(*inputs), "outputs of the user-provided function", where)
    if strict:
        for index, output in enumerate(outputs):
            if not output.requires_grad:
                raise RuntimeError(
                    f"Output {index} of the user-provided function does not require gradients. The outputs must be "
                    "computed in a differentiable manner from the input when running in strict mode."
                )
    return several, outputs


def _single_output(function: Function, inputs: Tensors, where: str, strict: bool) -> Tensor:
    several, outputs = _outputs(function, inputs, where, strict)
    if several:
        raise RuntimeError(f"The function given to {where} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {where} should contain a single element")
    return outputs[0].squeeze()


def _gradients(
    outputs: Tensors, inputs: Tensors, vector: Sequence[Tensor | None], create: bool, strict: bool = False,
    independent: str = "The output of the user-provided function is independent of input {}.",
) -> tuple[Tensor, ...]:  # fmt: skip
    """Vector-Jacobian product, with zeros (or an error, if ``strict``) where there is no dependence."""
    pairs = [(o, v) for o, v in zip(outputs, vector, strict=True) if o.requires_grad]
    found: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if pairs:
        kept = create or local.grad
        found = grad([o for o, _ in pairs], inputs, [v for _, v in pairs], kept, create, allow_unused=True)
    results = []
    for index, (value, source) in enumerate(zip(found, inputs, strict=True)):
        if value is None and strict:
            raise RuntimeError(independent.format(index) + " This is not allowed in strict mode.")
        results.append(zeros_like(source) if value is None else value)
    return tuple(results)


def _check_dependence(gradients: Tensors, strict: bool) -> None:
    """In strict mode a second derivative needs first derivatives that depend on the inputs."""
    for index, value in enumerate(gradients if strict else ()):
        if not value.requires_grad:
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the user-provided function with respect to input "
                f"{index} is independent of the input. This is not allowed in strict mode. You should ensure that your "
                "function is twice differentiable and that the jacobian depends on the inputs (this would be violated by a "
                "linear function for example)."
            )


# --- products ---------------------------------------------------------------------------------------------------------------


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """``func(*inputs)``, and the product of ``v`` (shaped like the outputs) with the Jacobian."""
    with enable_grad():
        several, given = _as_tuple(inputs, "inputs", "vjp")
        arguments = _arguments(given, create_graph)
        many, outputs = _outputs(func, arguments, "vjp", strict)
        vector = _vector(v, outputs, many, "vjp", "the user-provided function returns")
        product = _gradients(outputs, arguments, vector, create_graph, strict)
    return _results(outputs, many, product, several, create_graph)


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """``func(*inputs)``, and the product of the Jacobian with ``v`` (shaped like the inputs).

    Computed by two backward passes: u J is linear in u, and its derivative by u times v is J v.
    """
    with enable_grad():
        several, given = _as_tuple(inputs, "inputs", "jvp")
        arguments = _arguments(given, create_graph)
        vector = _vector(v, arguments, several, "jvp", "the input to the user-provided function is")
        many, outputs = _outputs(func, arguments, "jvp", strict)
        weights = tuple(zeros_like(o).requires_grad_() for o in outputs)
        first = _gradients(outputs, arguments, weights, True, strict)
        product = _gradients(
            first, weights, vector, create_graph, strict,
            "The gradient with respect to the input is independent of entry {} in the grad_outputs when using the double "
            "backward trick to compute forward mode gradients.",
        )  # fmt: skip
    return _results(outputs, many, product, many, create_graph)


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """``func(*inputs)`` (a scalar), and the product of ``v`` (shaped like the inputs) with its Hessian."""
    return _hessian_product("vhp", func, inputs, v, create_graph, strict)


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """``func(*inputs)`` (a scalar), and the product of its Hessian with ``v``: that of :func:`vhp`, by symmetry."""
    return _hessian_product("hvp", func, inputs, v, create_graph, strict)


def _hessian_product(where: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    with enable_grad():
        several, given = _as_tuple(inputs, "inputs", where)
        arguments = _arguments(given, create_graph)
        vector = _vector(v, arguments, several, where, "the input to the user-provided function is")
        output = _single_output(func, arguments, where, strict)
        first = _gradients((output,), arguments, (None,), True, strict)
        _check_dependence(first, strict)
        product = _gradients(first, arguments, vector, create_graph, strict)
    return _results((output,), False, product, several, create_graph)


# --- matrices ---------------------------------------------------------------------------------------------------------------


def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian, of shape (output sizes, input sizes) for each pair of an output and an input.

    One tensor for a single output and input; tuples, of tuples, where there are several. Rows are recorded one by one, or
    together if ``vectorize``. By ``strategy`` "forward-mode", which needs that, it is columns.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strict and (vectorize or strategy == "forward-mode"):
        other = '`strategy="forward-mode"`' if strategy == "forward-mode" else "`vectorized=True`"
        raise RuntimeError(
            f"torch.autograd.functional.jacobian: `strict=True` and {other} are not supported together. Please set "
            "`strict=False` or the other to what it is by default."
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for `vectorize=True`."
        )
    with enable_grad():
        several, given = _as_tuple(inputs, "inputs", "jacobian")
        if strategy == "forward-mode":
            return _by_columns(func, given, several)
        arguments = _arguments(given, create_graph)
        many, outputs = _outputs(func, arguments, "jacobian", strict)
        if vectorize:
            blocks = _rows_together(outputs, arguments, create_graph)
        else:
            blocks = [_rows(output, number, arguments, create_graph, strict) for number, output in enumerate(outputs)]
    return _shaped([_shaped(block, several) for block in blocks], many)


def unit_vectors(tensors: Tensors) -> list[Tensor]:
    """The unit vectors of the space of all elements of some tensors: for each a part, with one more axis in front."""
    total = sum([tensor.numel() for tensor in tensors])
    found, begin = [], 0
    for tensor in tensors:
        count = tensor.numel()
        unit = eye(count, dtype=tensor.dtype)
        parts = [unit.new_zeros((begin, count)), unit, unit.new_zeros((total - begin - count, count))]
        found.append(cat(parts).reshape((total, *tensor.shape)))
        begin += count
    return found


def _rows_together(outputs: Tensors, inputs: Tensors, create_graph: bool) -> list[tuple[Tensor, ...]]:
    """The Jacobian of each output by each input: one backward pass for all elements of all outputs."""
    vectors = unit_vectors(outputs)
    pairs = Batch(vectors[0].shape[0]).call(
        lambda *cotangents: _gradients(outputs, inputs, cotangents, create_graph), vectors
    )
    columns = [pair[0].split([o.numel() for o in outputs]) for pair in pairs if pair is not None]
    return [
        _finished(
            [part[place].reshape((*output.shape, *x.shape)) for part, x in zip(columns, inputs)], create_graph
        )
        for place, output in enumerate(outputs)
    ]


def _by_columns(func: Function, inputs: Tensors, several: bool) -> Any:
    """The Jacobian by forward mode, for all elements of all inputs together."""
    level = Level()
    arguments, marks = zip(*[entered(x, level, forward=True) for x in inputs])
    try:
        local.forward += 1
        many, outputs = _outputs(func, arguments, "jacobian", False)
    finally:
        local.forward -= 1
        level.active = False
    derivative = Linear(outputs, marks)
    vectors = unit_vectors(inputs)
    create = derivative.reaches_outside()
    pairs = Batch(vectors[0].shape[0]).call(lambda *vectors: derivative.tangents(vectors, create), vectors)
    rows = [pair[0].movedim(0, -1).split([x.numel() for x in inputs], -1) for pair in pairs if pair is not None]
    blocks = [
        [released(part.reshape((*output.shape, *x.shape)), True) for part, x in zip(row, inputs)]
        for row, output in zip(rows, outputs)
    ]
    return _shaped([_shaped(block, several) for block in blocks], many)


def _rows(output: Tensor, number: int, inputs: Tensors, create_graph: bool, strict: bool) -> tuple[Tensor, ...]:
    """The Jacobian of one output by each input: one backward pass an element."""
    message = f"Output {number} of the user-provided function is independent of input {{}}."
    rows = [
        _gradients((element,), inputs, (None,), create_graph, strict, message)
        for element in output.reshape(-1).unbind(0)
    ]
    results = []
    for index, source in enumerate(inputs):
        column = [row[index] for row in rows]
        block = stack(column) if column else empty((0, *source.shape), dtype=source.dtype)
        if strict and create_graph and not block.requires_grad:
            raise RuntimeError(
                "The jacobian of the user-provided function is independent of "
                f"input {index}. This is not allowed in strict mode when create_graph=True."
            )
        results.append(block.reshape((*output.shape, *source.shape)))
    return _finished(results, create_graph)


def hessian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Hessian of a function with a single number as result: for each pair of inputs, (sizes of one, sizes of other)."""
    several, given = _as_tuple(inputs, "inputs", "hessian")

    def gradient(*arguments: Tensor) -> Any:
        output = _single_output(func, arguments, "hessian", strict)
        first = _gradients((output,), arguments, (None,), True, strict)
        _check_dependence(first, strict)
        return first

    table = jacobian(
        gradient, given, create_graph, strict=strict, vectorize=vectorize, strategy=outer_jacobian_strategy
    )
    return _shaped([_shaped(row, several) for row in table], several)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
