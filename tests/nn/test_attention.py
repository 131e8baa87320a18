"""Multi-head attention and transformers: names, first values, results, gradients, errors and warnings, as PyTorch's."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, array, as_flambeau, assert_same, copy_state, error
from torch.nn import functional as TF
from torch.testing._internal.common_modules import module_db

import flambeau
from flambeau import nn
from flambeau.nn import functional as F
from flambeau.nn.attention import bias

LIBRARIES = {"theirs": torch, "ours": flambeau}
CAUSAL = torch.full((5, 5), -torch.inf, dtype=torch.float64).triu(1)
HIDDEN = torch.ones(5, 5).triu(2).bool()
CROSS = torch.arange(30).reshape(5, 6) % 4 == 1
LAST = torch.arange(6) >= torch.tensor([[6], [4], [3]])
"""Padding at the end of three sequences of six places."""
MIDDLE = torch.tensor([[0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1], [1, 0, 0, 1, 0, 0]]).bool()


def doubles(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)


def both(name: str, *arguments: Any, **settings: Any) -> tuple[Any, Any]:
    """A module of each library in double precision, with the same state, which prints the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(torch.nn, name)(*arguments, **settings).double()
        ours = getattr(nn, name)(*arguments, **settings).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    with torch.no_grad():
        for place, parameter in enumerate(theirs.parameters()):
            parameter += doubles(*parameter.shape, seed=place) * 0.1
    copy_state(ours, theirs)
    return theirs, ours


def compare(
    modules: tuple[Any, Any], call: Callable[..., Any], *inputs: Any, second: bool = False, tolerance: float = 1e-9,
    **options: Any,
) -> None:  # fmt: skip
    """``call(module, *inputs)`` gives the same results and gradients (of first, or first and second order) on both."""
    given = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    outcomes = []
    for module, arguments, library in zip(modules, (given, as_flambeau(given)), (torch, flambeau), strict=True):
        passed = {key: value if library is torch else as_flambeau(value) for key, value in options.items()}
        results = call(module, *arguments, **passed)
        results = [y for y in (results if isinstance(results, tuple) else (results,)) if y is not None]
        wanted = [x for x in (*arguments, *module.parameters()) if x.requires_grad]
        total = sum((y * y * y.cos()).sum() for y in results)
        first = library.autograd.grad(total, wanted, create_graph=second, allow_unused=True)
        outcome = [*results, *first]
        if second:
            squares = sum((g * g).sum() for g in first if g is not None)
            outcome += library.autograd.grad(squares, wanted, allow_unused=True)
        outcomes.append(outcome)
    for place, (theirs, ours) in enumerate(zip(*outcomes, strict=True)):
        if theirs is None or ours is None:
            assert theirs is ours, place
        else:
            assert_same(ours, theirs, tolerance, f"outcome {place}")


# --- multi-head attention ---------------------------------------------------------------------------------------------

SELF = doubles(5, 3, 8)
QUERY, KEY, VALUE = doubles(5, 3, 8, seed=1), doubles(6, 3, 8, seed=2), doubles(6, 3, 8, seed=3)

