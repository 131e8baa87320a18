"""The table's lines for reductions, views, indexing, sorting and the like, for making tensors and writing to them."""

from __future__ import annotations

import numpy as np

from .samples import ANY, BITS, NUMBERS, SPECIAL, Row, between, distinct, layouts, of, one, several, ties, two

_REDUCED = several(layouts(), of((130, 3)), of((3, 130)), of((300, 400)))
REDUCTIONS = [
    Row("x.sum()", _REDUCED, "fdh" + BITS, slack="linear"),
    *(Row(f"x.sum({dim})", of((3, 4, 5), (1,)), "fdhbl", slack="linear") for dim in (0, 1, -1, (0, 2), (0, 1))),
    Row("x.sum(1, keepdim=True)", of((300, 400)), "fd", slack="linear"),
    Row("x.sum(0)", of((300, 400)), "fd", slack="linear"),
    Row("x.sum(0, dtype=torch.float64)", of((30, 4)), "fl", 1, slack="linear"),
    Row("x.mean()", of((30, 40), layout="transposed"), "fdhb", slack="linear"),
    Row("x.mean(1)", of((3, 4, 5)), "fdhb", slack="linear"),
    Row("x.mean((0, 2), keepdim=True)", of((3, 4, 5)), "fd", slack="linear"),
    Row("x.prod()", one(between(0.5, 1.5)), "fdl", slack=4),
    Row("x.prod(1)", of((3, 4, 5)), "fdl", slack=4),
    Row("x.prod(1, keepdim=True)", of((3, 4), numbers=ties), "fdl"),
    *(Row(f"x.{name}()", several(of((30, 40)), of((5,)), of(())), NUMBERS, 1) for name in ("max", "min")),
    *(Row(f"x.{name}(1)", of((3, 4, 5), numbers=distinct), NUMBERS, 1) for name in ("max", "min")),
    *(Row(f"x.{name}(0, keepdim=True)", of((300, 4), numbers=distinct), "fdl", 1) for name in ("max", "min")),
    *(Row(f"x.{name}((0, 2))", of((3, 4, 5), numbers=ties), "fdhl", 1) for name in ("amax", "amin")),
    Row("x.aminmax(dim=1)", of((3, 4)), "fl", 1),
    *(Row(f"x.{name}(1)", of((3, 400, 2), numbers=ties), ANY[:-1], 0) for name in ("argmax", "argmin")),
    *(Row(f"x.{name}()", of((3, 400)), "fdl", 0) for name in ("argmax", "argmin")),
    *(Row(f"x.{name}(0, keepdim=True)", of((30, 4)), "fdl", 0) for name in ("argmax", "argmin")),
    *(Row(f"x.{name}()", several(of((3, 4), numbers=ties), of((0, 3)), of(())), ANY, 0) for name in ("all", "any")),
    *(Row(f"x.{name}(1)", of((3, 40), numbers=ties), ANY, 0) for name in ("all", "any")),
    Row("x.count_nonzero(1)", of((3, 40), numbers=ties), "fdlo", 0),
    *(
        Row(f"x.{name}({arguments})", of((3, 4, 5)), "fd", 2, slack=4)
        for name in ("var", "std")
        for arguments in ("", "1", "(0, 2)", "1, unbiased=False", "0, keepdim=True", "1, correction=0")
    ),
    *(Row(f"torch.{name}_mean(x, 1)", of((3, 40), special="PyTorch's mean beside a variance is NaN where "
          "there are infinities; here it is that of torch.mean"), "fd", 1, slack=4) for name in ("var", "std")),
    Row("x.logsumexp(1)", of((3, 40)), "fd", slack=4),
    Row("x.logsumexp((0, 1), keepdim=True)", of((3, 4)), "fd", slack=4),
    *(Row(f"x.norm({p})", of((3, 40)), "fd", slack=4) for p in ("", "1", "2", "3", "float('inf')", "2, 1", "1, 0, True")),
    Row("torch.dist(x, y)", two(), "fd", 1, slack=4),
    Row("torch.nansum(x)", one(), "fd", 1, slack="linear"),
    Row("torch.nansum(x, 1)", of((3, 4)), "fd", 1, slack="linear"),
    Row("torch.nanmean(x, 1)", of((3, 4)), "fd", 1, slack="linear"),
    Row("x.sum(1)", of((3, 0)), "fl", 1),
    Row("x.prod(1)", of((3, 0)), "fl", 1),
    Row("x.mean()", of((0,)), "f", 0),
    Row("torch.cov(x)", of((3, 9)), "fd", 1, slack=8),
    Row("torch.corrcoef(x)", of((3, 9)), "fd", 1, slack=8),
]

