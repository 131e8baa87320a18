"""Right calls of every operation: what :mod:`mutation` makes awkward ones from.

They are the table's rows, with tensors in place of its samples, and those listed here: of what has no row, or takes more
arguments than a row gives.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from table import FAMILIES, samples
from table.samples import Sample

from flambeau.ops.operation import DECLARED

ELEMENTWISE = (
    "abs acos acosh angle asin asinh atan atanh bitwise_not ceil conj conj_physical cos cosh deg2rad digamma erf erfc erfinv "
    "exp exp2 expm1 fix floor frac frexp i0 imag isfinite isinf isnan isposinf isreal lgamma log log10 log1p log2 "
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

ALIASES = (
    "absolute arccos arccosh arcsin arcsinh arctan arctanh negative resolve_neg is_conj is_neg is_inference get_device "
    "nuclear_norm typename is_distributed is_storage"
).split()

BINARY_ALIASES = (
    "arctan2 divide greater greater_equal less less_equal multiply not_equal subtract"
).split()

PLAIN: list[str] = [
    *(f"torch.{name}(T(3, 4))" for name in ALIASES),
    *(f"torch.{name}(T(3, 4), T(4))" for name in BINARY_ALIASES),
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
    T(3, 4).reshape(2, 2, 3)
    T(4).expand(2, -1, 4)
    T(1, 4).expand_as(T(3, 4))
    torch.broadcast_tensors(T(3, 1), T(4))
    torch.broadcast_shapes((3, 1), (4,))
    T(3, 4)[1:].as_strided((2, 2), (1, 2), 3)
    torch.as_strided_copy(T(12), (2, 3), (3, 1), 1)
    torch.as_strided_scatter(T(12), T(2, 3), (2, 3), (3, 1), 1)
    torch.diagonal_scatter(T(4, 3), T(3), 0, 0, 1)
    torch.moveaxis(T(2, 3, 4), 0, 2)
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
    T(3, 4).reshape_as(T(2, 6))
    T(3, 4).resize_(2, 3)
    T(3, 4).resize_((5, 4))
    torch.resize_as_(T(3, 4), T(2, 3))
    T(3).set_(T(12), 1, (2, 3), (3, 1))
    T(3).set_(T(12).untyped_storage(), 1, (2, 3), (3, 1))
    torch.rot90(T(3, 4), 1, (0, 1))
    T(3, 4).size(1)
    T(3, 4).stride(1)
    T(3, 4).fill_diagonal_(2.0, True)
    T(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    T(3, 4).type(torch.float64)
    T(3, 4).tolist()
    T(1).item()
    T(3, 4).new_empty(2, 3)
    T(3, 4).new_empty_strided((2, 3), (3, 1))
    """.strip().splitlines(),
    # Creation.
    *"""
    torch.empty(2, 3)
    torch.empty_strided((2, 3), (3, 1))
    torch.empty_permuted((2, 3), (1, 0))
    torch.asarray([1, 2])
    torch.rand(2, 3)
    torch.randn(2, 3)
    torch.randint(0, 5, (2, 3))
    torch.randint_like(T(2, 3), 5)
    torch.randperm(5)
    torch.normal(0.0, 1.0, (2, 3))
    torch.normal(T(3), S(3)[0])
    torch.hamming_window(5, True, 0.5, 0.4)
    torch.kaiser_window(5, True, 12.0)
    torch.vander(T(3), 4)
    torch.linalg.vander(T(3), N=4)
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
    torch.can_cast(torch.float32, torch.int64)
    torch.promote_types(torch.float32, torch.int64)
    """.strip().splitlines(),
    # Indices.
    *"""
    torch.index_reduce(T(3, 4), 0, L(2), T(2, 4), 'prod', include_self=False)
    torch.put(T(3, 4), L(2), T(2), True)
    torch.topk(T(3, 4), 2, 1, True, True)
    torch.quantile(T(3, 4), 0.5, 1, True, interpolation='linear')
    torch.bincount(L(5), T(5), 3)
    torch.isin(L(3, 4), L(2), assume_unique=False, invert=True)
    torch.unravel_index(L(3), (2, 3))
    torch.concat((T(2, 3), T(2, 1)), 1)
    F.embedding(L(3), T(4, 5), 1, 2.0, 2.0)
    F.embedding_bag(L(5), T(4, 5), L(2) * 0, 2.0, 2.0, False, 'mean')
    """.strip().splitlines(),
    # Arithmetic with more than two operands, and products.
    *"""
    torch.clamp_max(T(3, 4), 0.5)
    torch.special.multigammaln(S(3), 2)
    torch.dot(T(3), T(3))
    torch.ger(T(3), T(4))
    torch.matmul(T(2, 3, 4), T(4, 2))
    torch.linalg.matmul(T(2, 3, 4), T(4))
    torch.addmv(T(3), T(3, 4), T(4), beta=0.5, alpha=2)
    torch.addr(T(3, 4), T(3), T(4), beta=0.5, alpha=2)
    torch.baddbmm(T(2, 3, 2), T(2, 3, 4), T(2, 4, 2), beta=0.5, alpha=2)
    torch.addbmm(T(3, 2), T(2, 3, 4), T(2, 4, 2), beta=0.5, alpha=2)
    torch.chain_matmul(T(2, 3), T(3, 4))
    torch.cov(T(3, 4), correction=1)
    torch.var(T(3, 4), 1, True, True)
    torch.gradient(T(3, 4), spacing=2.0, dim=1)
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
    torch.pinverse(T(3, 4), 0.1)
    torch.triangular_solve(T(3, 2), S(3))
    torch.svd_lowrank(T(3, 4), 2, 1)
    torch.pca_lowrank(T(3, 4), 2)
    """.strip().splitlines(),
    # Windows over planes, padding, pictures.
    *"""
    F.max_pool1d(T(2, 8), 3, 2, 1, 1, True)
    F.max_pool2d(T(2, 6, 8), 3, 2, 1, 1, True)
    F.max_pool2d_with_indices(T(1, 2, 6, 8), 2)
    F.avg_pool2d(T(1, 2, 6, 8), 3, 2, 1, True, False, 2)
    F.lp_pool1d(T(1, 2, 8), 2.0, 3, 2)
    F.max_unpool1d(T(1, 2, 4), L(1, 2, 4), 2, 2, 0)
    F.max_unpool2d(T(1, 2, 3, 4), L(1, 2, 3, 4), 2, 2, 0, (6, 8))
    F.conv1d(T(1, 2, 8), T(4, 2, 3), T(4), 2, 1, 1, 1)
    F.conv2d(T(1, 2, 6, 8), T(4, 1, 3, 3), T(4), (2, 1), (1, 0), (1, 2), 2)
    F.conv_transpose1d(T(1, 4, 8), T(4, 2, 3), T(2), 2, 1, 1, 1, 1)
    F.conv_transpose2d(T(1, 4, 6, 8), T(4, 2, 3, 3), T(2), (2, 2), (1, 0), (1, 0), 1, (1, 2))
    F.fold(T(1, 8, 12), (4, 5), 2, 1, 0, 1)
    torch.constant_pad_nd(T(3, 4), (1, 2), 1.5)
    F.upsample(T(1, 2, 4, 6), scale_factor=2)
    F.local_response_norm(T(2, 4, 6), 3, 0.1, 0.75, 1.0)
    """.strip().splitlines(),
    # The rest of nn.functional.
    *"""
    F.adaptive_max_pool1d_with_indices(T(2, 8), 3)
    F.adaptive_max_pool2d_with_indices(T(1, 2, 6, 8), (3, 4))
    F.max_pool1d_with_indices(T(2, 8), 3, 2)
    F.upsample_nearest(T(1, 2, 4, 6), (3, 5))
    F.upsample_bilinear(T(1, 2, 4, 6), (3, 5))
    torch.feature_dropout(T(3, 4), 0.5, True)
    torch.clip(T(3, 4), -1, 1.5)
    torch.concatenate([T(2, 3), T(1, 3)], 0)
    torch.row_stack([T(2, 3), T(3)])
    torch.fill(T(3, 4), 2.5)
    torch.frobenius_norm(T(3, 4), (0, 1), True)
    torch.trapz(T(3, 4), T(4))
    torch.unsafe_split_with_sizes(T(6, 2), [1, 2, 3], 0)
    torch.vmap(torch.sin)(T(3, 4))
    torch.from_numpy(T(3, 4).numpy())
    torch.from_dlpack(T(3, 4))
    F.bilinear(T(3, 4), T(3, 2), T(5, 4, 2), T(5))
    F.group_norm(T(2, 4, 3), 2, T(4), T(4), 1e-5)
    F.instance_norm(T(2, 4, 3), None, None, T(4), T(4), True, 0.1, 1e-5)
    F.gumbel_softmax(T(3, 4), 1.0, False, dim=1)
    F.rrelu(T(3, 4), 0.1, 0.3, True)
    F.dropout(T(3, 4), 0.5, True)
    F.normalize(T(3, 4), 2.0, 1, 1e-12)
    F.cosine_similarity(T(3, 4), T(3, 4), 1, 1e-8)
    F.pairwise_distance(T(3, 4), T(3, 4), 2.0, 1e-6, True)
    F.pdist(T(3, 4), 2.0)
    F.cross_entropy(T(3, 4), L(3), T(4).abs(), reduction='mean', label_smoothing=0.1, ignore_index=-100)
    F.scaled_dot_product_attention(T(2, 3, 4), T(2, 5, 4), T(2, 5, 4), None, 0.0, True)
    F.scaled_dot_product_attention(T(1, 2, 40, 4), T(1, 2, 70, 4), T(1, 2, 70, 3), T(40, 70), 0.5, False, scale=0.3)
    F.multi_head_attention_forward(T(3, 2, 4), T(5, 2, 4), T(5, 2, 4), 4, 2, T(12, 4), None, None, None, True, 0.1, T(4, 4), None)
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
    torch.gru(T(4, 2, 3), T(1, 2, 4), (T(12, 3), T(12, 4), T(12), T(12)), True, 1, 0.0, True, False, False)
    torch.gru(T(4, 3), L(1), T(2, 2, 4), (T(12, 3), T(12, 4), T(12, 3), T(12, 4)), False, 1, 0.0, True, True)
    torch.rnn_tanh(T(4, 2, 3), T(2, 4, 4), (T(4, 3), T(4, 4), T(4, 4), T(4, 4)), False, 2, 0.5, True, False, True)
    torch.rnn_relu(T(4, 3), torch.tensor([3, 1]), T(1, 3, 4), (T(4, 3), T(4, 4)), False, 1, 0.0, True, False)
    torch.lstm(T(4, 2, 3), (T(1, 2, 2), T(1, 2, 4)), (T(16, 3), T(16, 2), T(2, 4)), False, 1, 0.0, True, False, False)
    torch.lstm_cell(T(2, 3), (T(2, 4), T(2, 4)), T(16, 3), T(16, 4), T(16), T(16))
    torch.nn.MultiheadAttention(4, 2, 0.1)(T(3, 2, 4), T(5, 2, 4), T(5, 2, 4), T(2, 5), True, T(3, 5))
    torch.nn.TransformerEncoderLayer(4, 2, 6)(T(3, 2, 4), T(3, 3), T(2, 3))
    torch.nn.Fold((4, 5), 2)(T(1, 8, 12))
    torch.nn.Unfold(3)(T(1, 2, 6, 8))
    torch.nn.CrossEntropyLoss(label_smoothing=0.1)(T(3, 4), L(3))
    torch.nn.LocalResponseNorm(2)(T(2, 4, 6))
    """.strip().splitlines(),
]
PLAIN = [line.strip() for line in PLAIN]


