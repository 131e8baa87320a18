"""Attention in one kernel, without the matrix of scores in memory: results and gradients as PyTorch's, whatever the operands."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from oracle import array, as_flambeau, assert_same, check, error
from reference_device import computing_there
from torch.nn.attention import SDPBackend, sdpa_kernel

import flambeau
import flambeau.utils.checkpoint
from flambeau.compiler import report
from flambeau.cpu.attention import panels
from flambeau.cpu.register_tile import Registers
from flambeau.graph import steps, trace
from flambeau.nn import functional as F
from flambeau.ops import attention


def doubles(*shape: int, seed: int = 0, grad: bool = True) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_(grad)


def operands(
    rows: int, places: int, width: int = 8, value_width: int | None = None, batch: tuple[int, ...] = (2, 3)
) -> list[torch.Tensor]:
    shapes = (rows, width), (places, width), (places, value_width or width)
    return [doubles(*batch, *shape, seed=seed) for seed, shape in enumerate(shapes)]


def attend(library: Any, *tensors: Any, **options: Any) -> Any:
    return library.nn.functional.scaled_dot_product_attention(*tensors, **options)


@pytest.fixture
def exactly() -> Any:
    """PyTorch computes step by step, which can be differentiated twice and leaves no score out."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


# Rows and columns of the matrix of scores around the sizes of blocks, and widths around those of vectors.
SIZES = [
    (32, 64, 16, 16), (200, 70, 8, 8), (33, 129, 1, 3), (64, 192, 64, 64), (100, 130, 20, 33), (65, 200, 17, 5),
    (40, 301, 12, 80),
]  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_sizes(size: tuple[int, int, int, int], dtype: torch.dtype, exactly: None) -> None:
    given = [x.detach().to(dtype).requires_grad_() for x in operands(*size)]
    tolerance = 1e-12 if dtype is torch.float64 else 1e-5
    for options in ({}, {"is_causal": True}, {"scale": 0.7}):
        check(lambda T, *x, o=options: attend(T, *x, **o), *given, tolerance=tolerance)


def test_gradients_of_gradients(exactly: None) -> None:
    mask = doubles(33, 130, seed=5, grad=False)
    for options in ({}, {"is_causal": True}, {"attn_mask": mask}, {"attn_mask": mask > -1}):
        check(
            lambda T, *x, o=options: attend(T, *x[:3], *x[3:], **{k: v for k, v in o.items() if k != "attn_mask"}),
            *operands(33, 130), *([options["attn_mask"]] if "attn_mask" in options else []), second=True, tolerance=1e-9,
        )  # fmt: skip


def masks(rows: int, places: int) -> dict[str, torch.Tensor]:
    seen = doubles(rows, places, grad=False) > -0.5
    blind = seen & (torch.arange(rows) != 3)[:, None]
    return {
        "matrix": seen, "one for each head": doubles(3, rows, places, grad=False) > 0, "added": doubles(rows, places, grad=False),
        "of padding": doubles(2, 1, 1, places, grad=False) > 0, "of padding, added": doubles(2, 1, 1, places, grad=False),
        "one for each row": doubles(2, 1, rows, 1, grad=False), "transposed": doubles(places, rows, grad=False).t(),
        "with a row that sees nothing": blind, "with infinite numbers": torch.where(blind, 0.5, -torch.inf).double(),
        "expanded": seen.expand(2, 3, rows, places), "of every other place": doubles(rows, 2 * places, grad=False)[:, ::2],
    }  # fmt: skip


@pytest.mark.parametrize("name", masks(1, 1))
def test_masks(name: str, exactly: None) -> None:
    mask = masks(50, 150)[name]
    check(attend_masked, *operands(50, 150, 12), mask, tolerance=1e-11)
    if mask.dtype != torch.bool:
        given = [x.detach().float().requires_grad_() for x in operands(50, 150, 12)]
        check(attend_masked, *given, mask.float(), tolerance=1e-5)


def attend_masked(library: Any, *tensors: Any) -> Any:
    return attend(library, *tensors)


WRONG_MASKS = [(39, 70), (41, 70), (40, 69), (70,), (), (2, 1, 40, 70), (3, 40, 70), (1, 1, 2, 40, 70)]


def test_masks_that_do_not_fit() -> None:
    def outcome(T: Any, shape: tuple[int, ...], large: bool, dtype: str) -> tuple[str, str]:  # noqa: N803
        mask = T.ones(shape, dtype=getattr(T, dtype))
        query, key = T.ones(1, 2, 40, 8, requires_grad=True), T.ones(1, 2, 70, 8)
        return error(attend, T, query if large else query[:, :, :20], key, key, mask if large else mask[..., :20, :])

    for shape in WRONG_MASKS:
        for dtype in ("bool", "float32"):
            assert outcome(flambeau, shape, True, dtype) == outcome(torch, shape, True, dtype), shape
            if len(shape) > 2:
                assert outcome(flambeau, shape, False, dtype) == outcome(torch, shape, False, dtype), shape


