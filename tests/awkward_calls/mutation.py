"""Awkward calls: right ones with some of their arguments replaced by others of the same kind, or of another."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from functools import lru_cache

from .plain import PLAIN

INTEGERS = [
    "-1", "0", "1", "2", "3", "-2", "7", "-7", "100", "2**31 - 1", "2**31", "-2**31", "2**32", "2**40", "2**62", "2**63 - 1",
    "-2**63", "2**63", "2**64",
]  # fmt: skip
NUMBERS = ["0.0", "-1.0", "1.0", "2.5", "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "2**40", "-1"]
STRINGS = ["''", "'mean'", "'sum'", "'none'", "'nearest'", "'bilinear'", "'reflect'", "'same'", "'valid'", "'fro'", "'x'"]
DTYPES = ["float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"]
OTHERS = ["None", "'x'", "1.5", "True", "[]", "()", "(1, 2)", "[1.5]", "1j", "torch.float32", "object()", "T(2)", "L(2)", "{}"]
SHAPES = ["", "0", "1", "4", "2, 0, 3", "0, 4", "3, 0", "1, 1", "3, 4", "4, 3", "2, 3, 4", "1, 2, 3, 4", "1, 1, 1, 1, 1"]
TENSORS = [
    *(f"T({shape})" for shape in SHAPES),
    *(f"L({shape})" for shape in SHAPES[:-3]),
    "M(3, 4)", "M(4)", "S(3)", "T(3, 4).t()", "T(4, 4)[1:, ::2]", "T(3, 4).half()", "T(3, 4).double()", "T(3, 4).bfloat16()",
    "T(3, 4).int()", "L(3, 4).to(torch.uint8)", "T(3, 4) * nan", "T(3, 4) / 0", "L(4) - 2", "L(4) + 2**40", "L(4) - 2**63",
    "T(1).expand(2**40)", "T(1, 1).expand(2**31, 2**31)", "T(1).expand(2**62)", "T(1, 1).expand(3, 2**35)",
    "T(4).requires_grad_()", "T(3, 4).requires_grad_()", "T(2, 3, 4).requires_grad_()",
]  # fmt: skip


@lru_cache(maxsize=1024)
def _parsed(line: str) -> ast.expr:
    return ast.parse(line, mode="eval").body


class Mutation:
    """Replaces arguments of calls by awkward ones, chosen by one stream of random numbers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def call(self) -> str:
        """One awkward call."""
        tree = ast.parse(self.random.choice(PLAIN), mode="eval").body
        if isinstance(tree, ast.Call) and self.random.random() < 0.3:
            tree = self.as_method(tree)
        places = list(self.arguments(tree))
        count = min(len(places), self.random.choice((1, 1, 1, 2, 2, 3)))
        for owner, field, index in self.random.sample(places, count):
            values = getattr(owner, field)
            if index is None:
                setattr(owner, field, self.replaced(values))
            else:
                values[index] = self.replaced(values[index])
        return ast.unparse(tree)

    def as_method(self, call: ast.Call) -> ast.Call:
        """``x.name(...)`` or ``x.name_(...)`` in place of ``torch.name(x, ...)``."""
        function = call.func
        plain = isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "torch"
        if not plain or not call.args or not isinstance(call.args[0], ast.Call):
            return call
        assert isinstance(function, ast.Attribute)
        name = function.attr + ("_" if self.random.random() < 0.5 else "")
        return ast.Call(ast.Attribute(call.args[0], name, ast.Load()), call.args[1:], call.keywords)

    def arguments(self, tree: ast.expr) -> Iterator[tuple[ast.AST, str, int | None]]:
        """Places of arguments: (node, field, place in a list)."""
        if isinstance(tree, ast.Call):
            yield from ((tree, "args", index) for index in range(len(tree.args)))
            yield from ((keyword, "value", None) for keyword in tree.keywords)
            function = tree.func
            if isinstance(function, ast.Call):  # a layer is made and called
                yield from self.arguments(function)
            elif isinstance(function, ast.Attribute) and isinstance(function.value, (ast.Call, ast.Subscript)):
                yield function, "value", None
        elif isinstance(tree, ast.Subscript):
            yield tree, "value", None
            yield tree, "slice", None

    def replaced(self, value: ast.expr) -> ast.expr:
        """An awkward argument in place of ``value``."""
        chance = self.random.random()
        if chance < 0.12:
            return self.one_of(OTHERS)
        if isinstance(value, (ast.Tuple, ast.List)):
            return self.sequence(value)
        if isinstance(value, ast.Slice):
            return ast.Slice(*(self.one_of(INTEGERS) if self.random.random() < 0.6 else None for _ in range(3)))
        if isinstance(value, (ast.Call, ast.BinOp, ast.Subscript)):
            return self.one_of(TENSORS)
        if isinstance(value, ast.Attribute):
            return self.one_of([f"torch.{name}" for name in DTYPES])
        number = value.operand if isinstance(value, ast.UnaryOp) else value
        kind = type(number.value) if isinstance(number, ast.Constant) else None
        if kind is str:
            return self.one_of(STRINGS)
        if kind is float:
            return self.one_of(NUMBERS)
        if kind is int and chance < 0.25:
            return ast.Tuple([self.one_of(INTEGERS) for _ in range(self.random.choice((0, 1, 2, 2, 3)))], ast.Load())
        return self.one_of(INTEGERS)

    def sequence(self, value: ast.Tuple | ast.List) -> ast.expr:
        """A sequence with other members, or of another length."""
        members = list(value.elts)
        chance = self.random.random()
        if chance < 0.15:
            return self.one_of(INTEGERS)
        if chance < 0.3:
            members = members[:-1] if self.random.random() < 0.5 else [*members, *members[:1]]
        else:
            for index in range(len(members)):
                if self.random.random() < 0.6:
                    members[index] = self.replaced(members[index])
        return type(value)(members, ast.Load())

    def one_of(self, lines: list[str]) -> ast.expr:
        return _parsed(self.random.choice(lines))


def awkward(seed: int, count: int) -> list[str]:
    """``count`` awkward calls."""
    mutation = Mutation(seed)
    return [mutation.call() for _ in range(count)]
