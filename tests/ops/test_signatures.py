"""What PyTorch's parser refuses, and with which type: the table of signatures agrees with it on random arguments."""

from __future__ import annotations

import random
import re
import warnings
from typing import Any

import torch

import flambeau
from flambeau.ops.signature_table import SIGNATURES
from flambeau.ops.signatures import refusal, signatures

NAMES = sorted({name for names in re.findall(r"\)([^(]*)", SIGNATURES) for name in names.split()})
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
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "split",
    "real",
    "imag",
    "is_pinned",
    "pin_memory",
    "rrelu",
    "poisson",
}
"""What PyTorch has in Python in front of the parser, or as a property, or with a device or a generator by position."""


def the_callable(name: str) -> tuple[str, Any, bool]:
    """(title, PyTorch's function or bound method, whether it is a method) of what has a line in the table."""
    if name.startswith("Tensor."):
        return name[7:], getattr(torch.ones(2, 2), name[7:]), True
    for prefix in ("linalg", "special"):
        if name.startswith(prefix + "_"):
            return name, getattr(getattr(torch, prefix), name[len(prefix) + 1 :]), False
    return name, getattr(torch, name, None) or getattr(torch.nn.functional, name), False


def theirs(function: Any, arguments: list[str], keywords: dict[str, str]) -> str:
    given = {"torch": torch}
    try:
        function(*(eval(a, given) for a in arguments), **{name: eval(a, given) for name, a in keywords.items()})
    except Exception as error:
        kind = type(error).__name__
        if kind in ("TypeError", "OverflowError") or kind == "ValueError" and "Overflow when" in str(error):
            return kind
    return "taken"


def ours(title: str, method: bool, arguments: list[str], keywords: dict[str, str]) -> str:
    given = {"torch": flambeau}
    values = [eval(a, given) for a in (["torch.ones(2, 2)"] if method else []) + arguments]
    named = {name: eval(a, given) for name, a in keywords.items()}
    found = refusal(title, signatures((title,), method), method, tuple(values), named)
    return "taken" if found is None else type(found).__name__


def test_the_parser_refuses_what_pytorch_refuses() -> None:
    choice = random.Random(7).choice
    chance = random.Random(8).random
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in NAMES:
            title, function, method = the_callable(name) if name not in ELSEWHERE else ("", None, False)
            forms = signatures((title,), method)
            for _ in range(12 if title else 0):
                form = choice(forms)
                places = [p for p in form if not p.keyword]
                count = choice([len(places), len(places), max(0, len(places) - 1), len(places) + 1])
                kinds = [places[place].kind if place < len(places) else "" for place in range(count)]
                arguments = [choice(FITTING[k] if k in FITTING and chance() < 0.75 else VALUES) for k in kinds]
                arguments = ["None" if k in ("Generator", "Device") else a for k, a in zip(kinds, arguments)]
                keywords = {choice(KEYWORDS): choice(VALUES)} if chance() < 0.25 else {}
                found = theirs(function, arguments, keywords), ours(title, method, arguments, keywords)
                if found[0] != found[1]:
                    wrong.append((name, arguments, keywords, *found))
    assert not wrong, wrong


def test_messages_name_what_was_given() -> None:
    def message(title: str, *arguments: Any, **keywords: Any) -> str:
        return str(refusal(title, signatures((title,), False), False, arguments, keywords))

    x = flambeau.ones(2)
    assert message("tile", x, 2) == "tile(): argument 'dims' (position 2) must be tuple of ints, not int"
    assert message("flip", x, (1, 2**64)).startswith("flip(): argument 'dims' failed to unpack the object at pos 2")
    assert message("lerp", x, 1.5, x).startswith(
        "lerp() received an invalid combination of arguments - got (Tensor, float, "
    )
    assert message("cumsum", x, 2**63).startswith("Overflow when unpacking long long")
