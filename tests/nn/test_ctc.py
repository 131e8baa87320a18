"""Connectionist temporal classification against PyTorch, and where it has no number against what is right."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from reference_device import computing_there

import flambeau

LIBRARIES = (flambeau, torch)
SIZES = [
    (6, 3, 5, 3),
    (30, 4, 7, 10),
    (3, 1, 2, 1),
    (50, 2, 30, 20),
    (80, 3, 40, 33),
    (40, 3, 3, 15),
    (40, 3, 3, 16),
    (60, 2, 5, 17),
]
"""Frames, samples, labels, and the longest target: some targets and their blanks just fill vectors, or go beyond."""


def problem(frames: int, samples: int, labels: int, longest: int, trial: int) -> dict[str, Any]:
    random = np.random.default_rng([frames, labels, trial])
    blank = int(random.integers(labels))
    targets = random.choice([label for label in range(labels) if label != blank], (samples, longest))
    lengths, counts = (
        random.integers(max(1, frames // 2), frames + 1, samples),
        random.integers(0, longest + 1, samples),
    )
    if trial == 1:
        lengths[0], counts[0] = frames, longest
    if trial == 2:
        lengths[-1] = 0
    x = random.standard_normal((frames, samples, labels)) * (1 + trial)
    return {"x": x, "targets": targets, "lengths": lengths, "counts": counts, "blank": blank}


def computed(
    T: Any, p: dict[str, Any], joined: bool, how: str, d: str = "float64", **settings: Any
) -> list[np.ndarray]:
    """The loss, and the gradients of log-probabilities and of what they are made of."""
    targets, counts = p["targets"], p["counts"]
    if joined:
        targets = np.concatenate([row[:count] for row, count in zip(targets, counts)])
    targets = T.tensor(targets)
    if how == "tuples":
        lengths = tuple(p["lengths"].tolist()), tuple(counts.tolist())
    else:
        lengths = T.tensor(p["lengths"]), T.tensor(counts)
        if how == "int32":
            lengths, targets = tuple(each.int() for each in lengths), targets.int()
    x = T.tensor(p["x"]).to(getattr(T, d)).requires_grad_()
    log_probs = x.log_softmax(-1)
    log_probs.retain_grad()
    loss = T.nn.functional.ctc_loss(log_probs, targets, *lengths, blank=p["blank"], **settings)
    weights = T.tensor(np.arange(1, len(counts) + 1) * 0.5).to(log_probs.dtype)
    (loss * weights).sum().backward()
    return [np.array(each.detach().numpy()) for each in (loss, log_probs.grad, x.grad)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_losses_and_gradients(sizes: tuple[int, int, int, int]) -> None:
    ways = [("none", False, "tuples"), ("mean", True, "tensors"), ("sum", False, "int32"), ("none", True, "tensors")]
    for trial, joined in itertools.product(range(4), (False, True)):
        p = problem(*sizes, trial)
        for reduction, zero_infinity, how in ways[trial % 2 :: 2]:
            settings = {"reduction": reduction, "zero_infinity": zero_infinity}
            ours, theirs = (computed(T, p, joined, how, **settings) for T in LIBRARIES)
            for mine, other in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(mine, other, 1e-10, 1e-10)


def test_float32_is_as_near_as_pytorch() -> None:
    p = problem(150, 4, 40, 33, 0)
    exact = computed(torch, p, False, "tuples", reduction="none")
    ours, theirs = (computed(T, p, False, "tuples", "float32", reduction="none") for T in LIBRARIES)
    for mine, other, right in zip(ours, theirs, exact, strict=True):
        assert mine.dtype == np.float32
        assert np.abs(mine - right).max() <= 2 * np.abs(other - right).max()


def test_gradient_takes_probabilities_for_normalised() -> None:
    scores = np.random.default_rng(0).standard_normal((5, 1, 3))
    found = []
    for T in LIBRARIES:
        x = T.tensor(scores, requires_grad=True)
        T.nn.functional.ctc_loss(x, T.tensor([[1, 2]]), (5,), (2,)).backward()
        found.append(np.array(x.grad.numpy()))
    np.testing.assert_allclose(*found, 1e-12, 1e-12)


def test_without_batches_and_in_other_layouts() -> None:
    scores = np.random.default_rng(1).standard_normal((4, 12, 6))
    expressions = [
        "F.ctc_loss(x[0].log_softmax(1), t[0], (12,), (3,), reduction='none')",
        "F.ctc_loss(x[0].log_softmax(1), t[0], T.tensor(12), T.tensor(3))",
        "F.ctc_loss(x[0].log_softmax(1), t[:1], (12,), (2,), reduction='sum')",
        "F.ctc_loss(x.log_softmax(2).transpose(0, 1), t, (12, 9, 12, 7), (3, 2, 1, 0))",
        "F.ctc_loss(x.transpose(1, 2).log_softmax(1).permute(2, 0, 1), t, (12, 9, 12, 7), (3, 2, 1, 0))",
        "F.ctc_loss(x.log_softmax(2)[1:3].transpose(0, 1), t[:, ::2][:2], (12, 9), (2, 1), reduction='sum')",
        "F.ctc_loss(x.transpose(0, 1).log_softmax(2)[2:10], t[1:, :2].float(), *(T.full((k,), n) for k, n in ((4, 8), (4, 1))))"
        .replace("t[1:, :2]", "t[:, :2]"),
        "F.ctc_loss(x.transpose(0, 1).log_softmax(2), t[:, :0], (12,) * 4, (0,) * 4, reduction='none').sum()",
        "F.ctc_loss(x.transpose(0, 1).log_softmax(2), t.flatten()[:0], T.tensor([12] * 4), T.tensor([0] * 4))",
        "T.nn.CTCLoss(blank=5, reduction='sum')(x.transpose(0, 1).log_softmax(2), t, (12,) * 4, (3,) * 4)",
    ]  # fmt: skip
    for expression in expressions:
        found = []
        for T in LIBRARIES:
            x = T.tensor(scores, requires_grad=True)
            names = {"F": T.nn.functional, "T": T, "x": x, "t": T.tensor([[1, 2, 3], [1, 1, 2], [4, 3, 4], [2, 2, 2]])}
            loss = eval(expression, names)
            loss.backward()
            found.append((np.array(loss.detach().numpy()), np.array(x.grad.numpy()), tuple(loss.shape)))
        assert found[0][2] == found[1][2], expression
        for mine, other in zip(found[0][:2], found[1][:2], strict=True):
            np.testing.assert_allclose(mine, other, 1e-10, 1e-10, err_msg=expression)


def test_history() -> None:
    for T in LIBRARIES:
        x = T.zeros(4, 2, 3).log_softmax(-1).requires_grad_()
        call = (T.tensor([[1], [2]]), (4, 4), (1, 1))
        loss = T.nn.functional.ctc_loss(x, *call, reduction="none")
        assert loss.grad_fn.name() == "CtcLossBackward0"
        (slope,) = T.autograd.grad(loss.sum(), x, create_graph=True)
        assert slope.requires_grad
        with pytest.raises(RuntimeError, match="derivative for aten::_ctc_loss_backward is not implemented"):
            slope.sum().backward()


def test_what_is_impossible_takes_no_part() -> None:
    """PyTorch's gradient of a label that cannot be is NaN; that of the loss, which it takes no part in, is 0."""
    scores = np.random.default_rng(2).standard_normal((6, 1, 4))
    scores[:, 0, 3] = -np.inf
    scores[2, 0, 1] = -np.inf
    x = flambeau.tensor(scores).log_softmax(-1).requires_grad_()
    flambeau.nn.functional.ctc_loss(x, flambeau.tensor([[1, 2]]), (6,), (2,)).backward()
    y = torch.tensor(scores).log_softmax(-1).requires_grad_()
    torch.nn.functional.ctc_loss(y, torch.tensor([[1, 2]]), (6,), (2,)).backward()
    mine, other = np.array(x.grad.numpy()), y.grad.numpy()
    possible = np.isfinite(scores)
    np.testing.assert_allclose(mine[possible], other[possible], 1e-12)
    assert (mine[~possible] == 0).all() and np.isnan(other[~possible]).all()