VIEWS = [
    *(
        Row(expression, layouts(), "fl")
        for expression in (
            "x.reshape(-1)", "x.reshape(x.shape)", "x.flatten()", "x.unsqueeze(0)", "x.unsqueeze(-1)", "x.squeeze()",
            "x.contiguous()", "x.clone()", "x.detach() * 1", "x.view_as(x)", "x.T if x.ndim < 3 else x.mT", "x.ravel()",
            "x.expand(2, *x.shape)", "torch.atleast_2d(x)", "torch.broadcast_to(x, (2, *x.shape))",
        )
    ),
    *(
        Row(expression, of((3, 4, 5)), "fl", 2)
        for expression in (
            "x.view(12, 5)", "x.view(-1, 10)", "x.reshape(5, 12)", "x.permute(2, 0, 1)", "x.permute(2, 0, 1).reshape(-1)",
            "x.transpose(0, 2)", "x.swapaxes(0, 1)", "x.movedim(0, 2)", "x.movedim((0, 1), (2, 0))", "x.flatten(1)",
            "x.flatten(0, 1)", "x.unflatten(1, (2, 2))", "x.narrow(1, 1, 2)", "x.select(1, 2)", "x.unbind(1)[2]",
            "x.split(2, 1)[1]", "x.split([1, 3], 1)[1]", "x.chunk(2, 2)[0]", "x.chunk(3, 1)[1]", "x.tensor_split(3, 2)[1]",
            "x.tensor_split((1, 3), 1)[1]", "x.diagonal()", "x.diagonal(1, 1, 2)", "x.diagonal(-1, 0, 2)",
            "x.unfold(1, 2, 1)", "x.unfold(2, 3, 2)", "x.squeeze(1)", "x[:, :1].squeeze(1)", "x[:, :1].expand(3, 4, 5)",
            "x.as_strided((2, 3), (20, 5), 1)", "torch.t(x[0])", "x.T.sum()", "x[0].T.contiguous()", "x.mT",
            "torch.hsplit(x, 2)[1]", "torch.vsplit(x, 3)[1]", "torch.dsplit(x, 5)[1]", "x.swapdims(1, 2)", "x.adjoint()",
            "x.sum_to_size(4, 1)", "x.narrow_copy(0, 1, 2)",
        )
    ),
    Row("x.view(torch.int32)", of((3, 4)), "f", 0),
    Row("x.view(torch.uint8)", of((3, 4)), "fl", 0),
    Row("torch.broadcast_tensors(x, y)[0] * 2", of((3, 1), (4,)), "fl"),
    Row("x.slice_scatter(y, 1, 0, 4, 2)", of((3, 4), (3, 2)), "fl", 1),
    Row("x.select_scatter(y, 1, 2)", of((3, 4), (3,)), "fl", 1),
    Row("x.diagonal_scatter(y, 1)", of((3, 4), (3,)), "fl", 1),
]