class _Drawn(ast.NodeTransformer):
    """Puts calls that make tensors in place of a sample's names: of places and masks those that the row has."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

    def visit_Name(self, node: ast.Name) -> ast.expr:
        given = self.sample.get(node.id)
        if given is None:
            return node
        shape = ", ".join(map(str, given.array.shape))
        text = f"torch.tensor({given.array.tolist()})" if given.fixed else f"T({shape})"
        return ast.parse(text, mode="eval").body


def _from_table() -> Iterator[str]:
    """Calls of the table's rows; not of decompositions, which want matrices that have them."""
    for row in (row for family, rows in FAMILIES.items() if family != "decompositions" for row in rows):
        tree = ast.parse(row.expression.strip(), mode="eval").body
        if isinstance(tree, (ast.Call, ast.Subscript)) and "lambda" not in row.expression:
            yield ast.unparse(_Drawn(samples(row)[0]).visit(tree))


PLAIN += dict.fromkeys(_from_table())
_CALLED = {word for line in PLAIN for word in line.replace("(", " ").replace(".", " ").split()}
for _function, _declared in DECLARED.items():  # what needs tensors alone and has no line of its own
    _needed = [p for p in inspect.signature(_function).parameters.values() if p.default is p.empty]
    if _needed and all(p.annotation == "Tensor" and p.name != "self" for p in _needed):
        _operands = ", ".join(["T(3, 4)"] * len(_needed))
        _names = [name for name in _declared.names if "." not in name and name.rstrip("_") not in _CALLED]
        PLAIN += [f"torch.{name}({_operands})" for name in _names]

