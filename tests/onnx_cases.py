"""Expressions of tensors that are exported one by one: ``x`` is (2, 3, 4), others are in ``INPUTS``."""

from __future__ import annotations

from typing import Any

import torch


def inputs() -> dict[str, Any]:
    """The tensors that expressions name."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4)
    return {
        "x": x, "y": torch.randn(2, 3, 4), "z": torch.randn(4), "p": x.abs() + 0.1, "u": torch.rand(2, 3, 4) * 1.8 - 0.9,
        "m": torch.randn(4, 5), "s": torch.randn(3, 3), "i": torch.randint(-5, 9, (2, 3, 4)), "j": torch.randint(1, 5, (2, 3, 4)),
        "b": x > 0, "c": torch.randn(2, 3, 4) > 0.3, "k": torch.tensor([2, 0, 1]), "g": torch.randint(0, 3, (2, 3, 4)),
        "n": torch.tensor([[1.0, float("nan")], [float("inf"), -float("inf")]]), "v": torch.randn(2, 6), "w": torch.randn(4, 6),
        "i1": torch.randn(2, 4, 9), "i2": torch.randn(2, 4, 9, 11), "i3": torch.randn(1, 2, 5, 6, 7), "o": torch.tensor(1.5),
        "t": torch.tensor([1, 0]), "grid": torch.rand(2, 5, 6, 2) * 2.4 - 1.2, "theta": torch.randn(2, 2, 3),
        "a": torch.randn(2, 4, 5, 8), "kv": torch.randn(2, 2, 5, 8), "mask": torch.rand(5, 5) > 0.4,
        "d": torch.randn(2, 3, 4).double(),
        "h": torch.randn(2, 3, 4).half(), "odd": torch.randn(5), "words": torch.tensor([1, 2, 4, 5, 4, 3, 2, 9, 1]),
        "starts": torch.tensor([0, 2, 2, 5]), "table": torch.randn(10, 3),
    }  # fmt: skip


def expressions(text: str) -> list[str]:
    """What stands between semicolons."""
    return [" ".join(part.split()) for part in text.split(";")]


_UNARY = "exp sin cos tan sinh cosh tanh asinh atan sigmoid abs neg sign erf erfc expm1 exp2 square floor ceil trunc frac"
_UNARY += " sinc deg2rad rad2deg relu positive isnan isinf isfinite signbit"
_POSITIVE = "log log2 log10 log1p sqrt rsqrt reciprocal acosh"
_INSIDE = "asin acos atanh"
_ACTIVATIONS = "relu relu6 elu selu celu silu mish hardswish hardsigmoid hardtanh leaky_relu gelu softplus softsign tanhshrink"
_ACTIVATIONS += " logsigmoid softshrink hardshrink softmin rrelu"
_OF_INTEGERS = "exp sqrt sin abs neg sign square floor reciprocal sigmoid isnan"

ELEMENTWISE = [
    *[f"T.{name}(x)" for name in _UNARY.split()], *[f"T.{name}(p)" for name in _POSITIVE.split()],
    *[f"T.{name}(u)" for name in _INSIDE.split()], *[f"T.{name}(i)" for name in _OF_INTEGERS.split()],
    *[f"F.{name}(x{', -1' if name == 'softmin' else ''})" for name in _ACTIVATIONS.split()],
] + expressions(
    """
    T.logit(p / 3, 1e-3) ; T.round(x) ; T.round(x * 10, decimals=1) ; F.gelu(x, approximate='tanh') ; F.elu(x, 0.3) ;
    F.celu(x, 2.0) ; F.softplus(x * 10, 2, 5) ; F.threshold(x, 0.1, -3) ; F.leaky_relu(x, 0.3) ; F.hardtanh(x, -0.5, 0.7) ;
    F.prelu(x, z[:3]) ; F.prelu(x, o.view(1)) ; F.glu(x) ; F.glu(x, -1) ; F.softmax(x, 1) ; x.softmax(0, T.float64) ;
    i.softmax(1, dtype=T.float32) ; F.softmax(o, 0) ; T.clamp(x, -0.5, 0.5) ; x.clamp(min=0) ; x.clamp(max=y) ;
    x.clip(y, y + 1) ; i.clamp(0, 3) ; T.nan_to_num(n) ; T.nan_to_num(n, 1.0, 2.0, 3.0) ; x + y ; x - y ; x * y ; x / y ;
    x + z ; x + 1 ; 1 - x ; 2 / x ; x * 2.5 ; i + 1.5 ; i * x ; i + j ; i / j ; b + b ; b * c ; i + b ; x + o ; i + o ;
    d + x ; h + 1 ; h * h ; d * 2 ; T.add(x, y, alpha=2) ; T.sub(x, y, alpha=0.5) ; x // y ; i // j ; i // -3 ; i % j ;
    x % 0.7 ; i % -3 ; T.div(x, y, rounding_mode='trunc') ; T.div(i, j, rounding_mode='floor') ;
    T.div(i, j, rounding_mode='trunc') ; T.fmod(x, 0.7) ; T.fmod(i, 3) ; 7 // j ; 7 % j ; x ** 2 ; x ** 3 ; p ** 0.5 ;
    p ** x ; 2 ** x ; i ** 2 ; p ** -1.5 ; T.maximum(x, y) ; T.minimum(x, z) ; T.max(x, y) ; T.fmax(n, n.flip(0)) ;
    T.fmin(n, n.t()) ; T.atan2(x, y) ; T.hypot(x, y) ; T.copysign(x, y) ; T.xlogy(p, p) ; T.lerp(x, y, 0.3) ;
    T.lerp(x, y, p) ; T.addcmul(x, y, p, value=0.5) ; T.addcdiv(x, y, p, value=2) ; T.float_power(p, 2) ; T.ldexp(x, j) ;
    T.heaviside(x, y) ; x == y ; x != y ; x < y ; x <= z ; x > 0 ; x >= 0.1 ; i == 2 ; i > 1.5 ; b == c ; b != c ; b < c ;
    b & c ; b | c ; b ^ c ; ~b ; i & 3 ; i | j ; i ^ j ; ~i ; i << 2 ; i >> 1 ; T.logical_and(i, b) ; T.logical_or(x, b) ;
    T.logical_xor(b, c) ; T.logical_not(i) ; T.isclose(x, x + 1e-9) ; T.where(b, x, y) ; T.where(x > 0, x, 0.0) ;
    T.where(b, 1.0, x) ; T.where(b, i, x) ; x.masked_fill(b, -1.0) ; x.masked_fill(b, o) ; i.masked_fill(b, 3) ; x.float() ;
    x.double() ; x.long() ; i.float() ; b.int() ; x.bool() ; x.half() ; x.to(T.bfloat16).float() ; x.type_as(d) ;
    i.type(T.float32) ; x.to(d) ; (x > 0).float() * x ; -x ; abs(x) ; +x ; x.neg().abs_() ; T.sgn(x)
    """
)

REDUCTIONS = expressions(
    """
    x.sum() ; x.sum(1) ; x.sum((0, 2), keepdim=True) ; i.sum(1) ; b.sum() ; x.sum(1, dtype=T.float64) ; x.mean() ;
    x.mean(-1) ; x.mean((0, 1)) ; x.prod() ; x.prod(1) ; i.prod(0) ; x.amax(1) ; x.amin((0, 1), keepdim=True) ; x.max() ;
    x.min() ; x.max(1) ; x.min(2, keepdim=True) ; T.max(x, 0)[0] ; i.max(1) ; x.argmax() ; x.argmax(1) ;
    x.argmin(-1, keepdim=True) ; x.argmax(keepdim=True) ; b.any() ; b.any(1) ; x.any() ; b.all(2, keepdim=True) ; b.all() ;
    x.var() ; x.var(1) ; x.std(0) ; x.std() ; x.var((0, 1), unbiased=False) ; x.std(1, keepdim=True, correction=0) ;
    T.var_mean(x, 1) ; T.std_mean(x, 1, keepdim=True) ; T.var_mean(x, (0, 1), correction=0) ; T.logsumexp(x, 1) ;
    x.logsumexp((0, 2), True) ; x.norm() ; x.norm(dim=1) ; x.norm(1, 2) ; x.norm(3, 1, True) ;
    T.linalg.vector_norm(x, float('inf'), 1) ; T.linalg.norm(x, dim=1) ; T.linalg.vector_norm(x, 0) ; x.cumsum(1) ;
    i.cumsum(0) ; b.cumsum(-1) ; T.logcumsumexp(x, 1) ; T.nansum(n) ; T.count_nonzero(i) ; T.count_nonzero(b, 1) ;
    x.topk(2) ; x.topk(2, 1, largest=False) ; x.topk(3, sorted=True)[0] ; x.sort() ; x.sort(1, descending=True) ;
    i.sort(0)[0] ; x.argsort() ; T.argsort(x, 1, descending=True) ; T.msort(x) ; x.median() ; x.median(1) ;
    odd.median(0, True) ; x.kthvalue(2) ; T.aminmax(x) ; T.aminmax(x, dim=1, keepdim=True) ;
    T.searchsorted(odd.sort()[0], x) ; T.bucketize(x, T.tensor([-1.0, 0.0, 1.0])) ;
    T.bucketize(x, T.tensor([-1.0, 0.0, 1.0]), right=True) ; F.normalize(x, dim=-1) ; F.normalize(x, 1, 1) ;
    F.cosine_similarity(x, y, -1) ; F.pairwise_distance(v, w[:2]) ; T.cdist(v, w) ; T.cdist(v, w, p=1) ; o.sum() ; o.max() ;
    o.cumsum(0) ; o.max(0) ; o.argmax(0)
    """
)

SHAPES = expressions(
    """
    x.reshape(6, 4) ; x.view(2, -1) ; x.view(-1) ; x.flatten() ; x.flatten(1) ; x.flatten(0, 1) ; x.unflatten(-1, (2, 2)) ;
    x.unflatten(2, (-1, 2)) ; x.unsqueeze(0) ; x.unsqueeze(-1).squeeze(-1) ; x[:1].squeeze() ; x[:1].squeeze(0) ;
    x.squeeze(1) ; x.permute(2, 0, 1) ; x.transpose(0, -1) ; x.swapaxes(0, 1) ; m.t() ; m.T ; x.mT ; x.movedim(0, 2) ;
    T.movedim(x, (0, 1), (2, 0)) ; z.expand(3, 4) ; x[:, :1].expand(-1, 5, -1) ; z.expand_as(x) ; T.broadcast_to(z, (2, 4)) ;
    x.repeat(1, 2, 1) ; z.repeat(3, 2) ; x.tile((2,)) ; x.repeat_interleave(2, 1) ; z.repeat_interleave(3) ; T.cat([x, y]) ;
    T.cat([x, y, x], 1) ; T.cat([x, i], -1) ; T.stack([x, y]) ; T.stack([x, y], -1) ; T.hstack([x, y]) ; T.vstack([z, z]) ;
    T.dstack([m, m]) ; T.hstack([z, z]) ; T.column_stack([z, z]) ; x.split(2, 1) ; x.split([1, 3], -1) ; x.chunk(2, 2) ;
    x.chunk(3, -1) ; T.tensor_split(x, 3, 2) ; T.tensor_split(x, (1, 3), 2) ; x.unbind(1) ; x.unbind()[0] ;
    x.narrow(1, 1, 2) ; x.select(1, 2) ; x.flip(0) ; x.flip((1, 2)) ; T.fliplr(x) ; T.flipud(x) ; x.roll(1, 1) ;
    x.roll((1, -1), (0, 2)) ; x.roll(2) ; s.tril() ; s.triu(1) ; x.tril(-1) ; T.triu(i) ; T.tril(b) ; s.diagonal() ;
    x.diagonal(1, 1, 2) ; s.diag() ; z.diag() ; T.diag_embed(x) ; i2.permute(0, 2, 3, 1) ; F.pixel_shuffle(i2, 2) ;
    F.pixel_unshuffle(a, 1) ; F.pixel_unshuffle(a[..., :4, :], 2) ; F.channel_shuffle(i2, 2) ;
    T.meshgrid(z, odd, indexing='ij') ; T.meshgrid(z, odd, indexing='xy') ; T.broadcast_tensors(x, z) ; T.atleast_2d(z) ;
    T.atleast_3d(m) ; x.unfold(2, 3, 1) ; x.unfold(1, 2, 1) ; F.unfold(i2, 3, padding=1, stride=2) ;
    F.unfold(i2, (2, 3), dilation=2) ; F.fold(v[None].expand(2, 2, 6).reshape(2, 4, 3), (2, 4), (2, 2)) ; F.pad(x, (1, 2)) ;
    F.pad(x, (1, 2, 0, 1), value=3.0) ; F.pad(x, (-1, 1)) ; F.pad(x, (1, 2), 'reflect') ;
    F.pad(i2, (1, 2, 3, 0), 'replicate') ; F.pad(i1, (3, 2), 'circular') ; F.pad(b, (1, 1), value=True) ;
    T.zeros(2, 3) + x[0, 0, 0] ; T.ones_like(x) * x ; T.full_like(x, 3.0) + x ; T.full((2,), 7) + i[0, 0, :2] ;
    x.new_zeros(4) + x ; x.new_full((4,), 2.0) * x ; x.new_ones((2, 3, 4)) + x ; T.arange(4) + x ; T.arange(1, 9, 2) * z ;
    T.linspace(0, 1, 4) + z ; T.eye(4) + z ; T.zeros_like(i) + i ; x.new_tensor([1.0, 2.0, 3.0, 4.0]) + x ; x.clone() ;
    x.contiguous() + 0 ; x.detach() ; x.data * 2 ; T.ravel(x) ; x.reshape_as(y) ; T.concat([x, y], 2) ; [r * 2 for r in x] ;
    x.view_as(y)
    """
)

INDEXING = expressions(
    """
    x[0] ; x[-1] ; x[:, 1] ; x[:, 1:] ; x[..., :2] ; x[:, ::2] ; x[:, -2:] ; x[None] ; x[..., None] ; x[0, :, 1] ;
    x[1, 2, 3] ; x[:, k] ; x[:, T.tensor([0, 2])] ; x[t] ; x[:, k, :3] ; x[:, k, k] ; x[t, :, t] ; x[t[:, None], k] ;
    x[:, -k] ; x[b] ; x[x > 0.2] ; x[:, k > 0] ; x[t > 0] ; x[t > 0, :, k[:1]] ; x[:, [2, 0]] ; x.gather(1, g) ;
    x.gather(2, g[..., :2]) ; T.take_along_dim(x, g, 1) ; x.index_select(1, k) ; x.take(k) ; x.masked_select(b) ;
    x.nonzero() ; T.nonzero(i) ; T.argwhere(b) ; x.scatter(1, g, y) ; x.scatter(1, g[:, :1], 3.0) ;
    T.zeros(2, 3, 4).scatter_add(1, g, x) ; x.scatter_add(1, g, y) ; x.scatter_reduce(1, g, y, 'sum') ;
    x.scatter_reduce(1, g, y, 'amax') ; x.scatter_reduce(1, g, y, 'prod', include_self=False) ; x.index_add(1, k, y) ;
    x.index_add(1, k, y, alpha=2) ; x.index_copy(1, k, y) ; x.index_fill(1, k[:2], 7.0) ; T.index_put(x, (t, t), z) ;
    T.index_put(x, (t,), y, accumulate=True) ; F.one_hot(t, 3) ; F.one_hot(k) ; F.embedding(g, table) ;
    F.embedding(g, table, padding_idx=0) ; F.embedding_bag(words, table, starts) ;
    F.embedding_bag(words, table, starts, mode='sum') ; F.embedding_bag(words, table, starts, mode='max') ;
    F.embedding_bag(g[0], table) ; F.embedding_bag(g[0], table, mode='sum', padding_idx=1) ;
    F.embedding_bag(words, table, starts, mode='mean', padding_idx=4) ;
    F.embedding_bag(words, table, starts, mode='sum', include_last_offset=True) ;
    F.embedding_bag(words, table, starts, mode='sum', per_sample_weights=words.float()) ; T.isin(i, k) ; T.where(b)[0]
    """
)

PRODUCTS = expressions(
    """
    x @ m ; T.matmul(z, m) ; T.mm(m.t(), m) ; T.bmm(x, y.transpose(1, 2)) ; T.dot(z, z) ; T.mv(m.t(), z) ; T.outer(z, odd) ;
    T.addmm(z[:1], v, w.t()) ; T.addmm(z, v, w.t(), beta=0.5, alpha=2) ; T.baddbmm(x[:, :, :3], x, y.mT) ;
    T.einsum('bij,bkj->bik', x, y) ; T.einsum('...i,ij', x, m) ; T.einsum('ii->i', s) ; T.einsum('bij->b', x) ;
    T.einsum('bij,j->bi', x, z) ; T.tensordot(x, y.permute(1, 2, 0), dims=2) ; T.tensordot(x, y, dims=([0, 1], [0, 1])) ;
    T.cross(s, s.t(), dim=1) ; F.linear(x, w.t()[:, :4]) ; F.linear(v, w, z) ; F.linear(x[..., :3], s, k.float()) ;
    T.inner(z, z) ; F.bilinear(v, v, w.new_ones(3, 6, 6)) ; T.linalg.det(s) ; m.t().matmul(x[0].t()) ; T.ger(z, z) ;
    F.scaled_dot_product_attention(a, a, a) ; F.scaled_dot_product_attention(a, a, a, is_causal=True) ;
    F.scaled_dot_product_attention(a, a, a, mask) ; F.scaled_dot_product_attention(a, a, a, mask.float()) ;
    F.scaled_dot_product_attention(a, a, a, scale=0.2) ; F.scaled_dot_product_attention(a, kv, kv, enable_gqa=True)
    """
)

LAYERS = expressions(
    """
    F.conv1d(i1, i1[:, :, :3].reshape(2, 4, 3)) ; F.conv2d(i2, i2[:, :, :3, :3]) ;
    F.conv2d(i2, i2[:, :, :3, :2], t.float(), 2, (1, 0), 1) ; F.conv2d(i2, i2[:, :, :3, :3], padding='same', dilation=2) ;
    F.conv2d(i2, i2[:, :2, :3, :3].reshape(4, 1, 3, 3), groups=4) ; F.conv2d(i2[0], i2[:, :, :3, :3]) ;
    F.conv3d(i3, i3[:, :, :2, :2, :2]) ; F.conv_transpose1d(i1, i1[0, :, :6].reshape(4, 2, 3), stride=2) ;
    F.conv_transpose2d(i2, a[0, :, :2, :2][:, None], None, 2, 1, 1) ;
    F.conv_transpose2d(i2, i2[0, :, :3, :3][:, None], groups=4, dilation=2) ; F.batch_norm(i2, z, z.abs() + 1, z, z) ;
    F.batch_norm(i2, z, z.abs() + 1) ; F.batch_norm(i2, None, None, training=True) ; F.batch_norm(v, v[0], v[0].abs() + 1) ;
    F.instance_norm(i2) ; F.instance_norm(i2, weight=z, bias=z) ; F.layer_norm(x, (4,)) ;
    F.layer_norm(x, (3, 4), x[0], y[0]) ; F.layer_norm(x, (4,), z, None) ; F.group_norm(i2, 2) ;
    F.group_norm(i2, 2, z, z, 1e-3) ; F.rms_norm(x, (4,), z, 1e-5) ; F.rms_norm(x, (3, 4)) ; F.local_response_norm(i2, 3) ;
    F.dropout(x, 0.5, False) ; F.dropout2d(i2, 0.5, False) ; F.alpha_dropout(x, 0.5, False) ; F.max_pool1d(i1, 2) ;
    F.max_pool2d(i2, 3, 2, 1) ; F.max_pool2d(i2, 2, ceil_mode=True) ; F.max_pool2d(i2, (2, 3), dilation=2) ;
    F.max_pool2d(i2, 2, return_indices=True) ; F.max_pool2d(i2, 3, 2, 1, ceil_mode=True, return_indices=True) ;
    F.max_pool3d(i3, 2) ; F.max_pool2d(i2[0], 2) ; F.avg_pool1d(i1, 2) ; F.avg_pool2d(i2, 3, 2, 1) ;
    F.avg_pool2d(i2, 3, 2, 1, count_include_pad=False) ; F.avg_pool2d(i2, 2, ceil_mode=True) ;
    F.avg_pool2d(i2, 3, 2, 1, ceil_mode=True) ; F.avg_pool2d(i2, 2, divisor_override=3) ; F.avg_pool3d(i3, 2) ;
    F.adaptive_avg_pool1d(i1, 3) ; F.adaptive_avg_pool2d(i2, 1) ; F.adaptive_avg_pool2d(i2, (3, 11)) ;
    F.adaptive_avg_pool2d(i2, (4, 3)) ; F.adaptive_avg_pool2d(i2, (None, 2)) ; F.adaptive_avg_pool3d(i3, 2) ;
    F.adaptive_max_pool1d(i1, 3) ; F.adaptive_max_pool2d(i2, (3, 1)) ; F.adaptive_max_pool2d(i2, (4, 3)) ;
    F.adaptive_max_pool2d(i2, 1, return_indices=True) ; F.adaptive_max_pool2d(i2[0], (3, 11)) ; F.lp_pool2d(i2.abs(), 2, 3) ;
    F.lp_pool1d(i1, 2, 2) ; F.max_unpool2d(*F.max_pool2d(a[..., :4, :], 2, return_indices=True), 2) ;
    F.interpolate(i1, scale_factor=2) ; F.interpolate(i2, scale_factor=2) ; F.interpolate(i2, (5, 6)) ;
    F.interpolate(i2, scale_factor=1.7, mode='nearest-exact') ; F.interpolate(i2, (13, 7), mode='bilinear') ;
    F.interpolate(i2, scale_factor=2, mode='bilinear', align_corners=True) ;
    F.interpolate(i2, scale_factor=1.6, mode='bilinear', recompute_scale_factor=True) ;
    F.interpolate(i2, scale_factor=1.6, mode='bilinear') ; F.interpolate(i2, (12, 14), mode='bicubic') ;
    F.interpolate(i2, (5, 5), mode='bilinear', antialias=True) ; F.interpolate(i1, 5, mode='linear') ;
    F.interpolate(i3, scale_factor=2, mode='trilinear') ; F.interpolate(i3, (3, 3, 3)) ;
    F.interpolate(i2, (3, 4), mode='area') ; F.upsample(i2, scale_factor=2) ; F.grid_sample(i2, grid, align_corners=False) ;
    F.grid_sample(i2, grid, 'nearest', 'border', True) ;
    F.grid_sample(i2, grid, padding_mode='reflection', align_corners=True) ;
    F.affine_grid(theta, (2, 4, 5, 6), align_corners=False) ; F.affine_grid(theta, (2, 4, 5, 6), align_corners=True) ;
    F.cross_entropy(v, t) ; F.cross_entropy(v, t, reduction='none') ;
    F.cross_entropy(v, T.tensor([3, -100]), z.new_ones(6)) ; F.cross_entropy(v, v.softmax(1)) ; F.nll_loss(v, t) ;
    F.nll_loss(v, t, ignore_index=1, reduction='sum') ; F.mse_loss(x, y) ; F.mse_loss(x, y, reduction='none') ;
    F.l1_loss(x, y) ; F.smooth_l1_loss(x, y, beta=0.5) ; F.huber_loss(x, y, delta=0.7) ;
    F.binary_cross_entropy(p / (p + 1), c.float()) ; F.binary_cross_entropy_with_logits(x, c.float()) ;
    F.binary_cross_entropy_with_logits(x, c.float(), pos_weight=z.abs()) ; F.kl_div(x, y.softmax(-1)) ;
    F.kl_div(x, y, log_target=True, reduction='sum') ; F.triplet_margin_loss(v, w[:2], w[2:]) ; F.gaussian_nll_loss(x, y, p)
    """
)
