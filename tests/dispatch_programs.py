"""Programs whose operations beneath autograd are compared: {name: (shapes of the inputs, expression of a, b, c)}."""

from __future__ import annotations

_UNARY = (
    "exp log sqrt rsqrt sin cos tan tanh sigmoid abs erf "
    "log1p expm1 reciprocal sinh cosh asin atan log2 exp2 sign floor square"
)
_LAYERS = (
    "relu gelu silu elu leaky_relu softplus hardtanh hardswish "
    "hardsigmoid selu celu mish logsigmoid relu6 tanhshrink softsign"
)

Programs = dict[str, tuple[tuple[tuple[int, ...], ...], str]]


def _named(names: str, text: str, *shapes: tuple[int, ...]) -> Programs:
    return {name: (shapes, text.format(name)) for name in names.split()}


ELEMENTWISE: Programs = {
    **_named(_UNARY, "torch.{}(a)", (3,)), **_named(_LAYERS, "F.{}(a)", (3, 4)),
    **_named("hardshrink softshrink", "F.{}(a)", (3,)),
    "add": (((3, 4), (4,)), "a + b"), "add a number": (((3,),), "a + 2"), "from a number": (((3,),), "2 - a"),
    "sub": (((3, 1), (3, 4)), "a - b"), "mul": (((3, 4), (4,)), "a * b"), "scale": (((3,),), "a * 2.5"), "neg": (((3,),), "-a"),
    "div": (((3,), (3,)), "a / b"), "by a number": (((3,),), "a / 2"), "under a number": (((3,),), "2 / a"),
    "squared": (((3,),), "a ** 2"), "power": (((3,),), "a ** 3.5"), "of a number": (((3,),), "2 ** a"),
    "powers": (((3,), (3,)), "a ** b"), "gelu by tanh": (((3,),), "F.gelu(a, approximate='tanh')"),
    "glu": (((3, 4),), "F.glu(a)"),
    "prelu": (((3, 4), (1,)), "F.prelu(a, b)"), "where": (((3,), (3,)), "torch.where(a > 0, a, b)"),
    "masked_fill": (((3,),), "a.masked_fill(a > 0, -1.0)"), "clamp": (((3,),), "a.clamp(0, 1)"),
    "clamp below": (((3,),), "a.clamp(min=0)"), "clamp_min": (((3,),), "a.clamp_min(0)"),
    "maximum": (((3,), (3,)), "torch.maximum(a, b)"),
    "reused": (((3,),), "a * a + a"),
}  # fmt: skip

PRODUCTS: Programs = {
    "mm": (((3, 4), (4, 5)), "a @ b"), "bmm": (((2, 3, 4), (2, 4, 5)), "a @ b"), "mv": (((3, 4), (4,)), "a @ b"),
    "dot": (((4,), (4,)), "a @ b"), "vm": (((4,), (4, 3)), "a @ b"), "folded": (((2, 3, 4), (4, 5)), "a @ b"),
    "stacked": (((2, 3, 4, 5), (2, 3, 5, 4)), "a @ b"), "broadcast": (((2, 3, 4, 5), (3, 5, 4)), "a @ b"),
    "linear": (((3, 4), (5, 4), (5,)), "F.linear(a, b, c)"), "linear of three": (((2, 3, 4), (5, 4), (5,)), "F.linear(a, b, c)"),
    "linear without bias": (((3, 4), (5, 4)), "F.linear(a, b)"), "linear of one": (((4,), (5, 4), (5,)), "F.linear(a, b, c)"),
    "three without bias": (((2, 3, 4), (5, 4)), "F.linear(a, b)"), "addmm": (((5,), (3, 4), (4, 5)), "torch.addmm(a, b, c)"),
    "baddbmm": (((2, 3, 5), (2, 3, 4), (2, 4, 5)), "torch.baddbmm(a, b, c)"), "outer": (((3,), (4,)), "torch.outer(a, b)"),
}  # fmt: skip

REDUCTIONS: Programs = {
    "sum": (((3, 4),), "a.sum()"), "sum of rows": (((3, 4),), "a.sum(1)"), "kept": (((3, 4),), "a.sum(1, keepdim=True)"),
    "mean": (((3, 4),), "a.mean()"), "mean of axes": (((3, 4),), "a.mean((0, 1))"), "max": (((3, 4),), "a.max()"),
    "max of rows": (((3, 4),), "a.max(1)[0]"), "amax": (((3, 4),), "a.amax(1)"), "argmax": (((3, 4),), "a.argmax(1)"),
    "var": (((3, 4),), "a.var(1)"), "std": (((3, 4),), "a.std()"), "norm": (((3, 4),), "a.norm()"),
    "norms": (((3, 4),), "a.norm(dim=1)"),
    "logsumexp": (((3, 4),), "a.logsumexp(1)"), "cumsum": (((3,),), "a.cumsum(0)"), "topk": (((4,),), "a.topk(2)[0]"),
    "sort": (((4,),), "a.sort()[0]"), "softmax": (((3, 4),), "a.softmax(-1)"), "log_softmax": (((3, 4),), "F.log_softmax(a, 1)"),
    "normalize": (((3, 4),), "F.normalize(a)"),
}  # fmt: skip

