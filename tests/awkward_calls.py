"""Calls with awkward arguments: every operation, with sizes, numbers, tensors and types that it was not made for.

A call is a line of Python in which ``torch`` stands for either library, ``F`` for its ``nn.functional``, and ``T``, ``L``,
``M`` and ``S`` make tensors of a shape: floats, small integers, a mask, a positive definite matrix. :data:`PLAIN` holds
calls that are right; :func:`awkward` replaces some of their arguments by others of the same kind, or of another. What it
makes follows from the seed alone.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from functools import lru_cache

ELEMENTWISE = (
    "abs acos acosh angle asin asinh atan atanh bitwise_not ceil conj conj_physical cos cosh deg2rad digamma erf erfc erfinv "
    "exp exp2 expm1 fix floor frac frexp i0 imag isfinite isinf isnan isneginf isposinf isreal lgamma log log10 log1p log2 "
    "logical_not logit nan_to_num neg positive rad2deg real reciprocal relu round rsqrt selu celu sgn sigmoid sign signbit "
    "sin sinc sinh sqrt square tan tanh trunc is_complex is_floating_point is_nonzero is_signed numel ravel resolve_conj "
    "msort nonzero argwhere clone detach trace isneginf count_nonzero aminmax nansum nanmean nanmedian unique t "
    "unique_consecutive atleast_1d atleast_2d atleast_3d flipud diagflat special.entr special.erfcx special.expit "
    "special.gammaln special.i0 special.i0e special.i1 special.i1e special.log_ndtr special.ndtr special.ndtri special.psi "
    "special.digamma special.erf special.erfc special.erfinv special.exp2 special.expm1 special.log1p special.logit "
    "special.round special.sinc rand_like randn_like zeros_like ones_like empty_like bernoulli poisson"
).split()

BINARY = (
    "add sub mul div rsub eq ne lt le gt ge maximum minimum fmax fmin fmod remainder floor_divide pow atan2 copysign nextafter "
    "hypot logaddexp logaddexp2 xlogy ldexp logical_and logical_or logical_xor heaviside true_divide float_power isclose "
    "allclose equal dist special.xlog1py special.xlogy is_same_size result_type"
).split()

INTEGRAL = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm".split()

ALONG_DIM = (
    "sum prod mean amax amin max min argmax argmin all any std var std_mean var_mean median mode cumsum cumprod cummax cummin "
    "logcumsumexp logsumexp softmax log_softmax sort argsort flip fliplr unbind squeeze unsqueeze count_nonzero nanmedian "
    "diff trapezoid cumulative_trapezoid gradient norm"
).split()

ACTIVATIONS = (
    "celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu relu6 rrelu selu sigmoid silu "
    "softplus softshrink softsign tanh tanhshrink dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout "
    "normalize"
).split()

LOSSES = (
    "l1_loss mse_loss smooth_l1_loss huber_loss kl_div poisson_nll_loss hinge_embedding_loss soft_margin_loss "
    "multilabel_soft_margin_loss binary_cross_entropy_with_logits"
).split()

PLAIN: list[str] = [
    *(f"torch.{name}(T(3, 4))" for name in ELEMENTWISE),
    *(f"torch.{name}(T(3, 4), T(4))" for name in BINARY),
    *(f"torch.{name}(T(3, 4), 2)" for name in BINARY),
    *(f"torch.{name}(L(3, 4), L(4))" for name in INTEGRAL),
    *(f"torch.{name}(T(3, 4), dim=1)" for name in ALONG_DIM),
    *(f"torch.{name}(T(2, 3, 4), 1)" for name in ALONG_DIM),
    *(f"F.{name}(T(2, 3, 4))" for name in ACTIVATIONS),
    *(f"F.{name}(T(3, 4), T(3, 4), reduction='mean')" for name in LOSSES),
    *(f"torch.{name}(T(3, 4), (0, 1), keepdim=True)" for name in "sum mean amax amin std var logsumexp nansum all any".split()),
    *(f"torch.{name}(T(3, 4), 0, True)" for name in "max min median mode argmax".split()),
    # Views.
    *"""
    T(3, 4).view(2, 6)
    T(3, 4).view(-1)
    T(3, 4).view(torch.int32)
    torch.reshape(T(3, 4), (4, -1))
    T(3, 4).reshape(2, 2, 3)
    torch.flatten(T(2, 3, 4), 1, 2)
    torch.unflatten(T(3, 4), 1, (2, 2))
    torch.squeeze(T(1, 3, 1), (0, 2))
    T(1, 4).expand(3, 4)
    T(4).expand(2, -1, 4)
    T(1, 4).expand_as(T(3, 4))
    torch.broadcast_to(T(4), (3, 4))
    torch.broadcast_tensors(T(3, 1), T(4))
    torch.broadcast_shapes((3, 1), (4,))
    torch.narrow(T(3, 4), 1, 1, 2)
    torch.narrow_copy(T(3, 4), 1, 1, 2)
    torch.select(T(3, 4), 0, 1)
    torch.diagonal(T(3, 4), 1, 0, 1)
    torch.linalg.diagonal(T(2, 3, 4), offset=1, dim1=0, dim2=2)
    T(8).unfold(0, 3, 2)
    T(2, 8).unfold(1, 3, 2)
    torch.as_strided(T(12), (2, 3), (3, 1), 1)
    T(3, 4)[1:].as_strided((2, 2), (1, 2), 3)
    torch.as_strided_copy(T(12), (2, 3), (3, 1), 1)
    torch.as_strided_scatter(T(12), T(2, 3), (2, 3), (3, 1), 1)
    torch.slice_scatter(T(4, 3), T(2, 3), 0, 1, 3, 1)
    torch.select_scatter(T(4, 3), T(3), 0, 1)
    torch.diagonal_scatter(T(4, 3), T(3), 0, 0, 1)
    torch.permute(T(2, 3, 4), (2, 0, 1))
    torch.transpose(T(2, 3, 4), 0, 2)
    torch.swapaxes(T(2, 3, 4), 0, 2)
    torch.movedim(T(2, 3, 4), (0, 1), (1, 2))
    torch.moveaxis(T(2, 3, 4), 0, 2)
    torch.adjoint(T(3, 4))
    torch.split(T(6, 2), 2, 0)
    torch.split(T(6, 2), [1, 2, 3], 0)
    torch.split_with_sizes(T(6, 2), [1, 2, 3], 0)
    torch.unsafe_split(T(6, 2), 2, 0)
    torch.chunk(T(6, 2), 4, 0)
    torch.unsafe_chunk(T(6, 2), 4, 0)
    torch.tensor_split(T(6, 2), 4, 0)
    torch.tensor_split(T(6, 2), (1, 3), 0)
    torch.tensor_split(T(6, 2), L(2), 0)
    torch.hsplit(T(4, 6), 2)
    torch.vsplit(T(4, 6), 2)
    torch.dsplit(T(2, 3, 4), 2)
    T(3, 4)[1, 2]
    T(3, 4)[1:3, ::2]
    T(3, 4)[:, -1]
    T(3, 4)[None, ..., 1]
    T(3, 4)[L(2)]
    T(3, 4)[L(2), 1]
    T(3, 4)[M(3, 4)]
    T(3, 4)[[0, 2]]
    T(3, 4).view_as(T(2, 6))
    T(3, 4).reshape_as(T(2, 6))
    T(3, 4).resize_(2, 3)
    T(3, 4).resize_((5, 4))
    torch.resize_as_(T(3, 4), T(2, 3))
    T(3).set_(T(12), 1, (2, 3), (3, 1))
    T(3).set_(T(12).untyped_storage(), 1, (2, 3), (3, 1))
    T(3, 4).repeat(2, 1)
    torch.tile(T(3, 4), (2, 1))
    torch.repeat_interleave(T(3, 4), 2, 0)
    torch.repeat_interleave(T(3, 4), L(3), 0)
    torch.repeat_interleave(L(3))
    torch.roll(T(3, 4), 1, 0)
    torch.roll(T(3, 4), (1, 2), (0, 1))
    torch.rot90(T(3, 4), 1, (0, 1))
    torch.flip(T(3, 4), (0, 1))
    torch.tril(T(3, 4), 1)
    torch.triu(T(3, 4), -1)
    torch.diag(T(4), 1)
    torch.diag(T(3, 4), 1)
    torch.diag_embed(T(2, 3), 1, 0, 2)
    T(3, 4).sum_to_size(1, 4)
    T(3, 4).size(1)
    T(3, 4).stride(1)
    T(3, 4).fill_diagonal_(2.0, True)
    T(3, 4).contiguous()
    T(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    T(3, 4).to(torch.int64)
    T(3, 4).type(torch.float64)
    T(3, 4).tolist()
    T(1).item()
    T(3, 4).new_zeros((2, 3))
    T(3, 4).new_ones((2, 3), dtype=torch.int32)
    T(3, 4).new_empty(2, 3)
    T(3, 4).new_full((2, 3), 1.5)
    T(3, 4).new_tensor([1, 2])
    T(3, 4).new_empty_strided((2, 3), (3, 1))
    """.strip().splitlines(),
    # Creation.
    *"""
    torch.zeros(2, 3)
    torch.zeros((2, 3), dtype=torch.int64)
    torch.ones(2, 3)
    torch.empty(2, 3)
    torch.full((2, 3), 1.5)
    torch.full_like(T(2, 3), 2)
    torch.empty_strided((2, 3), (3, 1))
    torch.empty_permuted((2, 3), (1, 0))
    torch.scalar_tensor(2)
    torch.tensor([1, 2.5])
    torch.tensor([[1, 2], [3, 4]], dtype=torch.int32)
    torch.as_tensor([1, 2])
    torch.asarray([1, 2])
    torch.eye(3, 4)
    torch.arange(5)
    torch.arange(2, 9, 3)
    torch.arange(0.5, 5.0, 0.5)
    torch.range(1, 4)
    torch.linspace(0, 1, 5)
    torch.logspace(0, 2, 5)
    torch.rand(2, 3)
    torch.randn(2, 3)
    torch.randint(0, 5, (2, 3))
    torch.randint_like(T(2, 3), 5)
    torch.randperm(5)
    torch.normal(0.0, 1.0, (2, 3))
    torch.normal(T(3), S(3)[0])
    torch.tril_indices(3, 4, 1)
    torch.triu_indices(3, 4, -1)
    torch.hann_window(5)
    torch.hamming_window(5, True, 0.5, 0.4)
    torch.blackman_window(5)
    torch.bartlett_window(5)
    torch.kaiser_window(5, True, 12.0)
    torch.vander(T(3), 4)
    torch.linalg.vander(T(3), N=4)
    torch.complex(T(3), T(3))
    torch.frombuffer(bytearray(16), dtype=torch.float32, count=2, offset=4)
    torch.bernoulli(M(3, 4).float())
    torch.bernoulli(T(3, 4), 0.5)
    torch.multinomial(M(3, 4).float() + 1, 2)
    torch.multinomial(M(4).float() + 1, 2, True)
    T(3).uniform_(0.0, 1.0)
    T(3).normal_(0.0, 1.0)
    T(3).exponential_(1.5)
    T(3).geometric_(0.5)
    T(3).cauchy_(0.0, 1.0)
    T(3).log_normal_(0.0, 1.0)
    T(3).random_(0, 5)
    T(3).bernoulli_(0.5)
    T(3).fill_(2)
    T(3).zero_()
    T(3, 4).copy_(T(4))
    torch.meshgrid(T(3), T(4), indexing='ij')
    torch.cartesian_prod(T(3), T(4))
    torch.combinations(T(4), 2, True)
    torch.can_cast(torch.float32, torch.int64)
    torch.promote_types(torch.float32, torch.int64)
    """.strip().splitlines(),
    # Indices.
    *"""
    torch.gather(T(3, 4), 1, L(3, 2))
    torch.index_select(T(3, 4), 0, L(2))
    torch.take(T(3, 4), L(5))
    torch.take_along_dim(T(3, 4), L(3, 2), 1)
    torch.scatter(T(3, 4), 1, L(3, 2), T(3, 2))
    torch.scatter(T(3, 4), 1, L(3, 2), 2.5)
    torch.scatter_add(T(3, 4), 1, L(3, 2), T(3, 2))
    torch.scatter_reduce(T(3, 4), 1, L(3, 2), T(3, 2), 'sum', include_self=False)
    torch.index_add(T(3, 4), 0, L(2), T(2, 4), alpha=2)
    torch.index_copy(T(3, 4), 0, L(2), T(2, 4))
    torch.index_fill(T(3, 4), 0, L(2), 1.5)
    torch.index_reduce(T(3, 4), 0, L(2), T(2, 4), 'prod', include_self=False)
    torch.index_put(T(3, 4), (L(2), L(2)), T(2), True)
    torch.put(T(3, 4), L(2), T(2), True)
    torch.masked_fill(T(3, 4), M(3, 4), 1.5)
    torch.masked_select(T(3, 4), M(3, 4))
    torch.masked_scatter(T(3, 4), M(3, 4), T(12))
    torch.where(M(3, 4), T(3, 4), T(4))
    torch.where(M(3, 4))
    torch.nonzero_static(M(3, 4), size=4, fill_value=-1)
    torch.topk(T(3, 4), 2, 1, True, True)
    torch.kthvalue(T(3, 4), 2, 1, True)
    torch.sort(T(3, 4), dim=1, descending=True, stable=True)
    torch.quantile(T(3, 4), 0.5, 1, True, interpolation='linear')
    torch.nanquantile(T(3, 4), T(2).abs() / 3, 1)
    torch.searchsorted(T(4), T(2, 3), right=True)
    torch.bucketize(T(3, 4), T(3), right=True)
    torch.bincount(L(5), minlength=3)
    torch.bincount(L(5), T(5), 3)
    torch.histc(T(5), 4, -1, 2)
    torch.histogram(T(5), 4, range=(-1.0, 2.0), density=True)
    torch.unique(L(3, 4), True, True, True, 0)
    torch.unique_consecutive(L(3, 4), True, True, 0)
    torch.isin(L(3, 4), L(2), assume_unique=False, invert=True)
    torch.unravel_index(L(3), (2, 3))
    torch.cat([T(2, 3), T(1, 3)], 0)
    torch.concat((T(2, 3), T(2, 1)), 1)
    torch.stack([T(2, 3), T(2, 3)], 1)
    torch.hstack([T(2, 3), T(2, 1)])
    torch.vstack([T(2, 3), T(3)])
    torch.dstack([T(2, 3), T(2, 3)])
    torch.column_stack([T(2, 3), T(2)])
    torch.block_diag(T(2, 3), T(2))
    F.one_hot(L(3), 5)
    F.embedding(L(3), T(4, 5), 1, 2.0, 2.0)
    torch.embedding(T(4, 5), L(3), 1)
    F.embedding_bag(L(5), T(4, 5), L(2) * 0, 2.0, 2.0, False, 'mean')
    """.strip().splitlines(),
    # Arithmetic with more than two operands, and products.
    *"""
    torch.addcmul(T(3, 4), T(3, 4), T(4), value=0.5)
    torch.addcdiv(T(3, 4), T(3, 4), T(4), value=0.5)
    torch.lerp(T(3, 4), T(4), 0.3)
    torch.lerp(T(3, 4), T(4), T(4))
    torch.clamp(T(3, 4), -1, 1.5)
    torch.clamp(T(3, 4), T(4), T(4))
    torch.clamp_min(T(3, 4), 0.5)
    torch.clamp_max(T(3, 4), 0.5)
    torch.threshold(T(3, 4), 0.1, 2.0)
    torch.div(T(3, 4), T(4), rounding_mode='floor')
    torch.add(T(3, 4), T(4), alpha=2)
    torch.round(T(3, 4), decimals=1)
    torch.nan_to_num(T(3, 4), 0.5, 1.0, -1.0)
    torch.logit(T(3, 4), 0.1)
    torch.polygamma(1, T(3))
    torch.special.polygamma(1, T(3))
    torch.mvlgamma(S(3), 2)
    torch.special.multigammaln(S(3), 2)
    torch.special.logsumexp(T(3, 4), 1)
    torch.special.softmax(T(3, 4), 1)
    torch.special.log_softmax(T(3, 4), 1)
    torch.cross(T(2, 3), T(2, 3), 1)
    torch.linalg.cross(T(2, 3), T(2, 3), dim=1)
    torch.dot(T(3), T(3))
    torch.vdot(T(3), T(3))
    torch.inner(T(2, 3), T(3))
    torch.outer(T(3), T(4))
    torch.ger(T(3), T(4))
    torch.kron(T(2, 3), T(2, 2))
    torch.mv(T(3, 4), T(4))
    torch.mm(T(3, 4), T(4, 2))
    torch.bmm(T(2, 3, 4), T(2, 4, 2))
    torch.matmul(T(2, 3, 4), T(4, 2))
    torch.linalg.matmul(T(2, 3, 4), T(4))
    torch.addmm(T(3, 2), T(3, 4), T(4, 2), beta=0.5, alpha=2)
    torch.addmv(T(3), T(3, 4), T(4), beta=0.5, alpha=2)
    torch.addr(T(3, 4), T(3), T(4), beta=0.5, alpha=2)
    torch.baddbmm(T(2, 3, 2), T(2, 3, 4), T(2, 4, 2), beta=0.5, alpha=2)
    torch.addbmm(T(3, 2), T(2, 3, 4), T(2, 4, 2), beta=0.5, alpha=2)
    torch.tensordot(T(2, 3), T(3, 4), 1)
    torch.tensordot(T(2, 3), T(3, 4), dims=([1], [0]))
    torch.einsum('ij,jk->ik', T(2, 3), T(3, 4))
    torch.chain_matmul(T(2, 3), T(3, 4))
    torch.linalg.multi_dot([T(2, 3), T(3, 4), T(4, 2)])
    torch.cdist(T(3, 4), T(2, 4), 2.0)
    torch.cov(T(3, 4), correction=1)
    torch.corrcoef(T(3, 4))
    torch.renorm(T(3, 4), 2, 0, 1.5)
    torch.norm(T(3, 4), 2, 1, True)
    torch.norm_except_dim(T(3, 4), 2, 0)
    torch.std(T(3, 4), 1, correction=1)
    torch.var(T(3, 4), 1, True, True)
    torch.diff(T(3, 4), 1, 1)
    torch.trapezoid(T(3, 4), T(4))
    torch.gradient(T(3, 4), spacing=2.0, dim=1)
    torch.linalg.norm(T(3, 4), 2, (0, 1), True)
    torch.linalg.vector_norm(T(3, 4), 3, 1, True)
    torch.linalg.matrix_norm(T(3, 4), 'fro', (0, 1), True)
    torch.linalg.vecdot(T(3, 4), T(3, 4), dim=1)
    """.strip().splitlines(),
    # Linear algebra.
    *"""
    torch.linalg.inv(S(3))
    torch.linalg.inv_ex(S(3), check_errors=True)
    torch.linalg.det(S(3))
    torch.linalg.slogdet(S(3))
    torch.linalg.cholesky(S(3), upper=True)
    torch.linalg.cholesky_ex(S(3))
    torch.linalg.qr(T(3, 4), 'reduced')
    torch.linalg.svd(T(3, 4), full_matrices=False)
    torch.linalg.svdvals(T(3, 4))
    torch.linalg.eigh(S(3), 'L')
    torch.linalg.eigvalsh(S(3))
    torch.linalg.solve(S(3), T(3, 2))
    torch.linalg.solve_ex(S(3), T(3, 2), left=True)
    torch.linalg.solve_triangular(S(3), T(3, 2), upper=True, left=True)
    torch.linalg.lstsq(T(4, 3), T(4, 2), rcond=0.1)
    torch.linalg.lu(S(3), pivot=True)
    torch.linalg.lu_factor(S(3))
    torch.linalg.lu_solve(S(3), torch.tensor([1, 2, 3], dtype=torch.int32), T(3, 2))
    torch.linalg.matrix_exp(S(3))
    torch.linalg.matrix_power(S(3), 3)
    torch.linalg.matrix_rank(S(3), atol=0.1, hermitian=True)
    torch.linalg.pinv(T(3, 4), rtol=0.1)
    torch.linalg.cond(S(3), 2)
    torch.cholesky(S(3))
    torch.cholesky_inverse(S(3))
    torch.cholesky_solve(T(3, 2), S(3))
    torch.inverse(S(3))
    torch.det(S(3))
    torch.logdet(S(3))
    torch.slogdet(S(3))
    torch.qr(T(3, 4))
    torch.svd(T(3, 4))
    torch.lu(S(3))
    torch.lu_solve(T(3, 2), S(3), torch.tensor([1, 2, 3], dtype=torch.int32))
    torch.lu_unpack(S(3), torch.tensor([1, 2, 3], dtype=torch.int32))
    torch.matrix_exp(S(3))
    torch.matrix_power(S(3), 2)
    torch.pinverse(T(3, 4), 0.1)
    torch.triangular_solve(T(3, 2), S(3))
    torch.svd_lowrank(T(3, 4), 2, 1)
    torch.pca_lowrank(T(3, 4), 2)
    """.strip().splitlines(),
    # Windows over planes, padding, pictures.
    *"""
    F.max_pool1d(T(2, 8), 3, 2, 1, 1, True)
    F.max_pool2d(T(2, 6, 8), 3, 2, 1, 1, True)
    F.max_pool2d(T(1, 2, 6, 8), (3, 2), (2, 1), (1, 0), (1, 2))
    F.max_pool2d_with_indices(T(1, 2, 6, 8), 2)
    F.max_pool3d(T(1, 2, 4, 6, 8), 2, 2, 1)
    F.avg_pool1d(T(2, 8), 3, 2, 1)
    F.avg_pool2d(T(1, 2, 6, 8), 3, 2, 1, True, False, 2)
    F.avg_pool2d(T(2, 6, 8), (3, 2), (2, 1), (1, 0))
    F.avg_pool3d(T(1, 2, 4, 6, 8), 2, 2, 1)
    F.lp_pool1d(T(1, 2, 8), 2.0, 3, 2)
    F.lp_pool2d(T(1, 2, 6, 8), 2.0, 3, 2)
    F.adaptive_avg_pool1d(T(2, 8), 3)
    F.adaptive_avg_pool2d(T(1, 2, 6, 8), (3, 4))
    F.adaptive_avg_pool3d(T(1, 2, 4, 6, 8), 2)
    F.adaptive_max_pool1d(T(2, 8), 3)
    F.adaptive_max_pool2d(T(1, 2, 6, 8), (3, None), True)
    F.max_unpool1d(T(1, 2, 4), L(1, 2, 4), 2, 2, 0)
    F.max_unpool2d(T(1, 2, 3, 4), L(1, 2, 3, 4), 2, 2, 0, (6, 8))
    F.conv1d(T(1, 2, 8), T(4, 2, 3), T(4), 2, 1, 1, 1)
    F.conv2d(T(1, 2, 6, 8), T(4, 1, 3, 3), T(4), (2, 1), (1, 0), (1, 2), 2)
    F.conv2d(T(2, 6, 8), T(4, 2, 3, 3), padding='same')
    F.conv3d(T(1, 2, 4, 6, 8), T(2, 2, 2, 2, 2), None, 1, 1)
    F.conv_transpose1d(T(1, 4, 8), T(4, 2, 3), T(2), 2, 1, 1, 1, 1)
    F.conv_transpose2d(T(1, 4, 6, 8), T(4, 2, 3, 3), T(2), (2, 2), (1, 0), (1, 0), 1, (1, 2))
    F.conv_transpose3d(T(1, 2, 4, 4, 4), T(2, 2, 2, 2, 2), None, 1, 1)
    F.unfold(T(1, 2, 6, 8), 3, 1, 1, 2)
    F.fold(T(1, 8, 12), (4, 5), 2, 1, 0, 1)
    F.pad(T(2, 3, 4), (1, 2), 'constant', 1.5)
    F.pad(T(2, 3, 4), (1, 2, -1, 1))
    F.pad(T(2, 3, 4), (1, 2), 'reflect')
    F.pad(T(1, 2, 3, 4), (1, 2, 1, 1), 'replicate')
    F.pad(T(2, 3, 4), (1, 2), 'circular')
    torch.constant_pad_nd(T(3, 4), (1, 2), 1.5)
    F.interpolate(T(1, 2, 4), 6)
    F.interpolate(T(1, 2, 4, 6), (3, 5), mode='bilinear', align_corners=True)
    F.interpolate(T(1, 2, 4, 6), scale_factor=1.5, mode='bicubic')
    F.interpolate(T(1, 2, 4, 6), scale_factor=(2.0, 0.5), mode='area')
    F.interpolate(T(1, 2, 4, 6, 3), (3, 5, 2), mode='trilinear')
    F.upsample(T(1, 2, 4, 6), scale_factor=2)
    F.grid_sample(T(1, 2, 4, 6), T(1, 3, 3, 2), 'bilinear', 'zeros', False)
    F.affine_grid(T(1, 2, 3), (1, 2, 4, 6), False)
    F.pixel_shuffle(T(1, 8, 3, 4), 2)
    F.pixel_unshuffle(T(1, 2, 4, 6), 2)
    F.channel_shuffle(T(1, 8, 3, 4), 2)
    F.local_response_norm(T(2, 4, 6), 3, 0.1, 0.75, 1.0)
    """.strip().splitlines(),
    # The rest of nn.functional.
    *"""
    F.linear(T(3, 4), T(2, 4), T(2))
    F.bilinear(T(3, 4), T(3, 2), T(5, 4, 2), T(5))
    F.layer_norm(T(3, 4), (4,), T(4), T(4), 1e-5)
    F.rms_norm(T(3, 4), (4,), T(4), 1e-5)
    F.group_norm(T(2, 4, 3), 2, T(4), T(4), 1e-5)
    F.batch_norm(T(2, 4, 3), T(4), T(4).abs() + 1, T(4), T(4), True, 0.1, 1e-5)
    F.instance_norm(T(2, 4, 3), None, None, T(4), T(4), True, 0.1, 1e-5)
    F.softmax(T(3, 4), 1)
    F.log_softmax(T(3, 4), 1)
    F.softmin(T(3, 4), 1)
    F.gumbel_softmax(T(3, 4), 1.0, False, dim=1)
    F.prelu(T(2, 4, 3), T(4))
    F.threshold(T(3, 4), 0.1, 2.0)
    F.glu(T(3, 4), 1)
    F.hardtanh(T(3, 4), -1.0, 1.0)
    F.softplus(T(3, 4), 1.0, 20.0)
    F.rrelu(T(3, 4), 0.1, 0.3, True)
    F.dropout(T(3, 4), 0.5, True)
    F.normalize(T(3, 4), 2.0, 1, 1e-12)
    F.cosine_similarity(T(3, 4), T(3, 4), 1, 1e-8)
    F.pairwise_distance(T(3, 4), T(3, 4), 2.0, 1e-6, True)
    F.pdist(T(3, 4), 2.0)
    F.cross_entropy(T(3, 4), L(3), T(4).abs(), reduction='mean', label_smoothing=0.1, ignore_index=-100)
    F.nll_loss(T(3, 4), L(3), T(4).abs(), ignore_index=-100, reduction='sum')
    F.nll_loss(T(2, 4, 3), L(2, 3))
    F.binary_cross_entropy(M(3, 4).float(), M(3, 4).float(), T(4).abs())
    F.gaussian_nll_loss(T(3, 4), T(3, 4), T(3, 4).abs() + 1, False, 1e-6)
    F.margin_ranking_loss(T(3), T(3), T(3), 0.5)
    F.cosine_embedding_loss(T(3, 4), T(3, 4), T(3), 0.5)
    F.triplet_margin_loss(T(3, 4), T(3, 4), T(3, 4), 1.0, 2.0, 1e-6, True)
    F.multi_margin_loss(T(3, 4), L(3), 1, 1.0, T(4).abs())
    F.multilabel_margin_loss(T(3, 4), L(3, 4))
    F.huber_loss(T(3, 4), T(3, 4), 'mean', 1.5)
    F.smooth_l1_loss(T(3, 4), T(3, 4), reduction='mean', beta=1.5)
    F.ctc_loss(T(5, 2, 4), L(2, 2) + 1, torch.tensor([5, 5]), torch.tensor([2, 2]), 0)
    F.scaled_dot_product_attention(T(2, 3, 4), T(2, 5, 4), T(2, 5, 4), None, 0.0, True)
    """.strip().splitlines(),
    # Layers.
    *"""
    torch.nn.Linear(4, 3)(T(2, 4))
    torch.nn.Bilinear(4, 2, 3)(T(2, 4), T(2, 2))
    torch.nn.Conv1d(2, 4, 3, 1, 1, 1, 2)(T(1, 2, 8))
    torch.nn.Conv2d(2, 4, 3, padding='same', padding_mode='reflect')(T(1, 2, 6, 8))
    torch.nn.Conv3d(2, 2, 2)(T(1, 2, 4, 4, 4))
    torch.nn.ConvTranspose1d(2, 4, 3, 2, 1, 1)(T(1, 2, 8))
    torch.nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2)(T(1, 2, 6, 8))
    torch.nn.MaxPool2d(2, 2, 1)(T(1, 2, 6, 8))
    torch.nn.AvgPool2d(2, 2, 1)(T(1, 2, 6, 8))
    torch.nn.AdaptiveAvgPool2d((2, 3))(T(1, 2, 6, 8))
    torch.nn.AdaptiveMaxPool1d(3)(T(1, 2, 6))
    torch.nn.BatchNorm1d(4, 1e-5, 0.1)(T(3, 4))
    torch.nn.BatchNorm2d(2)(T(3, 2, 4, 4))
    torch.nn.GroupNorm(2, 4)(T(2, 4, 3))
    torch.nn.InstanceNorm1d(4)(T(2, 4, 3))
    torch.nn.LayerNorm((3, 4))(T(2, 3, 4))
    torch.nn.RMSNorm((3, 4))(T(2, 3, 4))
    torch.nn.Embedding(4, 3, 1, 2.0)(L(2, 3))
    torch.nn.EmbeddingBag(4, 3, mode='sum')(L(2, 3))
    torch.nn.Dropout(0.5)(T(3, 4))
    torch.nn.PReLU(4)(T(2, 4))
    torch.nn.Softmax(1)(T(3, 4))
    torch.nn.Flatten(1, 2)(T(2, 3, 4))
    torch.nn.Unflatten(1, (2, 2))(T(3, 4))
    torch.nn.PixelShuffle(2)(T(1, 8, 3, 4))
    torch.nn.Upsample(scale_factor=2)(T(1, 2, 3, 4))
    torch.nn.ConstantPad1d((1, 2), 1.5)(T(2, 3, 4))
    torch.nn.ReflectionPad2d((1, 1, 1, 1))(T(1, 2, 3, 4))
    torch.nn.ReplicationPad1d(2)(T(2, 3, 4))
    torch.nn.CircularPad2d(1)(T(1, 2, 3, 4))
    torch.nn.ZeroPad2d((1, -1, 1, 1))(T(1, 2, 3, 4))
    torch.nn.Fold((4, 5), 2)(T(1, 8, 12))
    torch.nn.Unfold(3)(T(1, 2, 6, 8))
    torch.nn.CrossEntropyLoss(label_smoothing=0.1)(T(3, 4), L(3))
    torch.nn.LocalResponseNorm(2)(T(2, 4, 6))
    """.strip().splitlines(),
]
PLAIN = [line.strip() for line in PLAIN]

INTEGERS = [
    "-1", "0", "1", "2", "3", "-2", "7", "-7", "100", "2**31 - 1", "2**31", "-2**31", "2**32", "2**40", "2**62", "2**63 - 1",
    "-2**63", "2**63", "2**64",
]  # fmt: skip
NUMBERS = ["0.0", "-1.0", "1.0", "2.5", "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "2**40", "-1"]
STRINGS = ["''", "'mean'", "'sum'", "'none'", "'nearest'", "'bilinear'", "'reflect'", "'same'", "'valid'", "'fro'", "'x'"]
DTYPES = ["float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"]
OTHERS = ["None", "'x'", "1.5", "True", "[]", "()", "(1, 2)", "[1.5]", "1j", "torch.float32", "object()", "T(2)", "L(2)", "{}"]
SHAPES = ["", "0", "1", "4", "2, 0, 3", "0, 4", "3, 0", "1, 1", "3, 4", "4, 3", "2, 3, 4", "1, 2, 3, 4", "1, 1, 1, 1, 1"]
TENSORS = [
    *(f"T({shape})" for shape in SHAPES),
    *(f"L({shape})" for shape in SHAPES[:-3]),
    "M(3, 4)", "M(4)", "S(3)", "T(3, 4).t()", "T(4, 4)[1:, ::2]", "T(3, 4).half()", "T(3, 4).double()", "T(3, 4).bfloat16()",
    "T(3, 4).int()", "L(3, 4).to(torch.uint8)", "T(3, 4) * nan", "T(3, 4) / 0", "L(4) - 2", "L(4) + 2**40", "L(4) - 2**63",
    "T(1).expand(2**40)", "T(1, 1).expand(2**31, 2**31)", "T(1).expand(2**62)", "T(1, 1).expand(3, 2**35)",
    "T(4).requires_grad_()", "T(3, 4).requires_grad_()", "T(2, 3, 4).requires_grad_()",
]  # fmt: skip


@lru_cache(maxsize=1024)
def _parsed(line: str) -> ast.expr:
    return ast.parse(line, mode="eval").body


class Mutation:
    """Replaces arguments of calls by awkward ones, chosen by one stream of random numbers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def call(self) -> str:
        """One awkward call."""
        tree = ast.parse(self.random.choice(PLAIN), mode="eval").body
        if isinstance(tree, ast.Call) and self.random.random() < 0.3:
            tree = self.as_method(tree)
        places = list(self.arguments(tree))
        count = min(len(places), self.random.choice((1, 1, 1, 2, 2, 3)))
        for owner, field, index in self.random.sample(places, count):
            values = getattr(owner, field)
            if index is None:
                setattr(owner, field, self.replaced(values))
            else:
                values[index] = self.replaced(values[index])
        return ast.unparse(tree)

    def as_method(self, call: ast.Call) -> ast.Call:
        """``x.name(...)`` or ``x.name_(...)`` in place of ``torch.name(x, ...)``."""
        function = call.func
        plain = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "torch"
        if not plain or not call.args or not isinstance(call.args[0], ast.Call):
            return call
        assert isinstance(function, ast.Attribute)
        name = function.attr + ("_" if self.random.random() < 0.5 else "")
        return ast.Call(ast.Attribute(call.args[0], name, ast.Load()), call.args[1:], call.keywords)

    def arguments(self, tree: ast.expr) -> Iterator[tuple[ast.AST, str, int | None]]:
        """Places of arguments: (node, field, place in a list)."""
        if isinstance(tree, ast.Call):
            yield from ((tree, "args", index) for index in range(len(tree.args)))
            yield from ((keyword, "value", None) for keyword in tree.keywords)
            function = tree.func
            if isinstance(function, ast.Call):  # a layer is made and called
                yield from self.arguments(function)
            elif isinstance(function, ast.Attribute) and isinstance(function.value, (ast.Call, ast.Subscript)):
                yield function, "value", None
        elif isinstance(tree, ast.Subscript):
            yield tree, "value", None
            yield tree, "slice", None

    def replaced(self, value: ast.expr) -> ast.expr:
        """An awkward argument in place of ``value``."""
        chance = self.random.random()
        if chance < 0.12:
            return self.one_of(OTHERS)
        if isinstance(value, (ast.Tuple, ast.List)):
            return self.sequence(value)
        if isinstance(value, ast.Slice):
            return ast.Slice(*(self.one_of(INTEGERS) if self.random.random() < 0.6 else None for _ in range(3)))
        if isinstance(value, (ast.Call, ast.BinOp, ast.Subscript)):
            return self.one_of(TENSORS)
        if isinstance(value, ast.Attribute):
            return self.one_of([f"torch.{name}" for name in DTYPES])
        number = value.operand if isinstance(value, ast.UnaryOp) else value
        kind = type(number.value) if isinstance(number, ast.Constant) else None
        if kind is str:
            return self.one_of(STRINGS)
        if kind is float:
            return self.one_of(NUMBERS)
        if kind is int and chance < 0.25:
            return ast.Tuple([self.one_of(INTEGERS) for _ in range(self.random.choice((0, 1, 2, 2, 3)))], ast.Load())
        return self.one_of(INTEGERS)

    def sequence(self, value: ast.Tuple | ast.List) -> ast.expr:
        """A sequence with other members, or of another length."""
        members = list(value.elts)
        chance = self.random.random()
        if chance < 0.15:
            return self.one_of(INTEGERS)
        if chance < 0.3:
            members = members[:-1] if self.random.random() < 0.5 else [*members, *members[:1]]
        else:
            for index in range(len(members)):
                if self.random.random() < 0.6:
                    members[index] = self.replaced(members[index])
        return type(value)(members, ast.Load())

    def one_of(self, lines: list[str]) -> ast.expr:
        return _parsed(self.random.choice(lines))


def awkward(seed: int, count: int) -> list[str]:
    """``count`` awkward calls."""
    mutation = Mutation(seed)
    return [mutation.call() for _ in range(count)]