def test_a_mask_that_is_learnt(exactly: None) -> None:
    check(attend_masked, *operands(50, 150, 12), doubles(3, 50, 150), tolerance=1e-11)


FORMS = {
    "heads split off the features": lambda T, q, k, v: attend(T, *(x.reshape(2, -1, 3, 8).transpose(1, 2) for x in (q, k, v))),
    "sequence first": lambda T, q, k, v: attend(T, *(x.reshape(-1, 2, 3, 8).permute(1, 2, 0, 3) for x in (q, k, v))),
    "transposed": lambda T, q, k, v: attend(T, *(x.reshape(2, 3, 8, -1).transpose(2, 3) for x in (q, k, v))),
    "every other one": lambda T, q, k, v: attend(T, q[..., ::2], k[..., ::2], v[:, :, :, 1::2]),
    "of one head": lambda T, q, k, v: attend(T, q, k[:, :1], v[:1]),
    "of all but one query": lambda T, q, k, v: attend(T, q[:, :, 1:], k[:, :, 2:], v[:, :, 2:]),
    "of the same": lambda T, q, k, v: attend(T, k, k, k, is_causal=True),
    "summed up": lambda T, q, k, v: attend(T, q, k, v).sum((0, 2)),
    "of a matrix": lambda T, q, k, v: attend(T, q[0, 0], k[0, 0], v[0, 0]),
    "transposed afterwards": lambda T, q, k, v: (attend(T, q, k, v).transpose(1, 2).flatten(2) * 2),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str, exactly: None) -> None:
    check(FORMS[name], *operands(40, 132), tolerance=1e-11)


def test_groups_of_heads(exactly: None) -> None:
    query, key, value = doubles(2, 6, 40, 8), doubles(2, 2, 132, 8), doubles(2, 2, 132, 5)
    for mask in ([], [doubles(40, 132, grad=False) > 0], [doubles(2, 6, 40, 132, grad=False)]):
        check(lambda T, *x: attend(T, *x, enable_gqa=True), query, key, value, *mask, tolerance=1e-11)
    check(lambda T, *x: attend(T, *x, enable_gqa=True, is_causal=True), query, key, value, tolerance=1e-11)


def test_nothing_to_multiply_or_to_look_at() -> None:
    for shapes in (((3, 0), (4, 0), (4, 2)), ((3, 2), (0, 2), (0, 2)), ((0, 2), (4, 2), (4, 2)), ((70, 0), (80, 0), (80, 2))):
        check(attend_masked, *(torch.ones(1, 2, *shape) for shape in shapes))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_types(dtype: torch.dtype) -> None:
    given = [x.detach().to(dtype).requires_grad_() for x in operands(40, 132)]
    check(attend_masked, *given)


def test_memory_order_of_results() -> None:
    for order in ((0, 1, 2, 3), (0, 2, 1, 3), (2, 0, 1, 3)):
        shape = [(2, 3, 40, 8)[axis] for axis in order]
        back = [order.index(axis) for axis in range(4)]
        results = []
        for library in (torch, flambeau):
            query = library.ones(shape).permute(back)
            key = library.ones(2, 3, 132, 8)
            results.append(attend(library, query, key, key))
        assert results[1].stride() == results[0].stride()


@pytest.mark.filterwarnings("ignore")
def test_what_is_not_finite(exactly: None) -> None:
    """Rows that meet what is not a number are none, and no others."""
    for number in (torch.nan, torch.inf):
        query, key, value = (x.detach().clone() for x in operands(40, 132))
        query[0, 1, 5, 2] = number
        value[1, 2, 7, 3] = torch.nan
        result = array(attend(flambeau, *as_flambeau([query, key, value])))
        np.testing.assert_array_equal(np.isnan(result), np.isnan(array(attend(torch, query, key, value))))


# --- dropout ----------------------------------------------------------------------------------------------------------


def dropped(create_graph: bool, large: bool, monkeypatch: pytest.MonkeyPatch, p: float = 0.3) -> list[np.ndarray]:
    with monkeypatch.context() as patch:
        if not large:
            patch.setattr(attention, "FEWEST_PLACES", 1 << 30)
        flambeau.manual_seed(3)
        tensors = as_flambeau(operands(40, 132))
        result = attend(flambeau, *tensors, dropout_p=p)
        gradients = flambeau.autograd.grad((result * result.detach().cos()).sum(), tensors, create_graph=create_graph)
        more = flambeau.autograd.grad(sum((g * g).sum() for g in gradients), tensors) if create_graph else ()
        return [array(x) for x in (result, *gradients, *more)]