ATTENTION: list[tuple[dict[str, Any], tuple[torch.Tensor, ...], dict[str, Any]]] = [
    ({}, (SELF,), {}),
    ({}, (SELF,), {"attn_mask": HIDDEN}),
    ({"bias": False}, (SELF,), {"attn_mask": CAUSAL, "need_weights": False}),
    ({}, (SELF,), {"attn_mask": CAUSAL, "need_weights": False, "is_causal": True}),
    ({}, (SELF,), {"attn_mask": CAUSAL, "is_causal": True}),
    ({}, (QUERY, KEY, VALUE), {"key_padding_mask": LAST}),
    ({}, (QUERY, KEY, VALUE), {"key_padding_mask": LAST, "need_weights": False}),
    ({}, (QUERY, KEY, VALUE), {"key_padding_mask": LAST, "attn_mask": CROSS, "need_weights": False}),
    ({}, (QUERY, KEY, VALUE), {"attn_mask": CROSS.double() * 0.5, "average_attn_weights": False}),
    ({}, (QUERY, KEY, VALUE), {"attn_mask": doubles(12, 5, 6), "key_padding_mask": doubles(3, 6)}),
    ({}, (QUERY, KEY, VALUE), {"attn_mask": doubles(12, 5, 6) > 1, "need_weights": False}),
    ({}, (QUERY, KEY), {"need_weights": False}),
    ({"kdim": 3, "vdim": 7}, (QUERY, doubles(6, 3, 3), doubles(6, 3, 7)), {}),
    ({"kdim": 3, "bias": False}, (QUERY, doubles(6, 3, 3), VALUE), {"need_weights": False}),
    ({"add_bias_kv": True}, (QUERY, KEY, VALUE), {"key_padding_mask": LAST}),
    ({"add_bias_kv": True, "add_zero_attn": True}, (SELF,), {"attn_mask": HIDDEN, "need_weights": False}),
    ({"add_zero_attn": True}, (QUERY, KEY, VALUE), {"key_padding_mask": LAST, "attn_mask": CROSS}),
    ({"batch_first": True}, (doubles(3, 5, 8),), {"attn_mask": HIDDEN}),
    ({"batch_first": True}, (doubles(3, 5, 8), doubles(3, 6, 8)), {"key_padding_mask": MIDDLE, "need_weights": False}),
    ({}, (doubles(5, 8),), {"attn_mask": HIDDEN}),
    ({"batch_first": True}, (doubles(5, 8), doubles(6, 8)), {"key_padding_mask": MIDDLE[0], "need_weights": False}),
    ({}, (doubles(5, 8), doubles(6, 8), doubles(6, 8)), {"attn_mask": doubles(4, 5, 6), "average_attn_weights": False}),
]


def attend(module: Any, *inputs: Any, **options: Any) -> Any:
    return module(*inputs, *inputs[-1:] * (3 - len(inputs)), **options)


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize(("settings", "inputs", "options"), ATTENTION, ids=map(str, range(len(ATTENTION))))
def test_attention(settings: dict[str, Any], inputs: tuple[torch.Tensor, ...], options: dict[str, Any]) -> None:
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        modules = both("MultiheadAttention", 8, 4, **settings)
        compare(modules, attend, *inputs, second=True, **options)
        for module in modules:
            module.eval()
        with torch.no_grad(), flambeau.no_grad():
            theirs = attend(modules[0], *inputs, **options)
            ours = attend(modules[1], *as_flambeau(inputs), **{key: as_flambeau(x) for key, x in options.items()})
            assert_same(ours, theirs, 1e-9)


@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_where_nothing_may_be_looked_at(need_weights: bool) -> None:
    """In PyTorch what comes out depends on whether the weights are wanted, and on whether the fast path is taken."""
    theirs, ours = both("MultiheadAttention", 8, 4, batch_first=True)
    x, padding = doubles(3, 6, 8), LAST | torch.tensor([[False], [False], [True]])
    for mask in (None, HIDDEN.new_ones(6, 6).triu(3) | (torch.arange(6) == 2)[:, None]):
        for training in (True, False):
            for grad in (True, False):
                with torch.set_grad_enabled(grad), flambeau.set_grad_enabled(grad):
                    results = [
                        module.train(training)(y, y, y, key_padding_mask=p, attn_mask=m, need_weights=need_weights)
                        for module, y, p, m in ((theirs, x, padding, mask), (ours, *as_flambeau((x, padding, mask))))
                    ]
                assert_same(results[1], results[0], 1e-9)
                assert results[1][0].is_contiguous() == results[0][0].is_contiguous()


LONG_MASKS = {
    "causal": torch.full((70, 90), -torch.inf).double().triu(1),
    "booleans": torch.arange(70 * 90).reshape(70, 90) % 7 < 2,
    "one for each head": doubles(12, 70, 90),
}


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("name", LONG_MASKS)
def test_attention_in_long_sequences(name: str) -> None:
    """Of which no matrix of scores is kept."""
    query, key, value = doubles(3, 70, 8), doubles(3, 90, 6), doubles(3, 90, 5)
    padding = torch.arange(90) >= torch.tensor([[90], [60], [80]])
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        modules = both("MultiheadAttention", 8, 4, kdim=6, vdim=5, batch_first=True)
        options = {"attn_mask": LONG_MASKS[name], "need_weights": False}
        for more in ({"key_padding_mask": padding}, {"is_causal": name == "causal"}):
            compare(modules, attend, query, key, value, second=True, **options, **more)