RARE = [line.strip() for line in """
    torch._chunk_cat([T(3, 4), T(3, 4)], 0, 2)
    torch.native_batch_norm(T(5, 4), T(4), T(4), T(4), T(4).abs(), True, 0.1, 1e-5)
    torch._native_batch_norm_legit(T(5, 4), T(4), T(4), True, 0.1, 1e-5)
    torch.native_group_norm(T(2, 4, 3), T(4), T(4), 2, 4, 3, 2, 1e-5)
    torch._unsafe_masked_index(T(3, 4), M(2), [L(2), L(2)], 0.0)
    torch._unsafe_masked_index_put_accumulate(T(3, 4), M(2), [L(2), L(2)], T(2))
    torch.segment_reduce(T(4, 3), 'sum', lengths=torch.tensor([1, 3]))
    torch.quantize_per_tensor(T(3, 4), 0.1, 3, torch.quint8).int_repr()
    torch.quantize_per_tensor(T(3, 4), 0.1, 3, torch.quint8).reshape(4, 3).dequantize()
    torch.quantize_per_channel(T(3, 4), T(3).abs(), torch.tensor([0, 1, 2]), 0, torch.qint8).int_repr()
    torch.quantize_per_tensor_dynamic(T(3, 4), torch.quint8, False).dequantize()
    torch.dequantize(torch.quantize_per_tensor(T(3, 4), 0.1, 3, torch.qint8))
    torch.int_repr(torch.quantize_per_tensor(T(3, 4), 0.1, 3, torch.qint8))
    torch.q_scale(torch.quantize_per_tensor(T(3, 4), 0.1, 3, torch.qint8))
    torch.q_zero_point(torch.quantize_per_tensor(T(3, 4), 0.1, 3, torch.qint8))
    torch.q_per_channel_scales(torch.quantize_per_channel(T(3, 4), T(3).abs(), torch.tensor([0, 1, 2]), 0, torch.qint8))
    torch.q_per_channel_zero_points(torch.quantize_per_channel(T(3, 4), T(3).abs(), torch.tensor([0, 1, 2]), 0, torch.qint8))
    torch.q_per_channel_axis(torch.quantize_per_channel(T(3, 4), T(3).abs(), torch.tensor([0, 1, 2]), 0, torch.qint8))
    torch.fake_quantize_per_tensor_affine(T(3, 4), 0.1, 0, -8, 7)
    torch.fake_quantize_per_channel_affine(T(3, 4), T(3).abs(), torch.tensor([0, 1, 2], dtype=torch.int32), 0, -8, 7)
    torch.fused_moving_avg_obs_fake_quant(T(3, 4), L(1), L(1), T(1), T(1), T(1), L(1).int(), 0.01, 0, 255, 0)
    torch._empty_affine_quantized([2, 3], scale=0.1, zero_point=3, dtype=torch.quint8).shape
    torch._make_per_tensor_quantized_tensor(L(3, 4).to(torch.uint8), 0.1, 3).dequantize()
    torch._make_per_channel_quantized_tensor(L(3, 4).to(torch.int8), T(3).abs(), torch.tensor([0, 1, 2]), 0).dequantize()
    torch._pack_padded_sequence(T(4, 2, 3), torch.tensor([4, 2]), False)
    torch._pad_packed_sequence(T(6, 3), torch.tensor([2, 2, 1, 1]), False, 0.0, 4)
    torch._standard_gamma(T(3).abs() + 1).shape
    torch._standard_gamma_grad(T(3).abs() + 1, T(3).abs() + 1)
    torch._sample_dirichlet(T(2, 3).abs() + 1).shape
    torch._dirichlet_grad(T(2, 3).abs(), T(2, 3).abs() + 1, T(2, 3).abs() + 5)
    torch._grouped_mm(T(5, 3), T(2, 3, 4), offs=torch.tensor([2, 5], dtype=torch.int32))
    F.grouped_mm(T(5, 3), T(2, 3, 4), offs=torch.tensor([2, 5], dtype=torch.int32))
    torch._int_mm(L(3, 4).to(torch.int8), L(4, 5).to(torch.int8))
    torch.grid_sampler(T(1, 2, 5, 5), T(1, 3, 3, 2), 0, 0, False)
    torch.grid_sampler_2d(T(1, 2, 5, 5), T(1, 3, 3, 2), 0, 0, False)
    torch.grid_sampler_3d(T(1, 2, 5, 5, 5), T(1, 3, 3, 3, 3), 0, 0, False)
    torch.histogramdd(T(10, 2), [3, 3])
    torch.sparse_coo_tensor(torch.tensor([[0, 2], [1, 0]]), T(2), (3, 4)).to_dense()
    torch.sparse_compressed_tensor(L(3) * 0, L(0), T(0), (2, 2), layout=torch.sparse_csr).to_dense()
    torch.sparse_csr_tensor(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), T(2), (2, 2)).to_dense()
    torch.sparse_csc_tensor(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), T(2), (2, 2)).to_dense()
    torch.sparse_bsr_tensor(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), T(2, 1, 1), (2, 2)).to_dense()
    torch.sparse_bsc_tensor(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), T(2, 1, 1), (2, 2)).to_dense()
    F.max_unpool3d(T(1, 2, 2, 3, 4), L(1, 2, 2, 3, 4), 2, 2, 0, (4, 6, 8))
    F.fractional_max_pool2d(T(1, 2, 6, 8), 2, (3, 4), _random_samples=T(1, 2, 2).sigmoid())
    F.fractional_max_pool2d_with_indices(T(1, 2, 6, 8), 2, (3, 4), _random_samples=T(1, 2, 2).sigmoid())
    F.fractional_max_pool3d(T(1, 2, 4, 6, 8), 2, (2, 3, 4), _random_samples=T(1, 2, 3).sigmoid())
    F.fractional_max_pool3d_with_indices(T(1, 2, 4, 6, 8), 2, (2, 3, 4), _random_samples=T(1, 2, 3).sigmoid())
    F.adaptive_max_pool3d(T(1, 2, 4, 6, 8), (2, 3, 4))
    F.adaptive_max_pool3d_with_indices(T(1, 2, 4, 6, 8), (2, 3, 4))
    F.lp_pool3d(T(1, 2, 4, 6, 8), 2, 2)
    F.linear_cross_entropy(T(3, 4), T(5, 4), L(3))
    torch.alias_copy(T(3, 4))
    torch.as_strided_copy(T(3, 4), (2, 2), (1, 2))
    torch.detach_copy(T(3, 4))
    torch.diagonal_copy(T(3, 4))
    torch.expand_copy(T(3, 1), (3, 4))
    torch.permute_copy(T(3, 4), (1, 0))
    torch.select_copy(T(3, 4), 0, 1)
    torch.slice_copy(T(3, 4), 0, 1, 3)
    torch.split_copy(T(3, 4), 2)
    torch.split_with_sizes_copy(T(3, 4), (1, 2))
    torch.squeeze_copy(T(3, 1))
    torch.t_copy(T(3, 4))
    torch.transpose_copy(T(3, 4), 0, 1)
    torch.unbind_copy(T(3, 4))
    torch.unfold_copy(T(3, 4), 1, 2, 1)
    torch.unsqueeze_copy(T(3, 4), 0)
    torch.view_copy(T(3, 4), (4, 3))
    torch.view_as_real(torch.stft(T(64), 16, 4, return_complex=True))
    torch.istft(torch.stft(T(64), 16, 4, return_complex=True), 16, 4)
""".strip().splitlines()]
"""Plain calls that no awkward ones are made of."""