def test_backward_drops_what_forward_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step and in one kernel the same weights are dropped, in gradients of gradients too."""
    known = dropped(True, False, monkeypatch)
    for create_graph in (False, True):
        for mine, other in zip(dropped(create_graph, True, monkeypatch), known):
            np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-11)
    again = dropped(False, True, monkeypatch)
    for mine, other in zip(again, dropped(False, True, monkeypatch), strict=True):
        np.testing.assert_array_equal(mine, other)
    for p in (0.0, 1.0):
        for mine, other in zip(dropped(False, True, monkeypatch, p), dropped(False, False, monkeypatch, p), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-11)


def test_every_step_drops_others() -> None:
    flambeau.manual_seed(0)
    x = flambeau.ones(1, 64, 4)
    key, value = flambeau.ones(1, 130, 4), flambeau.eye(130)[None]
    seen = [array(F.scaled_dot_product_attention(x, key, value, dropout_p=0.5)) > 0 for _ in range(4)]
    assert all((one != other).mean() > 0.45 for one, other in zip(seen, seen[1:], strict=False))


@pytest.mark.parametrize("create_graph", [False, True])
def test_saved_values_may_be_kept_elsewhere(create_graph: bool) -> None:
    """By hooks that pack them, or by computing them again."""
    mask = doubles(40, 132, grad=False) > 0

    def run(way: str) -> list[np.ndarray]:
        flambeau.manual_seed(2)
        tensors, seen = as_flambeau(operands(40, 132)), as_flambeau(mask)
        function = lambda *x: attend(flambeau, *x, seen, dropout_p=0.2)  # noqa: E731
        if way == "hooks":
            with flambeau.autograd.graph.saved_tensors_hooks(array, flambeau.tensor):
                result = function(*tensors)
        elif way == "again":
            result = flambeau.utils.checkpoint.checkpoint(function, *tensors, use_reentrant=False)
        else:
            result = function(*tensors)
        return [array(x) for x in flambeau.autograd.grad((result**2).sum(), tensors, create_graph=create_graph)]

    known = run("plain")
    for way in ("hooks", "again"):
        for mine, other in zip(run(way), known, strict=True):
            np.testing.assert_array_equal(mine, other)


# --- kernels ----------------------------------------------------------------------------------------------------------


def gradients(options: dict[str, Any], dtype: torch.dtype = torch.float32) -> list[np.ndarray]:
    tensors = [as_flambeau(x.detach().to(dtype)).requires_grad_() for x in operands(100, 150, 20, 33)]
    flambeau.manual_seed(1)
    result = attend(flambeau, *tensors, **{key: as_flambeau(value) for key, value in options.items()})
    (result * result.detach().cos()).sum().backward()
    return [array(x) for x in (result, *(x.grad for x in tensors))]


OPTIONS = [{}, {"is_causal": True}, {"dropout_p": 0.2}, {"attn_mask": doubles(100, 150, grad=False) > 0}]


@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
def test_threads_do_not_show(options: dict[str, Any]) -> None:
    threads = flambeau.get_num_threads()
    outcomes = []
    for count in (1, 2):
        flambeau.set_num_threads(count)
        outcomes.append(gradients(options))
    flambeau.set_num_threads(threads)
    for one, other in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("registers", [Registers(16, 32), Registers(32, 16)], ids=str)
def test_registers_do_not_show(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits are the same on machines with fewer or smaller registers."""
    outcomes = []
    for _ in range(2):
        trace.step_boundary()
        steps.forget_steps()
        outcomes.append([x for options in OPTIONS for x in gradients(options)])
        monkeypatch.setattr(panels, "host_registers", lambda: registers)
    trace.step_boundary()
    steps.forget_steps()
    for one, other in zip(*outcomes, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
def test_the_reference_device_agrees(options: dict[str, Any]) -> None:
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        ours = gradients(options, dtype)
        with computing_there():
            known = gradients(options, dtype)
        for mine, other in zip(ours, known, strict=True):
            np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance)


def test_no_matrix_of_scores_is_kept() -> None:
    """Temporaries for 1,024 queries and keys are a few times as large as the operands (512 KB), not as the matrix (16 MB)."""
    tensors = [flambeau.randn(1, 4, 1024, 32, requires_grad=True) for _ in range(3)]
    for _ in range(3):
        for x in tensors:
            x.grad = None
        result = attend(flambeau, *tensors, is_causal=True)
        result.sum().backward()
        tensors[0].grad.numpy()
        text = report.last_evaluation()
        assert re.findall("  (attention.*)$", text, re.MULTILINE) == ["attention", "attention gradient"]
        assert int(re.findall("([0-9]+) bytes for temporaries", text)[0]) < 4 * 1024 * 1024
    assert_same(result, attend(torch, *(torch.from_numpy(array(x)) for x in tensors), is_causal=True), 1e-5)