def test_dropped_weights() -> None:
    flambeau.manual_seed(0)
    module = nn.MultiheadAttention(2, 1, dropout=0.25, bias=False)
    with flambeau.no_grad():
        module.in_proj_weight.zero_()
    x = flambeau.ones(100, 3, 2)
    _, weights = module(x, x, x)
    np.testing.assert_allclose(np.unique(array(weights)), [0, 0.01 / 0.75], rtol=1e-5)
    assert abs((array(weights) == 0).mean() - 0.25) < 0.02
    result, _ = module.eval()(x, x, x)
    assert array(module(x, x, x)[0]).tolist() == array(result).tolist()


def test_attention_as_a_function() -> None:
    def program(T: Any, static: bool) -> Any:  # noqa: N803
        def numbers(*shape: int, seed: int) -> Any:
            made = doubles(*shape, seed=seed).requires_grad_()
            return made if T is torch else as_flambeau(made)

        q, w, b, o, c = (
            numbers(*shape, seed=seed) for seed, shape in enumerate([(5, 3, 8), (24, 8), (24,), (8, 8), (8,)])
        )
        still = {"static_k": numbers(12, 6, 2, seed=5), "static_v": numbers(12, 6, 2, seed=6)} if static else {}
        result, weights = T.nn.functional.multi_head_attention_forward(
            q, q, q, 8, 4, w, b, None, None, False, 0.0, o, c, **still
        )
        (result.sin().sum() + weights.sin().sum()).backward()
        return result, weights, w.grad, q.grad, *[x.grad for x in still.values()]

    for static in (False, True):
        agree(lambda T, static=static: program(T, static), 1e-9)


# --- transformers -----------------------------------------------------------------------------------------------------

LAYERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"norm_first": True}, {"src_mask": HIDDEN}),
    ({"activation": "gelu", "batch_first": True}, {}),
    ({"activation": TF.gelu, "norm_first": True, "batch_first": True}, {"src_key_padding_mask": LAST[:, :5]}),
    ({"activation": torch.tanh, "bias": False}, {"src_mask": CAUSAL, "is_causal": True}),
    ({"activation": torch.nn.GELU("tanh")}, {"src_key_padding_mask": MIDDLE[:, :5], "src_mask": HIDDEN}),
    ({"layer_norm_eps": 1e-2, "dim_feedforward": 5}, {"src_mask": doubles(6, 5, 5)}),
]
COUNTERPARTS = {TF.gelu: F.gelu, torch.tanh: flambeau.tanh}


def build(name: str, *arguments: Any, **settings: Any) -> tuple[Any, Any]:
    """Both modules without dropout, activations being those of each library."""
    function = settings.pop("activation", "relu")
    other = COUNTERPARTS.get(function, function) if not isinstance(function, torch.nn.Module) else nn.GELU("tanh")
    made = []
    for library, each in ((torch, function), (flambeau, other)):
        given = [a[0 if library is torch else 1] if isinstance(a, tuple) else a for a in arguments]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            passed = {"activation": each} if name != "TransformerEncoder" and name != "TransformerDecoder" else {}
            kind = getattr(library.nn, name)
            made.append(kind(*given, **({"dropout": 0.0} if passed else {}), **passed, **settings).double())
    theirs, ours = made
    assert repr(ours) == repr(theirs)
    with torch.no_grad():
        for place, parameter in enumerate(theirs.parameters()):
            parameter += doubles(*parameter.shape, seed=place) * 0.1
    copy_state(ours, theirs)
    return theirs, ours


def run(module: Any, *inputs: Any, **options: Any) -> Any:
    return module(*inputs, **options)