VIEWS: Programs = {
    "view": (((3, 4),), "a.view(12)"), "reshape": (((3, 4),), "a.reshape(4, 3)"), "copied": (((3, 4),), "a.t().reshape(12)"),
    "t": (((3, 4),), "a.t()"), "T": (((3, 4),), "a.T"), "mT": (((3, 4),), "a.mT"), "transpose": (((3, 4),), "a.transpose(0, 1)"),
    "permute": (((2, 3, 4),), "a.permute(1, 2, 0)"), "unsqueeze": (((3,),), "a.unsqueeze(1)"),
    "squeeze": (((3, 1),), "a.squeeze(1)"),
    "squeeze all": (((3, 1),), "a.squeeze()"), "expand": (((3, 1),), "a.expand(3, 4)"), "flatten": (((2, 3, 4),), "a.flatten(1)"),
    "contiguous": (((3, 4),), "a.t().contiguous()"), "unflatten": (((6, 2),), "a.unflatten(0, (2, 3))"),
    "movedim": (((2, 3),), "a.movedim(0, 1)"), "narrow": (((3, 4),), "a.narrow(0, 1, 1)"),
    "repeat": (((3, 4),), "a.repeat(2, 1)"),
    "detach": (((3,),), "a.detach() * 1"), "clone": (((3,),), "a.clone()"), "flip": (((3,),), "a.flip(0)"),
    "roll": (((3,),), "a.roll(1, 0)"),
    "tril": (((3, 3),), "a.tril()"), "diagonal": (((3, 3),), "a.diagonal()"), "chunk": (((4, 3),), "a.chunk(2, 0)[0]"),
    "split": (((4, 3),), "a.split(2)[0]"), "split by sizes": (((4, 3),), "a.split([1, 3])[1]"),
    "cat": (((3,), (4,)), "torch.cat([a, b])"),
    "stack": (((3,), (3,)), "torch.stack([a, b], 1)"), "slice": (((3, 4),), "a[1:]"), "select": (((3, 4),), "a[1]"),
    "columns": (((3, 4),), "a[:, 1:3]"), "last": (((3, 4),), "a[..., 0]"), "new axis": (((3,),), "a[:, None]"),
    "index": (((3, 4),), "a[torch.tensor([0, 2])]"), "mask": (((3, 4),), "a[a > 0]"),
    "gather": (((3, 4),), "a.gather(1, torch.zeros(3, 1, dtype=torch.int64))"),
    "index_select": (((3, 4),), "a.index_select(0, torch.tensor([1, 0]))"),
    "scatter_add": (((3,), (3,)), "a.scatter_add(0, torch.tensor([0, 0, 1]), b)"),
    "index_add": (((3,), (3,)), "a.index_add(0, torch.tensor([0, 0, 1]), b)"),
    "casts": (((3,),), "[a.float(), a.to(torch.int64), a.to('cpu'), a.half(), a.type_as(a), a.double()][-1]"),
}  # fmt: skip

