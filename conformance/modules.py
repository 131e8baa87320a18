"""``module_db``: every layer with PyTorch's samples and PyTorch's parameters: state, results, gradients."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch.testing._internal.common_modules import module_db

import flambeau
import flambeau.nn

from .comparison import difference, parts
from .counterparts import Converter, Unusable, resolved
from .tally import Tally

DTYPES = ("float32", "float64")


def names() -> list[str]:
    return list(dict.fromkeys(info.name for info in module_db))


def check(name: str, dtypes: Sequence[str] = DTYPES) -> Tally:
    """One layer, in all entries that it has, for training and for evaluation."""
    tally = Tally(name)
    warnings.simplefilter("ignore")
    for info in [info for info in module_db if info.name == name]:
        for dtype in sorted(info.supported_dtypes("cpu"), key=str):
            for training in (True, False) if str(dtype)[6:] in dtypes else ():
                torch.manual_seed(0)
                made = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
                for sample in made:
                    if sample.forward_input is not None:
                        _check_sample(info, sample, dtype, training, tally)
    return tally


def _check_sample(info: Any, sample: Any, dtype: torch.dtype, training: bool, tally: Tally) -> None:
    made, called = sample.constructor_input, sample.forward_input
    name = str(dtype)[6:]
    try:
        torch.manual_seed(0)
        theirs = info.module_cls(*made.args, **made.kwargs).to(dtype)
        theirs.train(training)
        if info.is_lazy:
            with torch.no_grad():
                theirs(*called.args, **called.kwargs)
        state = {key: value.clone() for key, value in theirs.state_dict().items()}
        expected = _outcome(torch, theirs, called.args, called.kwargs)
        theirs.load_state_dict(state)
        torch.manual_seed(1)
        again = _outcome(torch, theirs, called.args, called.kwargs)
    except Exception as error:
        tally.left[f"PyTorch raises {type(error).__name__}"] += 1
        return
    values = difference(_as_ours(expected[0]), again[0]) is None
    if not values:
        tally.left["values drawn at random"] += 1
    here = Converter()
    try:
        cls = resolved(f"nn.{info.module_cls.__name__}" if hasattr(torch.nn, info.module_cls.__name__) else
                       f"{info.module_cls.__module__}.{info.module_cls.__name__}")  # fmt: skip
        ours = cls(*map(here, made.args), **here(made.kwargs)).to(here(dtype))
        ours.train(training)
        if info.is_lazy:
            with flambeau.no_grad():
                ours(*map(here, called.args), **{key: here(value) for key, value in called.kwargs.items()})
        ours.load_state_dict({key: here(value) for key, value in state.items()})
        actual = _outcome(flambeau, ours, here(called.args), here(called.kwargs))
        for form, a, b in zip(("values", "state", "gradients"), actual, expected):
            tally.add(name, form, difference(a, b, values, 10.0))
    except Unusable as error:
        tally.left[str(error)] += 1
        if "there is no" in str(error):
            tally.add(name, "values", str(error))
    except Exception as error:
        tally.add(name, "values", f"{type(error).__name__}: {error}")


def _as_ours(value: Any) -> Any:
    return Converter()([each.detach() for each in parts(value) if isinstance(each, torch.Tensor)])


def _outcome(library: Any, module: Any, arguments: Any, keywords: Any) -> tuple[Any, Any, Any]:
    """The results, the state afterwards, and gradients of the sum of squares with respect to parameters and inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = module(*arguments, **keywords)
        outputs = [y for y in parts(result) if isinstance(y, library.Tensor)]
        inputs = [x for x in parts([arguments, keywords]) if isinstance(x, library.Tensor) and x.requires_grad]
        wanted = [*inputs, *[p for p in module.parameters() if p.requires_grad]]
        differentiable = [y for y in outputs if y.requires_grad]
        gradients: Any = []
        if wanted and differentiable:
            total = sum((y * y).sum() for y in differentiable)
            found = library.autograd.grad(total, wanted, allow_unused=True)
            gradients = [library.zeros_like(x) if g is None else g for g, x in zip(found, wanted)]
        return [y.detach() for y in outputs], dict(module.state_dict()), gradients