@pytest.mark.parametrize(("settings", "options"), LAYERS, ids=map(str, range(len(LAYERS))))
def test_encoder_layer(settings: dict[str, Any], options: dict[str, Any]) -> None:
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        modules = build("TransformerEncoderLayer", 4, 2, **{"dim_feedforward": 6, **settings})
        x = doubles(3, 5, 4) if settings.get("batch_first") else doubles(5, 3, 4)
        compare(modules, run, x, second=True, tolerance=1e-8, **options)
        _same_at_inference(modules, x, **options)
        if not any(key.endswith("padding_mask") for key in options):
            compare(modules, run, x[:, 0] if not settings.get("batch_first") else x[0], **{
                key: value[:2] if key == "src_mask" and value.dim() == 3 else value for key, value in options.items()
            })  # fmt: skip


def _same_at_inference(modules: tuple[Any, Any], *inputs: torch.Tensor, **options: Any) -> None:
    with torch.no_grad(), flambeau.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = modules[0].eval()(*inputs, **options)
        ours = modules[1].eval()(*as_flambeau(inputs), **{key: as_flambeau(x) for key, x in options.items()})
    assert_same(ours, theirs, 1e-8)


@pytest.mark.parametrize("norm_first", [False, True])
def test_decoder_layer(norm_first: bool) -> None:
    target, memory = doubles(5, 3, 4), doubles(6, 3, 4)
    modules = build("TransformerDecoderLayer", 4, 2, 6, norm_first=norm_first)
    for options in (
        {},
        {"tgt_mask": CAUSAL, "tgt_is_causal": True, "memory_key_padding_mask": LAST},
        {"tgt_mask": HIDDEN, "memory_mask": CROSS, "tgt_key_padding_mask": LAST[:, :5]},
    ):
        compare(modules, run, target, memory, **options)
        _same_at_inference(modules, target, memory, **options)


@pytest.mark.parametrize("settings", [{}, {"batch_first": True}, {"norm_first": True, "batch_first": True}])
def test_encoder(settings: dict[str, Any]) -> None:
    layers = build("TransformerEncoderLayer", 4, 2, 6, **settings)
    x = doubles(3, 6, 4) if settings else doubles(6, 3, 4)
    modules = build("TransformerEncoder", layers, 2, (torch.nn.LayerNorm(4), nn.LayerNorm(4)))
    everything = LAST | torch.tensor([[False], [True], [False]])
    for options in (
        {}, {"src_key_padding_mask": LAST}, {"src_key_padding_mask": LAST.double()},
        {"src_key_padding_mask": MIDDLE}, {"mask": torch.full((6, 6), -torch.inf).double().triu(1)},
        {"mask": torch.ones(6, 6).bool().triu(1), "is_causal": True}, {"mask": torch.ones(6, 6).bool().triu(2)},
        {"src_key_padding_mask": everything}, {"src_key_padding_mask": LAST, "mask": torch.zeros(6, 6).bool()},
    ):  # fmt: skip
        _same_at_inference(modules, x, **options)
    compare(modules, run, x, src_key_padding_mask=LAST)
    modules = build("TransformerEncoder", layers, 1, mask_check=False)
    for mask in (LAST, MIDDLE):
        _same_at_inference(modules, x, src_key_padding_mask=mask)


def test_fast_path_can_be_switched_off() -> None:
    modules = build("TransformerEncoder", build("TransformerEncoderLayer", 4, 2, 6, batch_first=True), 1)
    x = doubles(3, 6, 4)
    for library in (torch, flambeau):
        library.backends.mha.set_fastpath_enabled(False)
    try:
        _same_at_inference(modules, x, src_key_padding_mask=LAST)
    finally:
        for library in (torch, flambeau):
            library.backends.mha.set_fastpath_enabled(True)
    assert flambeau.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("settings", [{}, {"batch_first": True, "norm_first": True, "bias": False}])
def test_transformer(settings: dict[str, Any]) -> None:
    source, target = doubles(6, 3, 4), doubles(5, 3, 4)
    if settings:
        source, target = source.transpose(0, 1), target.transpose(0, 1)
    modules = build("Transformer", 4, 2, 1, 2, 6, **settings)
    for options in (
        {}, {"tgt_mask": CAUSAL, "src_key_padding_mask": LAST, "memory_key_padding_mask": LAST},
        {"tgt_mask": HIDDEN, "memory_mask": CROSS, "tgt_is_causal": False},
    ):  # fmt: skip
        compare(modules, run, source, target, **options)
        _same_at_inference(modules, source, target, **options)