_INDEX = np.array([[2, 0], [1, -1]])
INDEXING = [
    *(
        Row(expression, of((3, 4, 5), i=_INDEX, v=np.array([1, 0, 2]), m=np.arange(12).reshape(3, 4) % 3 == 0), "fl", 2)
        for expression in (
            "x[1]", "x[-1, 2]", "x[1, 2, 3]", "x[1:]", "x[:, ::2]", "x[..., 1]", "x[None, 1]", "x[:, None, 1:3]", "x[...]",
            "x[i]", "x[:, i]", "x[i, i]", "x[i, :, i]", "x[v, 1]", "x[v, :, 1:3]", "x[:, v, 2]", "x[m]", "x[m, 1]",
            "x[:, m[0]]", "x[[0, 2]]", "x[[0, 2], [1, 1]]", "x[v.tolist()]", "x[range(2)]", "x[torch.tensor(1)]",
            "x[m.nonzero(as_tuple=True)]", "x[1:0]", "x[True]", "x[m & ~m]", "x[:, v][:, 0]", "x[i.to(torch.int32)]",
            "x.index_select(1, v)", "x.index_select(0, v)", "x.take(i)", "x.masked_select(m[..., None])", "torch.argwhere(m)",
            "x.gather(1, v.reshape(3, 1, 1))", "x.gather(2, i[:1].abs().expand(3, 2).unsqueeze(-1) % 5)",
            "x.take_along_dim(v.reshape(3, 1, 1), 1)", "m.nonzero()", "x.index_add(0, v, x)", "x.index_add(0, v, x, alpha=2)",
            "x.index_copy(0, v, x * 2)", "x.index_fill(1, v, 3)", "x.index_put((v, v), x[0, :3])",
            "x.index_put((v,), x, accumulate=True)", "x.scatter(1, v.reshape(3, 1, 1), x)", "x.scatter(0, i[None].abs(), 1.0)",
            "x.scatter_add(1, v.reshape(3, 1, 1), x)", "x.masked_scatter(m[..., None], x * 2)",
            "x.put(i, x.flatten()[:4].reshape(2, 2))",
        )
    ),
    *(
        Row(
            f"x.scatter_reduce(1, v.reshape(3, 1, 1).expand(3, 4, 5), x * 2, '{mode}')",
            of((3, 4, 5), v=np.array([1, 0, 2])), "f", 0,
        )  # fmt: skip
        for mode in ("sum", "prod", "mean", "amax", "amin")
    ),
    Row("x.scatter_reduce(0, v, x * 2, 'amax', include_self=False)", of((3,), v=np.array([1, 1, 2])), "fl", 0),
    *(
        Row(f"(lambda c: [c.__setitem__({index}, {value}), c][1])(x.clone())", of((3, 4), (4,), i=np.array([2, 0])), "fl", 1)
        for index, value in (
            ("0", "1"), ("(slice(None), 1)", "2"), ("i", "y"), ("(0, i)", "y[:2]"), ("x > 0", "7"), ("x > 0", "y.sum()"),
            ("...", "y"), ("(slice(None, None, 2), slice(1, 3))", "y[1:3]"), ("(i, i)", "y[0]"), ("1", "x[0]"),
        )
    ),
    *(
        Row(f"x.index_reduce(0, v, x * 2, '{mode}')", of((3, 4), v=np.array([1, 0, 1])), "fd", 0)
        for mode in ("prod", "mean", "amax", "amin")
    ),
    Row("torch.nonzero_static(x, size=5)", of((4,), numbers=ties), "fl", 0),
    Row("torch.nonzero_static(x, size=2, fill_value=7)", of((2, 3)), "fl", 0),
    Row("torch.nn.functional.one_hot(i, 4)", of(i=np.array([2, 0, 3])), "f", 0),
]

