"""What PyTorch's parser refuses, and with which type: what operations' annotations and the table of overloads say agrees with
it on random arguments."""

from __future__ import annotations

import inspect
import random
import warnings
from typing import Any

import torch

import flambeau
import flambeau.linalg
import flambeau.nn.functional
import flambeau.special
from flambeau.ops.signatures import refusal

VALUES = [
    "torch.ones(2)", "torch.ones(2)", "torch.ones(2, 2)", "torch.tensor(1)", "torch.tensor(2.5)", "1", "1", "0", "1.5", "True",
    "None", "'x'", "(1, 1)", "[0]", "[1.5]", "(True,)", "[torch.ones(2), torch.ones(2)]", "[]", "torch.float32", "float",
    "2**64", "(1, 2**64)", "2**63", "{}",
]  # fmt: skip
FITTING = {
    "Tensor": VALUES[:4], "int": ["1", "0"], "Scalar": ["1", "1.5", "True"], "float": ["1.5", "1"], "bool": ["True"],
    "int[]": ["(1, 1)", "[0]"], "Tensor[]": [VALUES[16]], "str": ["'x'"], "dtype": ["torch.float32"], "Generator": ["None"],
    "Device": ["None"], "any": ["None"],
}  # fmt: skip
KEYWORDS = "dim axis keepdim dtype alpha value correction unbiased stable descending reduce right decimals".split()
ELSEWHERE = {
    # What PyTorch has in Python in front of the parser, or as a property, or with a device or a generator by position.
    "max_pool1d", "max_pool2d", "max_pool3d", "split", "real", "imag", "is_pinned", "pin_memory", "rrelu", "poisson",
    # What shares the forms of another name here, or has a parser of its own.
    "subtract", "unsafe_split", "xlogy_", "copy_",
    # What is the function of torch.nn.functional here, and takes the number of a reduction in PyTorch.
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "ctc_loss", "hinge_embedding_loss", "margin_ranking_loss",
    "poisson_nll_loss", "triplet_margin_loss",
}  # fmt: skip


def native() -> list[tuple[str, Any, Any, bool]]:
    """(name, our function, PyTorch's, whether both are methods) of what PyTorch's parser stands in front of."""
    found = []
    for owner, theirs, prefix in (
        (flambeau, torch, ""), (flambeau.linalg, torch.linalg, "linalg_"), (flambeau.special, torch.special, "special_"),
        (flambeau.nn.functional, torch.nn.functional, ""), (flambeau.Tensor, torch.ones(2, 2), "Tensor."),
    ):  # fmt: skip
        for name, function in vars(owner).items():
            other = getattr(theirs, name, None) if name not in ELSEWHERE else None
            if hasattr(function, "__checked__") and inspect.isbuiltin(other):
                if function.__checked__.native_forms():
                    found.append((prefix + name, function, other, prefix == "Tensor."))
    return found


def theirs(function: Any, arguments: list[str], keywords: dict[str, str]) -> str:
    given = {"torch": torch}
    try:
        function(*(eval(a, given) for a in arguments), **{name: eval(a, given) for name, a in keywords.items()})
    except Exception as error:
        kind = type(error).__name__
        if kind in ("TypeError", "OverflowError") or kind == "ValueError" and "Overflow when" in str(error):
            return kind
    return "taken"


def ours(function: Any, method: bool, arguments: list[str], keywords: dict[str, str]) -> str:
    given = {"torch": flambeau}
    values = [eval(a, given) for a in (["torch.ones(2, 2)"] if method else []) + arguments]
    named = {name: eval(a, given) for name, a in keywords.items()}
    checked = function.__checked__
    found = refusal(checked.forms.name, checked.native_forms(), method, tuple(values), named)
    return "taken" if found is None else type(found).__name__


def test_the_parser_refuses_what_pytorch_refuses() -> None:
    choice = random.Random(7).choice
    chance = random.Random(8).random
    wrong = []
    functions = native()
    assert len(functions) > 700
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, function, other, method in functions:
            forms = function.__checked__.native_forms()
            for _ in range(8):
                form = choice(forms)
                places = [p for p in form if not p.keyword]
                count = choice([len(places), len(places), max(0, len(places) - 1), len(places) + 1])
                kinds = [places[place].kind if place < len(places) else "" for place in range(count)]
                arguments = [choice(FITTING[k] if k in FITTING and chance() < 0.75 else VALUES) for k in kinds]
                arguments = ["None" if k in ("Generator", "Device") else a for k, a in zip(kinds, arguments)]
                keywords = {choice(KEYWORDS): choice(VALUES)} if chance() < 0.25 else {}
                found = theirs(other, arguments, keywords), ours(function, method, arguments, keywords)
                if found[0] != found[1]:
                    wrong.append((name, arguments, keywords, *found))
    assert not wrong, "\n".join(map(str, wrong))


def test_messages_name_what_was_given() -> None:
    def message(title: str, *arguments: Any, **keywords: Any) -> str:
        return str(refusal(title, getattr(flambeau, title).__checked__.native_forms(), False, arguments, keywords))

    x = flambeau.ones(2)
    assert message("tile", x, 2) == "tile(): argument 'dims' (position 2) must be tuple of ints, not int"
    assert message("flip", x, (1, 2**64)).startswith("flip(): argument 'dims' failed to unpack the object at pos 2")
    assert message("lerp", x, 1.5, x).startswith(
        "lerp() received an invalid combination of arguments - got (Tensor, float, "
    )
    assert message("cumsum", x, 2**63).startswith("Overflow when unpacking long long")