def test_masks_of_subsequent_places() -> None:
    for dtype in (None, torch.float64, torch.bool):
        expected = torch.nn.Transformer.generate_square_subsequent_mask(4, dtype=dtype)
        assert_same(nn.Transformer.generate_square_subsequent_mask(4, dtype=as_flambeau(dtype)), expected)
    seen: list[bool] = []

    class Custom(nn.TransformerEncoderLayer):
        def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False) -> Any:
            seen.append(is_causal)
            return src

    encoder = nn.TransformerEncoder(Custom(4, 2), 1, enable_nested_tensor=False)
    causal = nn.Transformer.generate_square_subsequent_mask(3)
    x = flambeau.ones(3, 2, 4)
    for mask, hint in ((causal, None), (causal * 2, None), (causal + 1, None), (causal + 1, True), (causal, False), (None, None)):
        encoder(x, mask, is_causal=hint)
    encoder(x, causal.bool())
    assert seen == [True, True, False, True, False, False, True]


# --- what modules are -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_first_values() -> None:
    flambeau.manual_seed(0)
    layer = nn.MultiheadAttention(64, 4, add_bias_kv=True)
    bound = (6 / (64 + 192)) ** 0.5
    assert 0.97 * bound < float(layer.in_proj_weight.detach().abs().max()) <= bound
    assert not layer.in_proj_bias.any() and not layer.out_proj.bias.any()
    assert 0.1 < float(layer.bias_k.detach().std()) / (2 / 128) ** 0.5 < 2
    model = nn.Transformer(16, 2, 1, 1, 32)
    assert all(float(p.detach().abs().max()) <= (6 / sum(p.shape)) ** 0.5 for p in model.parameters() if p.dim() > 1)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_modules_are_pickled_and_copied() -> None:
    model = nn.Transformer(4, 2, 1, 1, 6, activation="gelu").eval()
    x, y = flambeau.randn(3, 2, 4), flambeau.randn(2, 2, 4)
    expected = array(model(x, y))
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(other) == repr(model)
        np.testing.assert_array_equal(array(other(x, y)), expected)
    file = io.BytesIO()
    torch.save(torch.nn.TransformerEncoderLayer(4, 2, 6).state_dict(), file)
    file.seek(0)
    nn.TransformerEncoderLayer(4, 2, 6).load_state_dict(flambeau.load(file))
    old = nn.TransformerDecoderLayer(4, 2, 6)
    restored = nn.TransformerDecoderLayer.__new__(nn.TransformerDecoderLayer)
    restored.__setstate__({key: value for key, value in old.__getstate__().items() if key != "activation"})
    assert restored.activation is F.relu


ENCODER_LAYERS: list[dict[str, Any]] = [
    {}, {"batch_first": True}, {"batch_first": True, "norm_first": True}, {"batch_first": True, "bias": False},
    {"batch_first": True, "activation": "tanh"}, {"batch_first": True, "nhead": 1}, {"batch_first": True, "eps": 1e-3},
]  # fmt: skip


def test_warnings() -> None:
    def program(T: Any, settings: dict[str, Any]) -> list[tuple[str, str, bool]]:  # noqa: N803
        given = {"nhead": 2, **settings}
        if given.get("activation") == "tanh":
            given["activation"] = T.tanh
        eps = given.pop("eps", None)
        layer = T.nn.TransformerEncoderLayer(4, dim_feedforward=6, **given)
        layer.norm1.eps = eps or layer.norm1.eps
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always")
            T.nn.TransformerEncoder(layer, 1)
            x = T.zeros(2, 2, 4)
            mask, padding = T.zeros(2, 2), T.zeros(2, 2).bool()
            layer(x, mask, padding)
            layer.self_attn(x, x, x, padding, attn_mask=mask)
        return [(note.category.__name__, str(note.message), note.filename == __file__) for note in noted]

    for settings in ENCODER_LAYERS:
        theirs, ours = (program(library, settings) for library in (torch, flambeau))
        assert [note[:2] for note in ours] == [note[:2] for note in theirs]
        assert all(here for _, _, here in ours)


