"""``optim_db``: every optimiser with PyTorch's settings: parameters after some steps, state, and the state's dictionary."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch.testing._internal.common_optimizers import optim_db

import flambeau
import flambeau.optim

from .comparison import difference
from .counterparts import Converter, Unusable, resolved
from .tally import Tally

DTYPES = ("float32", "float64")
STEPS = 7


def names() -> list[str]:
    return [info.optim_cls.__name__ for info in optim_db]


def check(name: str, dtypes: Sequence[str] = DTYPES) -> Tally:
    """One optimiser with all of PyTorch's settings, on a weight and (where it takes them) a bias."""
    tally = Tally(name)
    (info,) = [info for info in optim_db if info.optim_cls.__name__ == name]
    for dtype in (getattr(torch, each) for each in dtypes):
        for sample in info.optim_inputs_func(device="cpu", dtype=dtype):
            _check_settings(info, sample, dtype, tally)
    return tally


def _check_settings(info: Any, sample: Any, dtype: torch.dtype, tally: Tally) -> None:
    name = str(dtype)[6:]
    generator = torch.Generator().manual_seed(0)
    shapes = [(4, 3), (3, 5)] if info.optim_cls is torch.optim.Muon else [(4, 3), (3,), (2, 3, 2)]
    starts = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
    targets = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
    sparse = info.only_supports_sparse_grads
    try:
        expected = _trained(torch, info.optim_cls, starts, targets, sample.kwargs, sparse)
    except Exception as error:
        tally.left[f"PyTorch raises {type(error).__name__}"] += 1
        return
    here = Converter()
    try:
        actual = _trained(flambeau, resolved(f"optim.{info.optim_cls.__name__}"), here(starts), here(targets),
                          here(sample.kwargs), sparse)  # fmt: skip
    except (Unusable, Exception) as error:
        tally.add(name, "values", f"{sample.desc}: {type(error).__name__}: {error}")
        return
    # Newton-Schulz iterations in bfloat16 are of its precision; the curvature that LBFGS remembers is what is left of the
    # difference of gradients, in float32 three digits.
    slack = 2000.0 if info.optim_cls is torch.optim.Muon else 10.0
    for form, a, b in zip(("values", "state"), actual, expected):
        short = form == "state" and name == "float32" and info.optim_cls is torch.optim.LBFGS
        unlike = difference(a, b, True, 2000.0 if short else slack)
        tally.add(name, form, unlike and f"{sample.desc}: {unlike}")


def _trained(
    library: Any, optimiser: Any, starts: list[Any], targets: list[Any], keywords: dict[str, Any], sparse: bool
) -> tuple[Any, Any]:
    """The parameters after some steps towards the targets, and the optimiser's ``state_dict``."""
    steps = STEPS if optimiser.__name__ != "LBFGS" else 1  # of twenty iterations
    parameters = [library.nn.Parameter(start.clone()) for start in starts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = optimiser(parameters, **keywords)

        def closure() -> Any:
            made.zero_grad()
            loss = sum(((p - t) ** 4).sum() for p, t in zip(parameters, targets))
            loss.backward()
            if sparse:
                for parameter in parameters:
                    parameter.grad = parameter.grad.to_sparse()
            return loss

        for _ in range(steps):
            made.step(closure)
    return [p.detach() for p in parameters], made.state_dict()