LAYERS: Programs = {
    "cross_entropy": (((3, 4),), "F.cross_entropy(a, torch.tensor([1, 0, 3]))"),
    "smoothed": (((3, 4),), "F.cross_entropy(a, torch.tensor([1, 0, 3]), label_smoothing=0.1)"),
    "nll": (((3, 4),), "F.nll_loss(a, torch.tensor([1, 0, 3]))"), "mse": (((3,), (3,)), "F.mse_loss(a, b)"),
    "l1": (((3,), (3,)), "F.l1_loss(a, b)"), "smooth_l1": (((3,), (3,)), "F.smooth_l1_loss(a, b)"),
    "huber": (((3,), (3,)), "F.huber_loss(a, b)"), "bce": (((3,),), "F.binary_cross_entropy(a.sigmoid(), torch.ones(3))"),
    "logits": (((3,),), "F.binary_cross_entropy_with_logits(a, torch.ones(3))"),
    "kl_div": (((3,),), "F.kl_div(a, torch.ones(3))"),
    "conv2d": (((2, 3, 5, 5), (4, 3, 3, 3), (4,)), "F.conv2d(a, b, c)"),
    "conv1d": (((2, 3, 5), (4, 3, 3), (4,)), "F.conv1d(a, b, c)"),
    "padded": (((2, 3, 5, 5), (4, 3, 3, 3)), "F.conv2d(a, b, padding=1)"),
    "same": (((2, 3, 5, 5), (4, 3, 3, 3)), "F.conv2d(a, b, padding='same')"),
    "transposed": (((2, 3, 5, 5), (3, 4, 3, 3), (4,)), "F.conv_transpose2d(a, b, c)"),
    "batch_norm": (((4, 3), (3,), (3,)), "F.batch_norm(a, None, None, b, c, True)"),
    "running": (((2, 3, 4, 4), (3,), (3,)), "F.batch_norm(a, torch.zeros(3), torch.ones(3), b, c, True)"),
    "evaluated": (((4, 3), (3,), (3,)), "F.batch_norm(a, torch.zeros(3), torch.ones(3), b, c)"),
    "layer_norm": (((3, 4), (4,), (4,)), "F.layer_norm(a, (4,), b, c)"), "rms_norm": (((3, 4), (4,)), "F.rms_norm(a, (4,), b)"),
    "instance_norm": (((2, 3, 4),), "F.instance_norm(a)"), "max_pool2d": (((1, 2, 4, 4),), "F.max_pool2d(a, 2)"),
    "max_pool1d": (((1, 2, 4),), "F.max_pool1d(a, 2)"), "avg_pool2d": (((1, 2, 4, 4),), "F.avg_pool2d(a, 2)"),
    "adaptive": (((1, 2, 5, 5),), "F.adaptive_avg_pool2d(a, 2)"), "global": (((1, 2, 5, 5),), "F.adaptive_avg_pool2d(a, 1)"),
    "adaptive max": (((1, 2, 5, 5),), "F.adaptive_max_pool2d(a, 2)"),
    "embedding": (((3, 4),), "F.embedding(torch.tensor([1, 0]), a)"),
    "nearest": (((1, 1, 2, 2),), "F.interpolate(a, scale_factor=2)"), "pad": (((3,),), "F.pad(a, (1, 1))"),
    "bilinear": (((1, 1, 2, 2),), "F.interpolate(a, scale_factor=2, mode='bilinear')"),
    "reflect": (((1, 3),), "F.pad(a, (1, 1), mode='reflect')"), "no dropout": (((3,),), "F.dropout(a, 0.5, False)"),
    "attention": (((1, 2, 3, 4),) * 3, "F.scaled_dot_product_attention(a, b, c)"),
    "causal": (((1, 2, 3, 4),) * 3, "F.scaled_dot_product_attention(a, b, c, is_causal=True)"),
    "chain": (((3, 4), (4, 5)), "(a @ b).relu().sum(0).log_softmax(0)"),
}  # fmt: skip

FURTHER: Programs = {
    "masked": (((1, 2, 3, 4),) * 3, "F.scaled_dot_product_attention(a, b, c, torch.ones(3, 3, dtype=torch.bool).tril())"),
    "scores": (((1, 2, 3, 4),) * 3, "F.scaled_dot_product_attention(a, b, c, torch.zeros(3, 3), scale=0.3)"),
    "unbatched": (((2, 3, 4),) * 3, "F.scaled_dot_product_attention(a, b, c)"),
    "wide values": (((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 5)), "F.scaled_dot_product_attention(a, b, c, is_causal=True)"),
    "matrix and stack": (((3, 4), (2, 4, 5)), "a @ b"), "vector and stack": (((4,), (2, 4, 5)), "a @ b"),
    "stack and vector": (((2, 3, 4), (4,)), "a @ b"), "turned": (((3, 2, 4), (5, 4), (5,)), "F.linear(a.transpose(0, 1), b, c)"),
    "tensordot": (((2, 3), (3, 4)), "torch.tensordot(a, b, 1)"), "one picture": (((2, 4, 4), (3, 2, 2, 2)), "F.conv2d(a, b)"),
    "conv3d": (((1, 1, 3, 3, 3), (2, 1, 2, 2, 2)), "F.conv3d(a, b)"),
    "even": (((1, 1, 5), (1, 1, 2)), "F.conv1d(a, b, padding='same')"),
    "pixels": (((1, 3, 1, 2),), "F.cross_entropy(a, torch.tensor([[[0, 1]]]))"),
    "places": (((1, 3, 2),), "F.cross_entropy(a, torch.tensor([[0, 1]]), reduction='none')"),
    "weighted": (((2, 3),), "F.cross_entropy(a, torch.tensor([0, 1]), weight=torch.tensor([1.0, 2.0, 3.0]), ignore_index=1)"),
    "probabilities": (((2, 3),), "F.cross_entropy(a, torch.full((2, 3), 1 / 3))"), "norm of ones": (((4,),), "a.norm(1)"),
    "lerp": (((3,), (3,)), "torch.lerp(a, b, 0.3)"), "addcmul": (((3,), (3,), (3,)), "torch.addcmul(a, b, c, value=2)"),
    "meshgrid": (((3,),), "torch.meshgrid(a, a, indexing='ij')[0]"), "atleast": (((3,),), "torch.atleast_2d(a)"),
    "hstack": (((3,),), "torch.hstack([a, a])"), "vstack": (((3,),), "torch.vstack([a, a])"), "tile": (((3,),), "a.tile(2)"),
    "unfold": (((1, 1, 3, 3),), "F.unfold(a, 2)"), "shuffled": (((1, 4, 2, 2),), "F.pixel_shuffle(a, 2)"),
    "diff": (((4,),), "a.diff()"),
    "scatter": (((3,), (2,)), "a.scatter(0, torch.tensor([0, 2]), b)"), "median": (((3,),), "a.median(0)[0]"),
    "index_put": (((3,), (2,)), "a.index_put((torch.tensor([0, 1]),), b)"), "bounds": (((3,), (3,)), "a.clamp(min=b)"),
    "in doubles": (((3,),), "a.softmax(0, dtype=torch.float64)"), "halves": (((3,),), "(a.half() * 2).float()"),
}  # fmt: skip

