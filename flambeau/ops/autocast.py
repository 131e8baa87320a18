"""Mixed precision: in which dtype operations compute while ``autocast`` is on, after PyTorch's lists for the CPU.

Tensors that count are those of a floating-point dtype other than float64. Operations on the lists get their arguments cast,
and what they are composed of is then computed as it is; all others follow the dtypes that they are given. Results put into a
tensor given as ``out=`` and operations in place are never cast.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import DType, bfloat16, float16, float32, float64
from ..graph.trace import local

LOWER = frozenset(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d bmm mm baddbmm addmm addbmm linear matmul prelu "
    "scaled_dot_product_attention linalg_vecdot linalg_matmul lstm rnn_tanh rnn_relu rnn_tanh_cell rnn_relu_cell".split()
)
"""Operations that compute in the lower precision: products, convolutions, and what is composed of them."""

SINGLE = frozenset(
    "avg_pool3d max_pool3d max_unpool2d max_unpool3d adaptive_avg_pool3d adaptive_max_pool3d grid_sample grid_sampler polar "
    "prod quantile nanquantile stft cdist trace view_as_complex cholesky cholesky_inverse cholesky_solve inverse lu lu_solve "
    "orgqr ormqr geqrf pinverse qr svd triangular_solve "
    "binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy cross_entropy_loss ctc_loss "
    "hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss "
    "nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss "
    "linalg_cholesky linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh linalg_eigvals linalg_eigvalsh "
    "linalg_householder_product linalg_inv linalg_inv_ex linalg_lstsq linalg_matrix_rank linalg_qr linalg_solve linalg_svd "
    "linalg_svdvals linalg_tensorinv linalg_tensorsolve".split()
)
"""Operations that compute in float32: losses, decompositions, products of many numbers."""

WIDEST = frozenset("cat concat concatenate stack index_copy".split())
"""Operations whose arguments all get the widest of their dtypes."""

LIKE_STATE = frozenset("gru gru_cell lstm_cell".split())
"""Operations whose arguments all get the dtype of their state, which is the first that counts behind the input."""

LOWER_PRECISIONS = (bfloat16, float16)


class _State(threading.local):
    """A thread's own state."""

    enabled = False
    dtype: DType = bfloat16
    cached = True
    nesting = 0

    def __init__(self) -> None:
        #: What leaves that require grad were cast to, so that a weight that is used twice is cast once: {id: (leaf, cast)}.
        self.casts: dict[int, tuple[Tensor, Tensor]] = {}


state = _State()


def _counts(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype.kind == "float" and value.dtype is not float64


def _cast(value: Any, d: DType) -> Any:
    """A tensor that counts in another dtype, or a sequence of such."""
    if isinstance(value, (list, tuple)):
        return type(value)([_cast(member, d) for member in value]) if any(map(_counts, value)) else value
    if not _counts(value) or value.dtype is d:
        return value
    if not (state.cached and d is state.dtype and value.dtype is float32 and value.requires_grad and value.is_leaf):
        return value.to(d)
    held = state.casts.get(id(value))
    if held is None:
        held = value, value.to(d)
        if local.grad:  # a cast without history must not be found where there is to be one
            state.casts[id(value)] = held
    return held[1]


def _widest(values: list[Any]) -> DType:
    """The dtype that all of the tensors that count get where dtypes are mixed: the lower precision, unless one is wider."""
    flat = [each for value in values for each in (value if isinstance(value, (list, tuple)) else (value,))]
    dtypes = {each.dtype for each in flat if _counts(each)}
    return float32 if float32 in dtypes or len(dtypes) > 1 else next(iter(dtypes), state.dtype)


def autocast(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The result of the operation ``name`` as its list says; ``NotImplemented`` if nothing is to be cast."""
    if not state.enabled or keywords.get("out") is not None:
        return NotImplemented
    if name in LOWER:
        d = state.dtype
    elif name in SINGLE:
        d = float32
    elif name in WIDEST:
        d = _widest([*arguments, *keywords.values()])
    elif name in LIKE_STATE:
        behind = keywords.get("hx"), *arguments[1:]
        d = _widest([next((x for x in behind if any(map(_counts, x if isinstance(x, (list, tuple)) else (x,)))), None)])
    else:
        return NotImplemented
    arguments = tuple([_cast(value, d) for value in arguments])
    keywords = {key: _cast(value, d) for key, value in keywords.items()}
    try:
        state.enabled = False  # for what the operation is composed of
        return call(*arguments, **keywords)
    finally:
        state.enabled = True
