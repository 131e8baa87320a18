"""Products of other kinds than the matrix product, and distances."""

from __future__ import annotations

from typing import Any

from ..core.history import RESULT, Gradient
from ..core.tensor import Tensor
from ..graph.dtypes import C_NAMES, TYPE_NAMES
from ..graph.notices import warn, warn_once
from ..graph.shapes import broadcast_shapes, wrap_dim
from .contraction import tensordot
from .conversion import in_common_dtype, rounded_once
from .dispatch import with_history
from .matrix import matmul
from .one_node import one_node
from .operation import Tensors, operation
from .views import broadcast_tensors


@operation(out="exact")
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Inner products of all vectors along the last axis of one with those of the other."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and "
            f"{list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@operation(out=True)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of ``input`` times all of ``other``."""
    rank = max(input.ndim, other.ndim)
    a = input.reshape([1] * (rank - input.ndim) + list(input.shape))
    b = other.reshape([1] * (rank - other.ndim) + list(other.shape))
    left = a.reshape([n for size in a.shape for n in (size, 1)])
    right = b.reshape([n for size in b.shape for n in (1, size)])
    return (left * right).reshape([n * m for n, m in zip(a.shape, b.shape)])


@operation(out="exact")
@one_node("LinalgCrossBackward0")
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product of vectors of three along ``dim`` (the first axis of extent 3 unless given)."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is not None:
        wrap_dim(dim, input.ndim)
    if input.dtype.kind == "bool":
        raise NotImplementedError("\"cross\" not implemented for 'Bool'")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[input.dtype]} but found {TYPE_NAMES[other.dtype]}")
    if dim is None:
        warn_once(
            "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim explicitly or simply "
            "use torch.linalg.cross.\nThe default value of dim will change to agree with that of linalg.cross in a future "
            "release."
        )
        dim = next((k for k, n in enumerate(broadcast_shapes(input.shape, other.shape)) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    axis = wrap_dim(dim, input.ndim)
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and {other.shape[axis]}"
        )
    # (a₂b₃ - a₃b₂, a₃b₁ - a₁b₃, a₁b₂ - a₂b₁), each factor turned into place.
    forward, backward = input.roll(-1, axis), input.roll(-2, axis)
    return forward * other.roll(-2, axis) - backward * other.roll(-1, axis)


class CdistBackward0(Gradient):
    """Euclidean distances: differences divided by distances, nothing where these are zero."""

    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        from .choice import where

        x1, x2, distance = self.input(0), self.input(1), self.result()
        share = where(distance == 0, 0.0, grad / distance)
        first = second = None
        if self.edges[0] is not None:
            first = x1 * share.sum(-1, keepdim=True) - matmul(share, x2)
        if self.edges[1] is not None:
            second = x2 * share.sum(-2).unsqueeze(-1) - matmul(share.mT, x1)
        return first, second


MANY_ROWS = 25
"""From more rows than this on, Euclidean distances are computed by a matrix product, as PyTorch does."""


@operation(method=False)
@one_node("CdistBackward0")
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The ``p``-norm distances between all rows of (…, n, k) and all of (…, m, k): (…, n, m)."""
    if x1.dtype.kind != "float" or x2.dtype.kind != "float":
        raise RuntimeError("cdist only supports floating-point dtypes, X1 got: " + str(x1.dtype)[6:])
    if x1.dtype is not x2.dtype:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[x1.dtype]} but found {TYPE_NAMES[x2.dtype]}")
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError("cdist only supports at least 2D tensors, X1 got: " + f"{x1.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    many = x1.shape[-2] > MANY_ROWS or x2.shape[-2] > MANY_ROWS
    if p == 2 and compute_mode != "donot_use_mm_for_euclid_dist" and (many or compute_mode == "use_mm_for_euclid_dist"):
        a, b = x1.detach(), x2.detach()
        squares = (a * a).sum(-1, keepdim=True) + (b * b).sum(-1).unsqueeze(-2)
        result = (squares - 2 * matmul(a, b.mT)).clamp(min=0).sqrt()
        return with_history(result, CdistBackward0, [x1, x2])
    from .norms import distance

    return distance(x1.unsqueeze(-2) - x2.unsqueeze(-3), float(p))


@operation("functional.pdist", method=False)
@one_node("PdistBackward0")
@rounded_once
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The ``p``-norm distances between all pairs of rows, each pair once."""
    from .norms import distance
    from .triangles import triu_indices

    if input.dtype.category < 2:
        raise RuntimeError("pdist only supports floating-point dtypes")
    if not p >= 0:
        raise RuntimeError("pdist only supports non-negative p values")
    if input.ndim != 2:
        raise RuntimeError("pdist only supports 2D tensors, got: " + f"{input.ndim}D")
    first, second = triu_indices(input.shape[0], input.shape[0], 1)
    return distance(input[first] - input[second], float(p))


@operation("functional.cosine_similarity", method=False)
@rounded_once
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """``x1 · x2`` along ``dim`` over the product of their norms, each at least ``eps``."""
    if eps < 0:
        raise RuntimeError(f"eps must be non-negative, got: {eps}")
    x1, x2 = broadcast_tensors(*in_common_dtype(x1, x2))
    if not x1.is_floating_point():
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {TYPE_NAMES[x1.dtype]}")
    # Dividing before the product keeps every intermediate value at most 1.
    first = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    second = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (first * second).sum(dim)


@operation("functional.pairwise_distance", method=False)
@one_node("NormBackward1")
@rounded_once
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The ``p``-norm of ``x1 - x2 + eps`` over the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


@operation("functional.bilinear", method=False)
@rounded_once
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input1 · weight[k] · input2 + bias[k]`` for every output k; ``weight`` (out, in1, in2)."""
    operands = {"input1": input1, "input2": input2, "weight": weight}
    if bias is not None:
        operands["bias"] = bias
    if any(operand.dtype is not weight.dtype for operand in operands.values()):
        names = ", ".join(f"{name}: {C_NAMES[operand.dtype]}" for name, operand in operands.items())
        raise RuntimeError(f"All tensors must have the same dtype, got {names}")
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {input1.shape[:-1]} and {input2.shape[:-1]}"
        )
    if input1.size(-1) != weight.size(1):
        raise RuntimeError(
            f"bilinear(): input1 size does not match weight size: got {input1.size(-1)} but expected {weight.size(1)}"
        )
    if input2.size(-1) != weight.size(2):
        raise RuntimeError(
            f"bilinear(): input2 size does not match weight size: got {input2.size(-1)} but expected {weight.size(2)}"
        )
    outputs, first, second = weight.shape
    left = input1.reshape(-1, first) @ weight.permute(1, 0, 2).reshape(first, outputs * second)
    result = (left.reshape(-1, outputs, second) * input2.reshape(-1, 1, second)).sum(-1, dtype=weight.dtype)
    result = result.reshape(*input1.shape[:-1], outputs)
    return result if bias is None else result + bias


@operation("linalg.matrix_power", out="exact")
def matrix_power(input: Tensor, n: int) -> Tensor:
    """A square matrix (or a stack) multiplied ``n`` times with itself; negative powers are those of the inverse."""
    from .ranges import eye
    from .systems import check_square, inv

    check_square("linalg.matrix_power", input, half=True)
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        return input.clone().copy_(eye(input.shape[-1], dtype=input.dtype))  # its gradient is zero
    if n == 3:
        return (input @ input) @ input
    squared, power = input, None
    while n:
        if n & 1:
            power = squared if power is None else power @ squared
        n >>= 1
        if n:
            squared = squared @ squared
    assert power is not None
    return power.clone() if power is input else power


@operation(method=False, out="exact")
def chain_matmul(*matrices: Any) -> Tensor:
    """The product of several matrices, associated so that it costs the fewest multiplications."""
    warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use torch.linalg.multi_dot instead, "
        "which accepts a list of two or more tensors rather than multiple parameters."
    )
    many = list(matrices[0]) if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else list(matrices)
    return multi_dot(many)


@operation(only="linalg.multi_dot", out="exact")
def multi_dot(tensors: Tensors) -> Tensor:
    """The product of several matrices (vectors at the ends), in the order of fewest multiplications."""
    many = list(tensors)
    if not many:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got 0")
    if len(many) == 1:
        return many[0].clone()
    for which, tensor in (("first", many[0]), ("last", many[-1])):
        if tensor.ndim not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {which} tensor must be 1D or 2D but got {tensor.ndim}D")
    for number, tensor in enumerate(many[1:-1], 1):
        if tensor.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {number} must be 2D but got {tensor.ndim}D")
    rows, columns = many[0].ndim == 1, many[-1].ndim == 1
    if rows:
        many[0] = many[0].unsqueeze(0)
    if columns:
        many[-1] = many[-1].unsqueeze(1)
    result = _associated(many)
    if rows:
        result = result.squeeze(-2)
    if columns:
        result = result.squeeze(-1)
    return result


def _associated(many: list[Tensor]) -> Tensor:
    """The product under the best parentheses (dynamic programming over sizes; Cormen et al., Algorithms, 15.2)."""
    count = len(many)
    sizes = [many[0].shape[0], *(m.shape[1] for m in many)]
    cost = [[0] * count for _ in range(count)]
    cut = [[0] * count for _ in range(count)]
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i][j], cut[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        return many[i] if i == j else product(i, cut[i][j]) @ product(cut[i][j] + 1, j)

    return product(0, count - 1)


@operation(only="linalg.cross", out="exact")
def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of vectors of three along ``dim``."""
    return cross(input, other, dim)


@operation(only="linalg.vecdot", out="exact")
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Inner products of vectors along ``dim``. ``RuntimeError`` for integers."""
    if x.dtype.category < 2:
        raise RuntimeError(
            f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {TYPE_NAMES[x.dtype]}"
        )
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {TYPE_NAMES[x.dtype]} and y of type "
            f"{TYPE_NAMES[y.dtype]} instead"
        )
    return (x * y).sum(dim)