def test_same_bits_on_any_number_of_threads_and_nearly_so_elsewhere() -> None:
    p, threads = problem(40, 5, 12, 20, 0), flambeau.get_num_threads()
    results = []
    for count in (1, 2):
        flambeau.set_num_threads(count)
        results.append(computed(flambeau, p, True, "tensors", "float32", reduction="none"))
    flambeau.set_num_threads(threads)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    for zero_infinity, joined in itertools.product((False, True), (False, True)):
        settings = {"reduction": "none", "zero_infinity": zero_infinity}
        p = problem(20, 6, 5, 12, 1)
        ours = computed(flambeau, p, joined, "tensors", **settings)
        with computing_there():
            known = computed(flambeau, p, joined, "tensors", **settings)
        for mine, other in zip(ours, known, strict=True):
            np.testing.assert_allclose(mine, other, 1e-11, 1e-11)


# --- errors --------------------------------------------------------------------------------------------------------------

WRONG = """
l, t, (7, 6, 6), c; l, t, (-1, 6, 6), c; l, t, n, (-1, 2, 2); l, t, n, (4, 2, 2); l, t, (6, 6), c; l, t, n, (1, 2)
l, t.flatten()[:5], n, c; l, t.flatten()[:7], n, c; l, t[:2], n, c; l, t[None], n, c; l[None], t, n, c
l, t, n, c, -1; l, t, n, c, 5; l.half(), t, n, c; l.long(), t, n, c; l[:0], t, (0, 0, 0), c; l[:, :0], t[:0], (), ()
l, t, T.tensor([6.0, 6, 6]), T.tensor(c); l, t, T.tensor(n), T.tensor([1.0, 2, 3]); l, t, n, c, 0, 'most'
"""
FOUND_LATE = """
l, t, T.tensor((7, 6, 6)), T.tensor(c); l, t, T.tensor((6, 6, -3)), T.tensor(c); l, t, T.tensor(n), T.tensor((2, -1, 2))
l, t, T.tensor(n), T.tensor((3, 2, 4)); l, t.flatten()[:5], T.tensor(n), T.tensor(c); l, t.flatten()[:7], T.tensor(n), T.tensor(c)
"""
"""Of lengths in tensors, which are looked at when the loss is computed; errors then say where it was recorded."""