JOINING = [
    *(
        Row(expression, of((3, 4), (3, 4)), "fdhlo", 2)
        for expression in (
            "torch.cat([x, y])", "torch.cat((x, y, x), 1)", "torch.cat([x, x[:0]], 0)", "torch.cat([x.T, y.T], -1)",
            "torch.stack([x, y])", "torch.stack([x, y], 1)", "torch.stack([x.T, y.T], -1)", "torch.hstack([x, y])",
            "torch.vstack([x, y[0]])", "torch.dstack([x, y])", "torch.column_stack([x, y[:, 0]])", "torch.block_diag(x, y[0])",
            "x.repeat(2, 1)", "x.repeat(2, 1, 3)", "x.T.repeat(1, 2)", "x.tile(2)", "x.tile((2, 1, 1))",
            "x.repeat_interleave(2)",
            "x.repeat_interleave(3, 1)", "x.repeat_interleave(torch.tensor([1, 0, 2]), 0)", "torch.cartesian_prod(x[0], y[0])",
            "torch.combinations(x[0])", "torch.combinations(x[0], 3, True)", "torch.meshgrid(x[0], y[:, 0], indexing='ij')[1]",
            "torch.meshgrid(x[0], y[:, 0], indexing='xy')[0]", "torch.cat([x, torch.zeros(0).to(x.dtype)])",
        )
    ),
    *(Row(f"x.flip({dims})", layouts(), "fl") for dims in ("-1 if x.ndim else ()", "tuple(range(x.ndim))")),
    Row("x.flip((0, 2))", of((3, 4, 5), layout="transposed"), "fdhlo"),
    Row("x.fliplr()", of((3, 4)), "fl"),
    Row("x.flipud()", of((3, 4)), "fl"),
    *(Row(f"torch.rot90(x, {k})", of((3, 4)), "fl") for k in range(-1, 4)),
    *(
        Row(f"x.roll({arguments})", of((3, 4), layout="strided"), "fl")
        for arguments in ("1", "-2, 1", "(1, -1), (0, 1)", "5, 0", "0, 1", "(1, 2), (1, 1)")
    ),
    Row("x.roll(1)", of((0, 3)), "f", 1),
    *(
        Row(f"x.{name}({k})", several(of((4, 3)), of((2, 3, 5), layout="strided")), "fdhlo", 2)
        for name in ("tril", "triu")
        for k in ("", "1", "-2")
    ),
    *(Row(f"torch.{name}(x{k})", of((4,)), "fl") for name in ("diag", "diagflat", "diag_embed") for k in ("", ", 1", ", -2")),
    *(Row(f"torch.diag(x{k})", of((4, 3)), "fl") for k in ("", ", 1", ", -1")),
    Row("torch.diag_embed(x, 1, 0, 2)", of((2, 3, 4)), "fl"),
    Row("torch.trace(x)", of((4, 3)), "fdl"),
    Row("torch.tril_indices(3, 4, 1)", of(()), "f", 0),
    Row("torch.triu_indices(3, 4, -1)", of(()), "f", 0),
    *(
        Row(f"torch.nn.functional.pad(x, {arguments})", of((2, 3, 4), layout="strided"), "fdhl")
        for arguments in (
            "(1, 2)", "(1, 2, 0, 1), value=3", "(-1, 2)", "(0, -2, -1, 1)", "(1, 1, 1, 1, 1, 1), 'constant', 2",
        )
    ),
    *(
        Row(f"torch.nn.functional.pad(x, {arguments})", of((2, 3, 4, 5)), "fd")
        for mode in ("reflect", "replicate", "circular")
        for arguments in (f"(1, 2, 2, 1), '{mode}'", f"(3, 0, 0, 2), '{mode}'")
    ),
    Row("torch.nn.functional.pad(x, (2, 1), 'reflect')", of((3, 4)), "fd"),
]

