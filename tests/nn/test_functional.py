"""Functions of ``nn.functional`` where a line of the table does not say it: randomness, writing in place, warnings, names."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import array, as_flambeau, assert_same, check, floats

import flambeau
import flambeau.nn.functional as F


def test_softmax_without_dimension_warns_and_chooses() -> None:
    for shape, dimension in (((4,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 2, 2), 1)):
        x = floats(*shape, grad=False)
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecated"):
            result = F.softmax(as_flambeau(x))
        assert_same(result, TF.softmax(x, dimension))
    with pytest.warns(UserWarning, match="Implicit dimension choice for log_softmax"):
        F.log_softmax(flambeau.ones(2, 2))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_extremes(name: str) -> None:
    inf, nan = float("inf"), float("nan")
    rows = [[1e4, -1e4, 0.0], [-inf, 0.0, 1.0], [-inf, -inf, -inf], [inf, 0.0, 1.0], [nan, 0.0, 1.0], [88.0, 89.0, 90.0]]
    check(lambda T, x: getattr(T, name)(x, 1), torch.tensor(rows, requires_grad=True))


def test_gumbel_softmax() -> None:
    flambeau.manual_seed(0)
    logits = flambeau.zeros(50, 4, requires_grad=True)
    assert_same(F.gumbel_softmax(logits).sum(-1).detach(), torch.ones(50), 1e-5)
    hard = F.gumbel_softmax(logits, hard=True)
    assert sorted(set(hard.detach().round().flatten().tolist())) == [0.0, 1.0]
    hard[:, 0].sum().backward()
    assert float(logits.grad.abs().sum()) > 0


def test_rrelu_in_training() -> None:
    flambeau.manual_seed(0)
    x = flambeau.full((10_000,), -2.0, requires_grad=True)
    y = F.rrelu(x, 0.1, 0.3, True)
    y.sum().backward()
    slopes = array(y) / -2
    assert 0.1 <= slopes.min() < 0.105 and 0.295 < slopes.max() < 0.3 and abs(slopes.mean() - 0.2) < 0.002
    np.testing.assert_array_equal(x.grad.numpy(), slopes)
    np.testing.assert_array_equal(array(F.rrelu(-x, 0.1, 0.3, True)), np.full(10_000, 2.0))


def test_ignored_rows_may_be_infinite() -> None:
    x = torch.tensor([[-float("inf")] * 3, [0.0] * 3], requires_grad=True)
    check(lambda T, x, t: T.nn.functional.nll_loss(x, t), x, torch.tensor([-100, 1]))


def test_cross_entropy_is_that_of_the_log_softmax() -> None:
    x, target = as_flambeau(floats(9, 33) * 5), flambeau.arange(9)
    apart = F.nll_loss(F.log_softmax(x, 1), target, reduction="none")
    np.testing.assert_array_equal(array(F.cross_entropy(x, target, reduction="none")), array(apart))


def test_maximum_of_ties_and_nothing() -> None:
    nan, inf = float("nan"), float("inf")
    x = torch.tensor([[[1.0, 1.0, nan, 2.0, -inf, -inf], [1.0, 0.0, 3.0, nan, -inf, -inf]]], requires_grad=True)
    for options in ({"kernel_size": 2}, {"kernel_size": (1, 2)}, {"kernel_size": 2, "padding": 1}):
        check(lambda T, x, o=options: T.nn.functional.max_pool2d(x, return_indices=True, **o), x)
    assert F.adaptive_avg_pool2d(flambeau.ones(2, 3, 4, 4), 0).shape == (2, 3, 0, 0)


def test_statistics_are_written_in_place() -> None:
    mean, var = flambeau.zeros(3), flambeau.ones(3)
    seen = mean.numpy()  # shares the memory
    expected_mean, expected_var = torch.zeros(3), torch.ones(3)
    for seed in range(4):
        x = floats(5, 3, 2, grad=False, seed=seed)
        F.batch_norm(as_flambeau(x), mean, var, training=True)
        TF.batch_norm(x, expected_mean, expected_var, training=True)
    np.testing.assert_allclose(seen, expected_mean.numpy(), rtol=1e-5)
    assert_same(var, expected_var)
    before = array(mean)
    assert F.batch_norm(flambeau.ones(0, 3), mean, var, training=True).shape == (0, 3)
    np.testing.assert_array_equal(array(mean), before)


def test_layer_norm_of_equal_values() -> None:
    check(lambda T, x: T.nn.functional.layer_norm(x * 0 + 3, (64,)), floats(4, 64))


def test_attention_where_all_is_masked() -> None:
    q, k, v = (floats(2, 3, n, m, dtype=torch.float64, seed=n + m) for n, m in ((5, 4), (6, 4), (6, 7)))
    allowed = torch.arange(30).reshape(5, 6) % 3 == 0
    allowed[3:] = False
    for mask in (allowed, torch.full((5, 6), -float("inf"), dtype=torch.float64)):
        check(
            lambda T, q, k, v, m: T.nn.functional.scaled_dot_product_attention(q, k, v, m), q, k, v, mask, tolerance=1e-9
        )
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        check(
            lambda T, *x: T.nn.functional.scaled_dot_product_attention(*x, is_causal=True), q, k, v, second=True,
            tolerance=1e-9,
        )  # fmt: skip
    x = flambeau.ones(2, 3, 4)
    with pytest.raises(RuntimeError, match="Explicit attn_mask should not be set when is_causal=True"):
        F.scaled_dot_product_attention(x, x, x, flambeau.ones(3, 3), is_causal=True)


def test_dropped_weights_of_attention() -> None:
    flambeau.manual_seed(0)
    q, k = flambeau.zeros(1, 400, 2), flambeau.zeros(1, 300, 2)
    result = array(F.scaled_dot_product_attention(q, k, flambeau.eye(300)[None], dropout_p=0.25))
    np.testing.assert_allclose(np.unique(result), [0, 1 / 300 / 0.75], rtol=1e-5)
    assert abs((result == 0).mean() - 0.25) < 0.01


def test_tables_are_renormalised_in_place() -> None:
    weight = floats(4, 3, grad=False) * 3
    ours, places = as_flambeau(weight), torch.tensor([0, 2, 2])
    assert_same(F.embedding(as_flambeau(places), ours, max_norm=1.0), TF.embedding(places, weight, max_norm=1.0))
    assert_same(ours, weight)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_nearest_places_are_rounded_as_pytorch_rounds_them(mode: str) -> None:
    # 128 to 122: element 61 lies at 64 exactly, in single precision just below it.
    for axes, extent in itertools.product((1, 2, 3), (3, 5, 49, 128)):
        shape = (1, 1, *(1,) * (axes - 1), extent)
        values = np.arange(extent, dtype=np.float32).reshape(shape)
        sizes: list[dict[str, Any]] = [{"size": (1,) * (axes - 1) + (out,)} for out in (7, 96, 122)]
        for options in (*sizes, *({"scale_factor": scale} for scale in (1.01, 1.3, 2.0, 2.1, 3.3))):
            ours = F.interpolate(flambeau.tensor(values), mode=mode, **options)
            theirs = TF.interpolate(torch.tensor(values), mode=mode, **options)
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), f"{shape} {options}")


def test_interpolate_bytes() -> None:
    """Pictures of bytes, to the bit."""
    picture = np.random.default_rng(0).integers(0, 256, size=(2, 3, 17, 21), dtype=np.uint8)
    for mode, antialias, aligned, size in itertools.product(
        ("bilinear", "bicubic"), (False, True), (False, True), ((9, 14), (25, 31), (17, 40))
    ):
        options: dict[str, Any] = {"size": size, "mode": mode, "antialias": antialias, "align_corners": aligned}
        ours, theirs = F.interpolate(flambeau.tensor(picture), **options), TF.interpolate(torch.tensor(picture), **options)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), str(options))


def test_warnings() -> None:
    x = flambeau.ones(3, 2)
    with pytest.warns(UserWarning, match="align_corners=False since 1.3.0"):
        F.affine_grid(flambeau.ones(1, 2, 3), (1, 1, 2, 2))
    with pytest.warns(UserWarning, match=r"Using a target size \(torch.Size\(\[2\]\)\) that is different"):
        F.mse_loss(x, flambeau.ones(2))
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated, please use reduction='sum'"):
        old = F.mse_loss(x, x * 2, size_average=False)
    assert float(old) == pytest.approx(float(F.mse_loss(x, x * 2, reduction="sum")))
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.l1_loss(x, x, reduce=False).shape == (3, 2)
    assert [F._Reduction.get_enum(name) for name in ("none", "mean", "sum")] == [0, 1, 2]
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert F._Reduction.legacy_get_enum(False, None) == 2


def test_broadcasting_and_errors_of_losses_of_a_distance() -> None:
    with pytest.warns(UserWarning, match="target size"):
        loss = F.mse_loss(flambeau.ones(3, 4, requires_grad=True), flambeau.zeros(4))
    assert loss.item() == 1.0
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        F.mse_loss(flambeau.ones(3), flambeau.ones(3), reduction="most")
    with pytest.raises(NotImplementedError, match="mse_cpu"):
        F.mse_loss(flambeau.arange(3), flambeau.arange(3))


def test_second_derivative_of_binary_cross_entropy() -> None:
    x = (torch.rand(6, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    check(lambda T, x, t: T.nn.functional.binary_cross_entropy(x, t), x, torch.rand(6, dtype=torch.float64), second=True)


def test_extra_functions() -> None:
    scores = flambeau.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    classes = flambeau.tensor([1, 0, 0])
    assert float(F.accuracy(scores, classes)) == pytest.approx(2 / 3)
    assert float(F.accuracy(scores.argmax(1), classes)) == pytest.approx(2 / 3)
    assert F.cross_entropy_loss is F.cross_entropy and F.triplet_loss is F.triplet_margin_loss
    a, b = flambeau.tensor([[0.0, 0.0], [0.0, 0.0]]), flambeau.tensor([[3.0, 4.0], [0.3, 0.4]])
    loss = F.contrastive_loss(a, b, flambeau.tensor([1, 0]), margin=2.0, reduction="none")
    assert loss.tolist() == pytest.approx([12.5, 0.5 * 1.5**2], rel=1e-4)


def test_ctc_loss_of_an_impossible_target() -> None:
    scores = as_flambeau(torch.log_softmax(floats(2, 1, 4, grad=False), -1))
    target = flambeau.tensor([[1, 1]])
    assert float(F.ctc_loss(scores, target, (2,), (2,))) == float("inf")
    assert float(F.ctc_loss(scores, target, (2,), (2,), zero_infinity=True)) == 0.0
    empty = F.ctc_loss(scores, target, (2,), (0,), reduction="sum")
    assert float(empty) == pytest.approx(-float(scores[:, 0, 0].sum()), rel=1e-5)


# --- dropout ---------------------------------------------------------------------------------------------------------

DROPOUTS = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]


@pytest.mark.parametrize("name", DROPOUTS)
def test_nothing_or_all_dropped(name: str) -> None:
    function, x = getattr(F, name), flambeau.ones(2, 3, *(4, 4, 4)[: 3 if name == "dropout3d" else 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert bool((function(x, 0.7, training=False) == x).all()) and bool((function(x, 0.0, training=True) == x).all())
        assert float(function(x, 1.0, training=True).abs().sum()) == 0.0
    assert F.dropout(flambeau.ones(0, 4), 0.5, True).shape == (0, 4)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [flambeau.float32, flambeau.float64, flambeau.bfloat16], ids=str)
def test_dropout(p: float, dtype: Any) -> None:
    flambeau.manual_seed(5)
    x = flambeau.full((200, 100), 2.0, dtype=dtype, requires_grad=True)
    y = F.dropout(x, p)
    y.sum().backward()
    values, gradients = array(y), array(x.grad)
    kept = values != 0
    assert abs(kept.mean() - (1 - p)) < 4 * (p * (1 - p) / 20_000) ** 0.5
    np.testing.assert_allclose(values[kept], 2 / (1 - p), rtol=1e-2 if dtype is flambeau.bfloat16 else 1e-6)
    np.testing.assert_array_equal(gradients, values / 2)
    assert kept.mean(0).std() < 0.06 and kept.mean(1).std() < 0.08


def test_dropout_draws_anew() -> None:
    x = flambeau.ones(1000, requires_grad=True)
    first, second = F.dropout(x, 0.5), array(F.dropout(x, 0.5))
    assert (array(first) != second).any()
    flambeau.manual_seed(3)
    third = array(F.dropout(x, 0.5))
    flambeau.manual_seed(3)
    again = F.dropout(x, 0.5)
    np.testing.assert_array_equal(third, array(again))
    (gradient,) = flambeau.autograd.grad((again * again).sum(), x, create_graph=True)
    np.testing.assert_array_equal(array(flambeau.autograd.grad(gradient.sum(), x)[0]), 4 * third)


def test_dropout_in_place_and_nan() -> None:
    x = flambeau.full((100,), float("nan"))
    assert flambeau.dropout_(x, 0.5, True) is x and np.isnan(array(x)).all()
    y = flambeau.ones(1000)
    assert F.dropout(y, 0.5, inplace=True) is y and float(y.min()) == 0.0


def test_dropout_of_channels() -> None:
    flambeau.manual_seed(3)
    x = flambeau.ones(40, 50, 2, 2, requires_grad=True)
    y = F.dropout2d(x, 0.3)
    y.sum().backward()
    values = array(y)
    assert (values == values[:, :, :1, :1]).all() and abs((values != 0).mean() - 0.7) < 0.05
    np.testing.assert_array_equal(array(x.grad), values)
    assert F.dropout1d(flambeau.ones(30, 4), 0.5).shape == (30, 4)


@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout"])
def test_alpha_dropout_keeps_the_moments(name: str) -> None:
    flambeau.manual_seed(1)
    y = array(getattr(F, name)(flambeau.randn(300, 300), 0.2, training=True))
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02


def test_functions_that_the_package_has_too_are_the_same() -> None:
    names = [name for name, f in vars(torch.nn.functional).items() if callable(f) and getattr(torch, name, None) is f]
    for name in {*names} & {*dir(F)}:
        assert getattr(flambeau, name) is getattr(F, name), name
    assert len({*names} & {*dir(F)}) > 20


def test_a_function_with_a_parameter_inplace_writes_over_its_input_if_asked() -> None:
    for name in ("relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardsigmoid", "hardswish"):
        x, y = flambeau.linspace(-4, 4, 9), torch.linspace(-4, 4, 9)
        expected = getattr(torch.nn.functional, name)(y, inplace=True)
        assert getattr(F, name)(x, inplace=True) is x and expected is y
        assert_same(x, y, what=name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_root_mean_square_of_small_numbers(dtype: torch.dtype) -> None:
    """Where ``eps`` decides: without one it is that of the dtype in which half types are computed."""
    x = torch.tensor([[1e-4, -2e-4, 3e-5], [0.02, 0.01, -0.03]], dtype=dtype)
    with torch.no_grad():
        expected = torch.nn.functional.rms_norm(x, (3,))
    assert_same(F.rms_norm(as_flambeau(x), (3,)), expected, 1e-2 if dtype.itemsize == 2 else 1e-5)


@pytest.mark.parametrize(
    "program",
    [
        lambda library, x: library.topk(x[:, :0], 0)[0],
        lambda library, x: library.topk(x.t(), 2, 0)[0],
        lambda library, x: library.topk(x.new_ones(5, 4) * x.sum(), 0)[0],
        lambda library, x: library.topk(x.sum() + 2, 0)[0],
        lambda library, x: x.index_add(0, library.zeros(0, dtype=library.int64), x),
        lambda library, x: library.zeros(0, 4, dtype=x.dtype).index_add(0, library.zeros(0, dtype=library.int64), x),
        lambda library, x: library.nn.functional.embedding_bag(
            library.zeros(0, 3, dtype=library.int64), x.sum() + library.ones(5, 2, dtype=x.dtype)
        ),
        lambda library, x: library.nn.functional.grid_sample(
            x.reshape(0, 1, 2, 2), x.reshape(0, 1, 2, 2), align_corners=False
        ),
        lambda library, x: library.nn.functional.grid_sample(
            x.reshape(0, 1, 2, 2), x.reshape(0, 1, 2, 2), mode="bicubic", align_corners=True
        ),
    ],
)
def test_batches_of_nothing_have_a_history(program: Any) -> None:
    """A batch without rows is trained on like any other: its result leads back to what it was computed from."""
    found = []
    for library in (torch, flambeau):
        x = library.zeros(0, 4, dtype=library.float64).requires_grad_()
        result = program(library, x)
        result.sum().backward()
        found.append((tuple(result.shape), result.requires_grad, array(result), tuple(x.grad.shape)))
    assert str(found[0]) == str(found[1])


def test_rows_named_by_short_integers_are_scaled_down() -> None:
    weight, places = torch.arange(12.0).view(4, 3), torch.tensor([3, 1, 3], dtype=torch.int32)
    ours = as_flambeau(weight)
    assert_same(F.embedding(as_flambeau(places), ours, max_norm=1.0), TF.embedding(places, weight, max_norm=1.0))
    assert_same(ours, weight)


@pytest.mark.parametrize("shape", [(1, 5, 12), (2, 4, 3, 3), (2, 4, 2, 3, 2)])
def test_response_norm_of_integers(shape: tuple[int, ...]) -> None:
    """Means of integers are integers, as in PyTorch."""
    numbers = np.random.default_rng(0).integers(0, 9, shape)
    for keywords in ({"size": 3}, {"size": 2, "alpha": 0.5, "beta": 0.7, "k": 2.0}):
        expected, actual = [t.nn.functional.local_response_norm(t.tensor(numbers), **keywords).numpy() for t in (torch, flambeau)]
        np.testing.assert_allclose(actual, expected, 1e-5)
    for name in ("int32", "uint8", "bool"):
        for library in (torch, flambeau):
            with pytest.raises(NotImplementedError):
                library.nn.functional.local_response_norm(library.tensor(numbers).to(getattr(library, name)), 3)
