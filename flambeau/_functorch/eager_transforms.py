"""Functions of functions: gradients, products with Jacobians in both modes, Jacobians and Hessians.

They can be nested in each other and in ``vmap`` in any order. What a transformed function gives has a history only if something
outside (a tensor that requires grad, an enclosing transform) wants one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from ..autograd.functional import unit_vectors
from ..autograd.levels import Level, Linear, Mark, entered, history_of, pulled_back, reaches_outside, released
from ..core.modes import enable_grad
from ..core.tensor import Tensor
from ..graph.trace import local
from ..interpreter.trees import TreeSpec, tree_flatten, tree_map
from .apis import vmap

Argnums = int | tuple[int, ...]


# --- arguments and results ----------------------------------------------------------------------------------------------


def _entered(tree: Any, level: Level, forward: bool = False) -> tuple[Any, list[Mark], TreeSpec]:
    """Arguments by which can be differentiated, their marks, and their structure."""
    leaves, spec = tree_flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)}")
    pairs = [entered(leaf, level, forward) for leaf in leaves]
    return spec.unflatten([alias for alias, _ in pairs]), [mark for _, mark in pairs], spec


@contextmanager
def _level(forward: bool = False) -> Iterator[Level]:
    """A function is called to be differentiated."""
    level = Level()
    local.forward += forward
    try:
        yield level
    finally:
        level.active = False
        local.forward -= forward


def _positions(argnums: Argnums, count: int) -> tuple[int, ...]:
    """The arguments meant, counted from the front."""
    if isinstance(argnums, bool) or not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    several = argnums if isinstance(argnums, tuple) else (argnums,)
    if not several:
        raise RuntimeError("argnums must be non-empty")
    for argnum in several:
        if not isinstance(argnum, int):
            raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
        if not -count <= argnum < count:
            raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    places = tuple([argnum % count for argnum in several])
    if len(set(places)) < len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return places


def _chosen(args: Sequence[Any], argnums: Argnums) -> Any:
    """What is differentiated by: one argument, or a tuple of them."""
    places = _positions(argnums, len(args))
    return tuple([args[place] for place in places]) if isinstance(argnums, tuple) else args[places[0]]


def _replaced(args: Sequence[Any], argnums: Argnums, new: Any) -> list[Any]:
    places = _positions(argnums, len(args))
    values = list(args)
    for place, value in zip(places, new if isinstance(argnums, tuple) else (new,)):
        values[place] = value
    return values


def _with_aux(api: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """A function's output, and what it gives besides."""
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{api}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def _tensors_of(api: str, output: Any) -> tuple[list[Tensor], TreeSpec]:
    """The tensors that a function gives, of which there must be some and nothing else."""
    flat, spec = tree_flatten(output)
    if not flat:
        raise RuntimeError(f"{api}: Expected f to be a function that has non-empty output (got output = {output})")
    for leaf in flat:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{api}: expected f(*primals) to return only tensors, got unsupported type {type(leaf)}")
    return flat, spec


def _released(tree: Any, keep: bool) -> Any:
    return tree_map(lambda leaf: released(leaf, keep), tree)