SCANS = [
    *(
        Row(f"x.{name}({dim})", of((3, 4, 5), layout="strided"), "fdhl", 2, slack=2)
        for name in ("cumsum", "cumprod")
        for dim in (0, 1, -1)
    ),
    Row("x.cumsum(0)", several(of(()), of((0, 3))), "fdl", 1),
    Row("x.cumprod(1)", of((3, 5), numbers=ties), "fdl", 2),
    Row("x.cumsum(1, dtype=torch.float64)", of((3, 4)), "fl", 1),
    Row("(x > 0).cumsum(1)", of((3, 4)), "f", 0),
    *(Row(f"torch.{name}(x, {dim})", of((3, 4), numbers=ties), "fdhl", 1) for name in ("cummax", "cummin") for dim in (0, 1)),
    Row("torch.cummax(x, 0)", one(), "fd", 0),
    *(Row(f"torch.logcumsumexp(x, {dim})", of((3, 4)), "fd", 2, slack=2) for dim in (0, 1)),
    *(Row(f"x.diff({arguments})", of((3, 4)), "fdlo", 2) for arguments in ("", "2", "dim=0", "prepend=x[:, :1], append=x")),
    *(Row(f"torch.trapezoid({arguments})", of((3, 4), special="PyTorch takes half of the ends off the sum, infinite or not"),
          "fd", slack="linear") for arguments in ("x", "x, dx=0.5, dim=0")),
    Row("torch.trapezoid(x, y)", of((3, 4), (4,)), "d", slack=4),
    Row("torch.cumulative_trapezoid(x)", of((3, 4)), "fd", slack="linear"),
    Row("torch.gradient(x)[0]", of((5, 4)), "fd", 1),
    Row("torch.gradient(x, spacing=2.0, dim=1)[0]", of((5, 4)), "fd", 1),
]

_WHICH = "which of several equal values PyTorch names is accident"
SORTING = [
    *(
        Row(f"torch.sort(x, {dim}, {descending})", of((3, 4, 5), numbers=distinct, layout="transposed"), ANY[:-1], 2)
        for dim in (0, 1, -1)
        for descending in (False, True)
    ),
    Row("torch.sort(x, dim=0, stable=True)", of((30,), numbers=ties), ANY, 1),
    Row("torch.sort(x, dim=0, descending=True, stable=True)", of((30,), numbers=ties), ANY, 1),
    Row("torch.sort(x)[0]", one(), "fdhb", 0),
    Row("torch.argsort(x, dim=1, stable=True)", of((3, 9), numbers=ties), "fdl", 0),
    Row("torch.msort(x)", of((5, 4), numbers=distinct), "fdl", 1),
    *(
        Row(f"torch.topk(x, {arguments})", of((3, 40), numbers=distinct, special=_WHICH), "fdhbl", 1)
        for arguments in ("3", "3, largest=False", "2, 0", "40", "0", "30, 1", "1, dim=0, largest=False")
    ),
    Row("torch.topk(x, 2)[0]", of((4, 9), numbers=ties), "fl", 0),
    *(
        Row(f"torch.topk(x, {arguments})", of((1, 40), numbers=distinct, special=_WHICH), "fdhbl", 1)
        for arguments in ("1", "5", "5, largest=False", "39")
    ),
    Row("torch.topk(x, 7)[0]", of((20,), numbers=ties), "fl", 0),
    Row("torch.kthvalue(x, 2, 1)", of((3, 9), numbers=distinct, special=_WHICH), "fdl", 1),
    Row("torch.kthvalue(x, 1, 0, True)", of((3, 9), numbers=distinct, special=_WHICH), "fdl", 1),
    *(
        Row(f"torch.{name}(x{arguments})", several(of((3, 8), numbers=distinct), of((5,), numbers=distinct)), "fdl", 1)
        for name in ("median", "nanmedian")
        for arguments in ("", ", 0", ", -1, True")
    ),
    Row("torch.median(x)", one(), "fd", 0),
    Row("torch.nanmedian(x)", one(), "fd", 0),
    Row("torch.mode(x, 1)", of((3, 9), numbers=ties), "fdl", 1),
    *(
        Row(f"torch.{name}(x, {arguments})", of((3, 9)), "fd", 1, slack=4)
        for name in ("quantile", "nanquantile")
        for arguments in (
            "0.3", "0.3, 1", "0.7, 0, True", "torch.tensor([0.1, 0.5, 1.0]).to(x.dtype), 1",
            *(f"0.4, 1, interpolation='{name}'" for name in ("lower", "higher", "midpoint", "nearest")),
        )
    ),
    Row("torch.quantile(x, 0.5)", several(of(()), of((16,), numbers=lambda rng, *shape: SPECIAL[:16])), "fd", 0),
    Row("torch.nanquantile(x, 0.25)", of((4,)), "fd", 1),
]