def of_lines(text: str) -> list[str]:
    return [each.strip() for line in text.strip().splitlines() for each in line.split(";")]


def test_lengths_of_other_types() -> None:
    for T in LIBRARIES:
        log_probs, targets = T.zeros(6, 1, 5).log_softmax(-1), T.tensor([[1, 2]])
        for lengths in ((T.tensor([6]), (2,)), ((6,), T.tensor([2])), (6, 2), ((6.0,), (2,)), ("6", (2,))):
            with pytest.raises(TypeError):
                T.nn.functional.ctc_loss(log_probs, targets, *lengths)


@pytest.mark.parametrize("arguments", [*of_lines(WRONG), *of_lines(FOUND_LATE)])
def test_errors(arguments: str) -> None:
    raised = []
    for T in LIBRARIES:
        names = {"T": T, "l": T.zeros(6, 3, 5).log_softmax(-1), "n": (6, 6, 6), "c": (3, 2, 1)}
        names |= {"t": T.tensor([[1, 2, 3], [1, 1, 2], [4, 4, 4]])}
        with pytest.raises(Exception) as caught:  # noqa: PT011
            float(T.nn.functional.ctc_loss(*eval(f"({arguments})", names)))
        words = str(caught.value).split("\n")[0]
        raised.append((type(caught.value), words.split(" (recorded at")[0] if arguments in FOUND_LATE else words))
    assert raised[0] == raised[1]


def test_labels_that_there_are_not() -> None:
    scores = flambeau.zeros(6, 2, 5).log_softmax(-1)
    for wrong in (5, -1, 1 << 40):
        targets = flambeau.tensor([[1, 2, 3], [1, wrong, 3]])
        with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds"):
            float(flambeau.nn.functional.ctc_loss(scores, targets, (6, 6), (3, 3)))
        float(flambeau.nn.functional.ctc_loss(scores, targets, (6, 6), (3, 1)))  # nobody reads it


def test_targets_that_are_views_of_a_vector() -> None:
    """A view in another shape over all of its memory is read in its own shape."""
    random = np.random.default_rng(3)
    logits, targets = random.normal(size=(16, 4, 8)), random.integers(1, 8, 12)
    losses = []
    for library in LIBRARIES:
        given = library.tensor(targets).view(4, 3), library.tensor([16, 16, 15, 16]), library.tensor([2, 1, 3, 2])
        losses.append(library.nn.functional.ctc_loss(library.tensor(logits).log_softmax(2), *given, reduction="none").numpy())
    np.testing.assert_allclose(*losses, 1e-12)