ERRORS = [
    "T.nn.MultiheadAttention(0, 1)", "T.nn.MultiheadAttention(4, 0)", "T.nn.MultiheadAttention(4, 3)",
    "T.nn.TransformerEncoderLayer(4, 2, activation='tanh')", "m(x[0, 0], x, x)", "m(x, x[0], x)", "m(x[0], x, x)",
    "m(x, x, x, key_padding_mask=b[0])", "m(x[0], x[0], x[0], key_padding_mask=b)", "m(x, x, x, attn_mask=b[0])",
    "m(x[0], x[0], x[0], attn_mask=T.zeros(3, 3, 3))", "m(x, x, x, attn_mask=T.zeros(2, 3))",
    "m(x, x, x, attn_mask=T.zeros(3, 3, 3))", "m(x, x, x, key_padding_mask=T.zeros(3, 5))",
    "m(x, x, x, key_padding_mask=T.zeros(4, 3))", "m(x, x, x, is_causal=True)", "m(x, x, x, attn_mask=b.long())",
    "m(x, x, x[1:])", "m(T.ones(3, 3, 5), x, x)", "m(x, x[:, :2], x[:, :2])", "m(x, x, x, need_weights=False, is_causal=True)",
    "n(x, T.ones(3, 3, 5), x[:2])", "n(x, x, x)", "n(T.ones(3, 3, 5), x, x)", "t(x, x[:, :2])", "t(x, x[..., :3])", "t(x[0], x)",
    "F._none_or_dtype(3)", "F._canonical_mask(b.int(), 'mask', None, '', x.dtype)",
    "F.multi_head_attention_forward(x, x, x, 4, 3, i, None, None, None, False, 0.0, o, None)",
    "F.multi_head_attention_forward(x, x, x, 4, 2, i, None, c, None, False, 0.0, o, None)",
    "F.multi_head_attention_forward(x, x, x, 4, 2, i, None, None, c, False, 0.0, o, None)",
    "F.multi_head_attention_forward(x, x, x, 4, 2, None, None, None, None, False, 0.0, o, None)",
    "F.multi_head_attention_forward(x, x, x, 4, 2, i, None, c, c, False, 0.0, o, None, static_k=x)",
    "F.multi_head_attention_forward(x, x, x, 4, 2, i, None, None, None, False, 0.0, o, None, static_k=x)",
    "F.multi_head_attention_forward(x, x, x, 4, 2, i, None, None, None, False, 0.0, o, None, static_v=T.ones(6, 3, 3))",
    "F.multi_head_attention_forward(x, x, x, 4, 2, i, None, None, None, False, 0.0, o, None, use_separate_proj_weight=True)",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_errors() -> None:
    def outcome(T: Any, expression: str) -> tuple[str, str]:  # noqa: N803
        names = {
            "T": T, "F": T.nn.functional, "x": T.ones(3, 3, 4), "b": T.zeros(3, 3).bool(), "i": T.ones(12, 4), "o": T.ones(4, 4),
            "c": T.ones(1, 1, 4), "m": T.nn.MultiheadAttention(4, 2), "n": T.nn.MultiheadAttention(4, 2, kdim=5),
            "t": T.nn.Transformer(4, 2, 1, 1, 6),
        }  # fmt: skip
        return error(eval, expression, names)

    unlike = [(each, ours, theirs) for each in ERRORS
              if (ours := outcome(flambeau, each)) != (theirs := outcome(torch, each))]  # fmt: skip
    assert not unlike, "\n".join(map(str, unlike))


# --- torch.nn.attention -----------------------------------------------------------------------------------------------


def test_masks_that_are_rules() -> None:
    q, k, v = doubles(2, 2, 3, 4), doubles(2, 2, 5, 4), doubles(2, 2, 5, 4, seed=1)

    def program(T: Any, name: str, *size: int) -> Any:  # noqa: N803
        mask = getattr(importlib.import_module(f"{T.__name__}.nn.attention.bias"), name)(*size)
        tensors = [x.clone().requires_grad_() if T is torch else as_flambeau(x).requires_grad_() for x in (q, k, v)]
        result = T.nn.functional.scaled_dot_product_attention(*tensors, mask, scale=0.7)
        result.sin().sum().backward()
        return repr(mask), tuple(mask.shape), int(mask.variant), result, *(x.grad for x in tensors)

    for name in ("causal_upper_left", "causal_lower_right"):
        agree(lambda T, name=name: program(T, name, 3, 5), 1e-9)
    with pytest.warns(UserWarning, match="Lower right causal bias will produce NaNs") as noted:
        bias.causal_lower_right(4, 3)
    assert noted[0].filename == __file__
    x = flambeau.ones(1, 3, 4)
    with pytest.raises(ValueError, match="CausalBias should not be used with causal=True"):
        F.scaled_dot_product_attention(x, x, x, bias.causal_upper_left(3, 3), is_causal=True)
    with pytest.raises(AssertionError, match="causal_upper_left only supports 2D tensors"):
        bias.causal_upper_left(3)
    with pytest.raises(AssertionError, match="variant must be a CausalVariant, got int"):
        bias.CausalBias(1, 2, 3)


def test_choice_of_ways() -> None:
    def program(T: Any) -> list[Any]:  # noqa: N803
        attention = importlib.import_module(f"{T.__name__}.nn.attention")
        ways, names = attention.SDPBackend, lambda *given: [str(each) for each in attention._cur_sdpa_kernel_backends(*given)]
        outcomes = [repr(ways.MATH), int(ways.ERROR), ways.MATH.name, list(ways.__members__), names(), names(True)]
        with attention.sdpa_kernel([ways.MATH, ways.FLASH_ATTENTION], set_priority=True):
            outcomes += [names(True), T.backends.cuda.mem_efficient_sdp_enabled(), T.backends.cuda.math_sdp_enabled()]
            with attention.sdpa_kernel(ways.FLASH_ATTENTION):
                outcomes += [names()]
        return [*outcomes, names(), attention.WARN_FOR_UNFUSED_KERNELS, error(attention.sdpa_kernel("math").__enter__)]

    agree(program)
    assert pickle.loads(pickle.dumps(nn.attention.SDPBackend.MATH)) is nn.attention.SDPBackend.MATH


# --- PyTorch's own samples --------------------------------------------------------------------------------------------

SAMPLES = 4
"""About so many of each module's: there are hundreds."""

DATABASE = ["MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "TransformerEncoder", "Transformer"]


def counterpart(value: Any) -> Any:
    """An argument of PyTorch's samples here: functions by their names, layers with the same settings."""
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        attention = value.self_attn
        made = nn.TransformerEncoderLayer(
            attention.embed_dim, attention.num_heads, value.linear1.out_features, value.dropout.p,
            counterpart(value.activation), value.norm1.eps, attention.batch_first, value.norm_first,
            attention.in_proj_bias is not None, dtype=flambeau.float64,
        )  # fmt: skip
        copy_state(made, value)
        return made
    if isinstance(value, torch.device):
        return "cpu"
    if callable(value) and not isinstance(value, torch.Tensor):
        return getattr(F, value.__name__)
    return as_flambeau(value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", DATABASE)
def test_samples_of_pytorch(name: str, training: bool) -> None:
    info = next(each for each in module_db if each.module_cls is getattr(torch.nn, name))
    torch.manual_seed(0)
    samples = list(info.module_inputs_func(info, "cpu", torch.float64, True, training))
    samples = samples[:: len(samples) // SAMPLES | 1]  # an odd step, for settings that alternate
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for sample in samples:
            made, given = sample.constructor_input, sample.forward_input
            settings = {**made.kwargs, "dtype": torch.float64} if name != "TransformerEncoder" else made.kwargs
            theirs = info.module_cls(*made.args, **settings)
            ours = getattr(nn, name)(*map(counterpart, made.args), **{k: counterpart(v) for k, v in settings.items()})
            assert repr(ours) == repr(theirs)
            copy_state(ours, theirs)
            for module in (ours, theirs):
                for part in module.modules():
                    if type(part).__name__ == "Dropout":
                        part.p = 0.0
                    elif hasattr(part, "dropout") and isinstance(part.dropout, float):
                        part.dropout = 0.0
                module.train(training)
            tensors = [x for x in given.args if isinstance(x, torch.Tensor)]
            assert len(tensors) == len(given.args)
            compare((theirs, ours), run, *(x.detach() for x in tensors), **given.kwargs)