_NO_ORDER = "PyTorch sorts rows by a comparison that NaN breaks"
COUNTING = [
    *(
        Row(f"torch.unique(x{arguments})", of((4, 5), numbers=ties, special=_NO_ORDER), ANY, 0)
        for arguments in ("", ", return_inverse=True", ", return_counts=True", ", dim=0", ", True, True, True, 1")
    ),
    *(
        Row(f"torch.unique_consecutive(x{arguments})", of((4, 5), numbers=ties), "fdlo", 0)
        for arguments in ("", ", True, True", ", dim=0", ", True, True, 1")
    ),
    Row("torch.unique(x)", one(), "fdhb", 0),
    Row("torch.bincount(i)", of(i=np.array([1, 4, 1])), "f", 0),
    Row("torch.bincount(i, minlength=7)", of(i=np.array([1, 4, 1])), "f", 0),
    Row("torch.bincount(i, x)", of((3,), i=np.array([1, 4, 1])), "fdl", 0),
    Row("torch.histc(x, 7)", of((40,), special="a range that is not finite is an error"), "fd", 0),
    Row("torch.histc(x, 5, -1, 1)", of((40,)), "fd", 0),
    Row("torch.histogram(x, 4)", of((40,), special="a range that is not finite is an error"), "fd", 0, slack=2),
    Row("torch.histogram(x, 4, range=(-1.0, 2.0), density=True)", of((40,)), "fd", 0, slack=2),
    Row("torch.histogram(x, y.sort()[0], weight=x.nan_to_num(1).abs())", of((40,), (5,)), "fd", 0, slack=4),
    Row("torch.searchsorted(x.sort()[0], y)",
        of((3, 9), (3, 4), numbers=ties, special="to PyTorch's search NaN is less than anything"), "fdl", 0),
    Row("torch.searchsorted(x.sort()[0], y, right=True)", of((9,), (3, 4), numbers=ties), "fdl", 0),
    Row("torch.searchsorted(x.sort()[0], y, side='right', out_int32=True)", of((9,), (4,), numbers=ties), "fdl", 0),
    Row("torch.searchsorted(x, y, sorter=torch.argsort(x))", of((9,), (4,)), "fdl", 0),
    Row("torch.bucketize(x, torch.tensor([-1, 0, 1]).to(x.dtype))", of((3, 4), numbers=ties), "fdl", 0),
    Row("torch.bucketize(x, torch.tensor([-1, 0, 1]).to(x.dtype), right=True)", of((3, 4), numbers=ties), "fdl", 0),
]

CREATION = [
    Row(expression, of((2, 3)), dtypes, 0, slack="absolute")
    for expression, dtypes in (
        *((f"torch.{name}(2, 3, dtype=x.dtype)", ANY) for name in ("zeros", "ones")),
        *((f"torch.{name}_like(x)", ANY) for name in ("zeros", "ones")),
        *((f"x.new_{name}(2, 4)", "fl") for name in ("zeros", "ones")),
        ("torch.full((2, 3), 2.5)", "f"), ("torch.full((2,), 3)", "f"), ("torch.full((2,), True)", "f"),
        ("x.new_full((2,), 3)", "fl"),
        ("torch.full_like(x, 3)", ANY), ("torch.eye(3, 4, dtype=x.dtype)", ANY), ("torch.arange(5)", "f"),
        ("torch.arange(2, 9, 3)", "f"), ("torch.arange(1.0, 2.0, 0.3)", "f"), ("torch.arange(5, 0, -2)", "f"),
        ("torch.arange(0, 5, dtype=x.dtype)", "fdhbl"), ("torch.arange(0.5, 5)", "f"), ("torch.linspace(0, 1, 7)", "f"),
        ("torch.linspace(-3, 10, 5, dtype=x.dtype)", "fdl"), ("torch.linspace(2, 5, 1)", "f"), ("torch.logspace(0, 2, 5)", "f"),
        ("torch.tensor([1, 2.5])", "f"), ("torch.tensor([[True, False]])", "f"), ("torch.tensor(3)", "f"),
        ("torch.tensor([])", "f"),
        ("torch.tensor([[1, 2], [3, 4]], dtype=x.dtype)", ANY), ("torch.as_tensor([1, 2])", "f"), ("torch.tensor((1, 2))", "f"),
        ("torch.scalar_tensor(2)", "f"), ("torch.range(1, 4)", "f"), ("x.new_tensor([1, 2])", "fl"),
        ("torch.hann_window(7)", "f"), ("torch.hann_window(6, periodic=False)", "f"), ("torch.hamming_window(7)", "f"),
        ("torch.blackman_window(7)", "f"), ("torch.bartlett_window(6)", "f"), ("torch.kaiser_window(7)", "f"),
        ("torch.vander(torch.tensor([1, 2, 3]))", "f"), ("torch.unravel_index(torch.tensor([5, 3]), (2, 3))[1]", "f"),
        ("torch.empty_strided((2, 3), (1, 2)).stride() == (1, 2) and x", "f"),
    )
]