#: What is one operation here, or whose gradient is not told: the numbers are PyTorch's all the same.
UNTOLD: Programs = {
    "einsum": (((2, 3, 4), (2, 5, 4)), "torch.einsum('bij,bkj->bik', a, b)"), "trace": (((3, 3),), "a.trace()"),
    "einsum of one": (((3, 3),), "torch.einsum('ii->i', a)"), "kron": (((2,), (2,)), "torch.kron(a, b)"),
    "shared heads": (((1, 4, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4)), "F.scaled_dot_product_attention(a, b, c, enable_gqa=True)"),
    "cdist": (((3, 2), (4, 2)), "torch.cdist(a, b)"), "inverse": (((3, 3),), "torch.linalg.inv(a + 2 * torch.eye(3))"),
    "linear": (((1, 1, 2),), "F.interpolate(a, size=4, mode='linear')"), "prod": (((3,),), "a.prod()"),
    "repeated": (((3,),), "a.repeat_interleave(2)"), "logcumsumexp": (((3,),), "a.logcumsumexp(0)"),
    "bags": (((4, 3),), "F.embedding_bag(torch.tensor([0, 1, 2]), a, torch.tensor([0, 1]))"), "cosine": (((3, 4),) * 2,
    "F.cosine_similarity(a, b)"), "cross": (((3,), (3,)), "torch.linalg.cross(a, b)"), "as_strided": (((3,),),
    "a.as_strided((2, 2), (1, 1))"), "max_pool3d": (((1, 1, 2, 2, 2),), "F.max_pool3d(a, 2)"),
    "powers of norms": (((4,),), "a.norm(3)"),
    "unbind": (((3, 4),), "a.unbind(0)[1]"), "fourier": (((4,),), "torch.fft.rfft(a).abs()"),
    "group_norm": (((2, 4, 3), (4,), (4,)),
    "F.group_norm(a, 2, b, c)"), "hypot": (((3,), (3,)), "torch.hypot(a, b + 1)"),
    "atan2": (((3,), (3,)), "torch.atan2(a, b + 1)"),
    "written": (((3, 2), (1, 2)), "[y := a * 1, y.__setitem__(slice(1, 2), b), y[0].mul_(2), y][3]"),
    "addcdiv": (((3,), (3,), (3,)), "torch.addcdiv(a, b, c + 3)"), "highest": (((4,),), "a.norm(float('inf'))"),
}  # fmt: skip

WITHOUT_GRADIENT: Programs = {
    "numbers": (((3,),), "[a.sum().item(), float(a[0]), bool(a[0] > 0), int(a[1])][0]"),
    "comparisons": (((3,),),
                   "[a > 0, a == a, a <= 1, (a > 0) & (a < 1), ~(a > 0), (a > 0).any(), a.isnan(), a != 2, a // 2][-1]"),
    "in place": (((3,),), "[a.add_(1), a.mul_(2), a.sub_(a), a.div_(2)][-1]"),
    "factories": ((), "[torch.zeros(3), torch.full((2,), 3.0), torch.arange(4), torch.arange(1, 4), torch.arange(0, 4, 2),"
                      " torch.eye(3),"
                      " torch.empty(2).fill_(0), torch.linspace(0, 1, 5), torch.tensor([1.0]), torch.tensor(3.0), torch.rand(3),"
                      " torch.zeros_like(torch.ones(2)), torch.ones(2).new_zeros(3), torch.randn(3), torch.randint(0, 4, (3,)),"
                      " torch.randperm(4), torch.full_like(torch.ones(2), 3.0), torch.scalar_tensor(2.0)][0]"),
    "written to": ((), "torch.add(torch.ones(2), 1, out=torch.zeros(2))"),
}  # fmt: skip