# --- reverse mode -------------------------------------------------------------------------------------------------------


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of ``func``, whose output is a single number, and that output.

    ``argnums`` names the arguments to differentiate by; gradients have their structure. With ``has_aux``, ``func`` gives a pair
    (output, aux), and the result is (gradient, (output, aux)).
    """

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        keep = local.grad
        with enable_grad():
            with _level() as level:
                inputs, marks, spec = _entered(_chosen(args, argnums), level)
                result = func(*_replaced(args, argnums, inputs), **kwargs)
            output, aux = _with_aux("grad_and_value(f)(*args)", result, has_aux)
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.dim():
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            create = keep and reaches_outside([history_of(output)])
            gradients = pulled_back([output], [_one(output)], marks, create)
        gradient = spec.unflatten([released(each, keep) for each in gradients])
        output = released(output, keep)
        return gradient, (output, _released(aux, keep)) if has_aux else output

    return wrapper


def _one(output: Tensor) -> Tensor:
    return output.detach().new_ones(())


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of ``func``; with ``has_aux``, a pair (gradient, aux). See :func:`grad_and_value`."""
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``func(*primals)``, and the function that gives the product of a cotangent (of the output's structure) with the Jacobian.

    With ``has_aux``, what ``func`` gives besides comes third.
    """
    keep = local.grad
    with enable_grad():
        with _level() as level:
            inputs, marks, structure = _entered(primals, level)
            result = func(*inputs)
        output, aux = _with_aux("vjp(f, *primals)", result, has_aux)
        outputs, spec = _tensors_of("vjp(f, *primals)", output)
    depends = keep and reaches_outside(map(history_of, outputs))

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given, given_spec = tree_flatten(cotangents)
        if given_spec != spec:
            raise RuntimeError(
                f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {given_spec}, primal output: {spec}"
            )
        for output, cotangent in zip(outputs, given):
            if cotangent.shape != output.shape:
                raise RuntimeError(
                    f"Expected cotangent of shape {output.shape} for an output of that shape, got {cotangent.shape}"
                )
        again = local.grad if create_graph is None else create_graph
        create = again and (depends or reaches_outside(map(history_of, given)))
        gradients = [released(each, again) for each in pulled_back(outputs, given, marks, create)]
        return structure.unflatten(gradients)

    result = spec.unflatten([released(each, keep) for each in outputs])
    return (result, vjp_fn, _released(aux, keep)) if has_aux else (result, vjp_fn)


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the Jacobian of ``func`` by reverse mode: all rows together, or ``chunk_size`` at a time.

    For each output, a tree like the arguments; sizes are those of the output and then those of the argument.
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        def of_chosen(*chosen: Any) -> Any:
            return func(*_replaced(args, argnums, chosen if isinstance(argnums, tuple) else chosen[0]), **kwargs)

        primals = _chosen(args, argnums)
        output, pull, *aux = vjp(of_chosen, *(primals if isinstance(argnums, tuple) else (primals,)), has_aux=has_aux)
        outputs, spec = _tensors_of("jacrev", output)
        inputs, structure = tree_flatten(primals)
        rows = vmap(lambda *cotangents: pull(spec.unflatten(cotangents)), chunk_size=chunk_size)(*unit_vectors(outputs))
        columns = tree_flatten(rows)[0]
        blocks = [column.split([each.numel() for each in outputs]) for column in columns]
        jacobian = spec.unflatten(
            [
                structure.unflatten(
                    [part[place].reshape((*each.shape, *x.shape)) for part, x in zip(blocks, inputs)]
                )
                for place, each in enumerate(outputs)
            ]
        )
        return (jacobian, aux[0]) if has_aux else jacobian

    return wrapper


# --- forward mode -------------------------------------------------------------------------------------------------------


def _tuple_of_tensors(api: str, name: str, value: Any) -> tuple[list[Tensor], TreeSpec]:
    flat, spec = tree_flatten(value)
    if not flat:
        raise RuntimeError(f"{api}: Expected {name} to contain at least one Tensor.")
    for leaf in flat:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{api}: Expected {name} to only contain Tensors, got {type(leaf)}")
    return flat, spec


def _linear(
    api: str, func: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool
) -> tuple[list[Tensor], TreeSpec, Linear, Any]:
    """A function's outputs, their structure, its derivative, and what it gives besides."""
    with _level(forward=True) as level:
        inputs, marks, _ = _entered(primals, level, forward=True)
        result = func(*inputs)
    output, aux = _with_aux(api, result, has_aux)
    outputs, spec = _tensors_of(api, output)
    return outputs, spec, Linear(outputs, marks), aux


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """``func(*primals)``, and the product of its Jacobian with ``tangents``, which have the structure of ``primals``.

    With ``strict``, ``RuntimeError`` if an output depends on no input. With ``has_aux``, what ``func`` gives besides comes third.
    """
    api = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{api}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    flat, structure = _tuple_of_tensors(api, "primals", primals)
    directions, other = _tuple_of_tensors(api, "tangents", tangents)
    if structure != other:
        raise RuntimeError(
            f"{api}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple of 3 "
            f"tensors, tangents also must be. Got primals with structure {structure} and tangents with structure {other}"
        )
    _check_directions(flat, directions)
    keep = local.grad
    with enable_grad():
        outputs, spec, derivative, aux = _linear(api, func, primals, has_aux)
        if strict and not all(output.requires_grad for output in outputs):
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with "
                "strict=True."
            )
        create = keep and (derivative.reaches_outside() or reaches_outside(map(history_of, directions)))
        found = derivative.tangents(directions, create)
    result = spec.unflatten([released(each, keep) for each in outputs])
    tangent = spec.unflatten([released(each, keep) for each in found])
    return (result, tangent, _released(aux, keep)) if has_aux else (result, tangent)