_CHANGES = [
    "add_(2)", "sub_(y)", "mul_(y)", "div_(y)", "pow_(2)", "exp_()", "clamp_(-1, 1)", "clamp_(min=0.0)", "zero_()",
    "fill_(3)", "copy_(y)",
    "relu_()", "sigmoid_()", "tanh_()", "abs_()", "neg_()", "sqrt_()", "addcmul_(y, y, value=0.1)", "addcdiv_(y, y.abs() + 1)",
    "lerp_(y, 0.3)", "masked_fill_(y > 0, 1.0)", "index_add_(0, i, y[:2])", "index_fill_(0, i, 1.0)",
    "index_copy_(0, i, y[:2])",
    "scatter_(0, i.reshape(2, 1), 1.5)", "scatter_add_(0, i.reshape(2, 1), y[:2, :1])", "triu_()", "tril_(1)",
    "fill_diagonal_(5)",
    "transpose_(0, 1)", "t_()", "unsqueeze_(0)", "squeeze_()", "cumsum_(0)", "round_()", "floor_()", "remainder_(2)",
    "atan2_(y)",
    "addmm_(y, y.T @ y)", "index_put_((i,), y[:2])", "swapaxes_(0, 1)", "eq_(y)", "erfinv_()",
]  # fmt: skip
WRITING = [
    *(
        Row(
            f"(lambda c: [c.{change}, c][1])(x * 1)",
            of((3, 3), (3, 3), numbers=between(0.2, 0.8), i=np.array([2, 0])), "fd", 1, 4,
        )  # fmt: skip
        for change in _CHANGES
    ),
    Row("(lambda c: [c.logical_not_(), c][1])(x * 1)", of((3, 3), numbers=ties), "fl", 0),
    Row("(lambda c: [c.resize_as_(y), c][1])(x * 1)", of((3, 3), (3, 2)), "fl", 0),
    Row("(lambda c: [c[1:].add_(y), c][1])(x * 1)", of((3, 4), (2, 4)), "fdl", 2),
    Row("(lambda c: [c.T.mul_(y), c][1])(x * 1)", of((3, 4), (4, 3)), "fd", 2),
    Row("(lambda c: [c.view(-1)[::2].zero_(), c][1])(x * 1)", of((3, 4)), "fl", 1),
    Row("(lambda c: [c.diagonal().fill_(2), c * c][1])(x * 1)", of((4, 4)), "fd", 1),
    Row("(lambda c: [c[0].copy_(c[1]), c][1])(x * 1)", of((3, 4)), "fd", 1),
    Row("torch.add(x, y, out=torch.empty(0).to(x.dtype))", of((3, 4), (4,)), "fl", 0),
    Row("torch.cat([x, y], out=torch.empty(0).to(x.dtype))", of((3, 4), (2, 4)), "fl", 0),
    Row("(lambda c: [c.map_(y, lambda a, b: a + b), c][1])(x * 1)", of((3,), (3,)), "f", 0),
    Row("(lambda c: [c.apply_(lambda a: a * 2), c][1])(x * 1)", of((3,)), "f", 0),
]