def _check_directions(primals: Sequence[Tensor], tangents: Sequence[Tensor]) -> None:
    for place, (primal, tangent) in enumerate(zip(primals, tangents)):
        if primal.shape != tangent.shape:
            raise RuntimeError(
                f"tangent:{place} with shape {tangent.shape} in flattened pytree doesn't match the shape {primal.shape} of the "
                "corresponding primal."
            )


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``func(*primals)``, and the function that gives the product of its Jacobian there with tangents.

    It is computed once, and the function may be called often.
    """
    keep = local.grad
    with enable_grad():
        outputs, spec, derivative, _ = _linear("linearize", func, primals, False)
    flat, structure = tree_flatten(primals)
    depends = keep and derivative.reaches_outside()

    def jvp_fn(*tangents: Any) -> Any:
        directions, other = tree_flatten(tangents)
        if other != structure:
            raise RuntimeError(
                f"Expected the tangents {other} to have the same argspec as the primals {structure}"
            )
        _check_directions(flat, directions)
        for place, (primal, tangent) in enumerate(zip(flat, directions)):
            if primal.dtype is not tangent.dtype:
                raise RuntimeError(
                    f"tangent:{place} with dtype {tangent.dtype} in flattened pytree doesn't match the dtype {primal.dtype} of "
                    "the corresponding primal."
                )
        create = local.grad and (depends or reaches_outside(map(history_of, directions)))
        return spec.unflatten([released(each, local.grad) for each in derivative.tangents(directions, create)])

    return spec.unflatten([released(each, keep) for each in outputs]), jvp_fn


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """A function that gives the Jacobian of ``func`` by forward mode: all columns together. Results are as of :func:`jacrev`.

    The function itself is called once, so ``randomness`` makes no difference.
    """

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        def of_chosen(*chosen: Any) -> Any:
            return func(*_replaced(args, argnums, chosen if isinstance(argnums, tuple) else chosen[0]), **kwargs)

        primals = _chosen(args, argnums)
        inputs, structure = _tuple_of_tensors("jacfwd", "primals", primals)
        keep = local.grad
        with enable_grad():
            outputs, spec, derivative, aux = _linear(
                "jacfwd", of_chosen, primals if isinstance(argnums, tuple) else (primals,), has_aux
            )
            create = keep and derivative.reaches_outside()
            columns = vmap(lambda *directions: tuple(derivative.tangents(directions, create)))(*unit_vectors(inputs))
        blocks = [
            column.movedim(0, -1).split([x.numel() for x in inputs], -1) for column in columns
        ]
        jacobian = spec.unflatten(
            [
                structure.unflatten(
                    [released(part.reshape((*each.shape, *x.shape)), keep) for part, x in zip(block, inputs)]
                )
                for block, each in zip(blocks, outputs)
            ]
        )
        return (jacobian, _released(aux, keep)) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the Hessian of ``func``: the Jacobian, by forward mode, of its Jacobian by reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


# --- others -------------------------------------------------------------------------------------------------------------


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """``func`` itself: writing in place is recorded as operations anyway."""
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are:\n"
            "     remove='mutations'\n     remove='mutations_and_views'"
        )

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapped


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """``tensor`` itself: no transform wraps tensors here."""
    return tensor
