"""Gradients of and for nested tensors, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

from .against import arrays, described, listed, made, same

JAGGED = listed(
    """
    x*2+1; x*x; x.exp(); x.mean(-1); x.amax(1); x.transpose(1,2); x.to_padded_tensor(0.0); x.sum(); F.linear(x,w);
    F.linear(x,w,b); x@w.t(); x.matmul(m); F.softmax(x,-1); F.layer_norm(x,(4,),b4,c4); F.rms_norm(x,(4,),b4);
    x.unbind()[1]; x[0]; f.cat([x,x*2],-1); f.stack([x,x],-1); x.chunk(2,-1)[1]; x.unflatten(-1,[2,2]); x+b4; x*r;
    x-b4; x.values(); F.gelu(x); F.relu(x); x.unsqueeze(-1)*x.unsqueeze(-1); f.matmul(x.transpose(1,2),x); x.double();
    x.clone(); x.contiguous(); f.where(x>0,x,x*0.5); x.to_padded_tensor(0.0)[:,:2]; x.masked_fill(x>0,0.0);
    f.matmul(w,x.transpose(1,2)); x/b4; F.scaled_dot_product_attention(h(x),h(x)*2,h(x));
    x.view(3,-1,2,2).transpose(1,2).contiguous().transpose(1,2).flatten(-2); x.detach()*x; x.chunk(2,0)[0]
    """
)

STRIDED = listed(
    """
    x*2+1; x*x; x.relu(); F.gelu(x); F.silu(x); F.linear(x,w); F.linear(x,w,b); F.softmax(x,-1); F.softmax(x,1);
    x.unbind()[1]; x[0]; F.layer_norm(x,(4,),b4,c4); x.to_padded_tensor(0.0); x.transpose(1,2);
    f.matmul(x,x.transpose(1,2)); f.bmm(x.transpose(1,2),x); x.sum(-1,True);
    x.view(3,-1,2,2).transpose(1,2).contiguous(); x.clone(); x.contiguous(); -x; x.unsqueeze(1);
    x.masked_fill(x>0,0.0); x.sin(); x.cos(); x.abs(); x.to_padded_tensor(1.0,(3,4,4)); x.double(); x.add(x)
    """
)


COMPOSED = {
    "x.sum(1)": "f.stack([p.sum(0) for p in x.unbind()])", "x.mean(1)": "f.stack([p.mean(0) for p in x.unbind()])",
    "x.prod(1)": "f.stack([p.prod(0) for p in x.unbind()])", "x.sum(2).values()": "x.values().sum(1)",
    "F.log_softmax(x,-1).values()": "F.log_softmax(x.values(),-1)", "x.tanh().values()": "x.values().tanh()",
    "x.chunk(2,0)[1].values()": "f.cat([p for p in x.unbind()[2:]])", "x.amin(1)": "f.stack([p.amin(0) for p in x.unbind()])",
    "x.permute(0,2,1).sum(2)": "f.stack([p.sum(0) for p in x.unbind()])",
    "x.permute(0,2,1).mean(2)": "f.stack([p.mean(0) for p in x.unbind()])", "x.sum((0,1))": "x.values().sum(0)",
    "F.softmax(x,1).values()": "f.cat([F.softmax(p,0) for p in x.unbind()])",
    "x.to_padded_tensor(1.0,(3,2,4))": "f.stack([F.pad(p,(0,0,0,2),value=1.0)[:2] for p in x.unbind()])",
}  # fmt: skip
"""What PyTorch does not differentiate, and what is the same."""


def gradients(library: Any, expression: str, layout: str) -> list[Any]:
    """The result and the gradients of all that it is made of."""
    x = made(library, "jagged", layout, "float64", grad=True)

    def leaf(*size: int) -> Any:
        array = np.random.default_rng(sum(size)).standard_normal(size)
        return library.from_numpy(array).requires_grad_()

    given = {"w": leaf(5, 4), "b": leaf(5), "m": leaf(3, 4, 2), "b4": leaf(4), "c4": leaf(4), "r": leaf(3, 1, 4)}

    def heads(y: Any) -> Any:
        return y.unflatten(-1, [2, 2]).transpose(1, 2)

    names = {"f": library, "F": library.nn.functional, "x": x, "h": heads, **given}
    result = eval(expression, names)
    if result.is_nested:
        parts = result.unbind()
        loss = sum([(part * part * (1 + place)).sum() for place, part in enumerate(parts)])
    else:
        loss = (result * result).sum() * 0.5 + result.sum()
    loss.backward()
    found = [None if y.grad is None else y.grad.unbind() if y.is_nested else y.grad for y in (x, *given.values())]
    return [described(result), *map(described, found), result.grad_fn is not None]


@pytest.mark.parametrize("layout", ["jagged", "strided"])
def test_gradients(layout: str) -> None:
    found = []
    for expression in JAGGED if layout == "jagged" else STRIDED:
        both = []
        for library in (flambeau, torch):
            try:
                both.append(gradients(library, expression, layout))
            except Exception as error:
                both.append([type(error), str(error)])
        if not same(both[0], both[1]):
            found.append(f"{expression}\n  ours   {both[0]}\n  theirs {both[1]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("layout", ["jagged", "strided"])
def test_as_roots_and_as_inputs(layout: str) -> None:
    """``backward`` with a nested gradient, ``autograd.grad``, hooks, leaves that are listed."""
    results: list[Any] = []
    for library in (torch, flambeau):
        parts = [library.from_numpy(array).requires_grad_() for array in arrays("jagged")]
        nested = library.nested.as_nested_tensor(parts, layout=getattr(library, layout))
        assert not nested.is_leaf and nested.requires_grad and nested.grad_fn is not None
        ones = library.ones_like(nested)
        (nested * nested).backward(ones)
        with pytest.raises(RuntimeError):
            (nested * 2).backward()
        leaf = made(library, "jagged", layout, grad=True)
        assert leaf.is_leaf and leaf.grad is None
        if layout == "jagged":
            leaf.register_hook(lambda grad: grad * 2)
        y = leaf * 3
        if layout == "jagged":
            y.retain_grad()
        y.backward(library.ones_like(y))
        if layout == "jagged":
            leaf.grad = leaf.grad + leaf.grad
        again = leaf * leaf
        (of_leaf,) = library.autograd.grad(again, leaf, library.ones_like(again))
        retained = described(y.grad) if y.retains_grad else None
        results.append([[described(part.grad) for part in parts], described(leaf.grad), retained, described(of_leaf)])
        leaf.grad = None
        assert leaf.grad is None
    assert same(results[1], results[0])


def test_values_are_shared() -> None:
    """A nested tensor of values that are there: what is written to one is seen by the other, and gradients go through."""
    results = []
    for library in (torch, flambeau):
        values = library.arange(12, dtype=library.float32).view(6, 2).requires_grad_()
        offsets = library.tensor([0, 1, 1, 6])
        x = library.nested.nested_tensor_from_jagged(values, offsets)
        same_rows = library.nested.nested_tensor_from_jagged(values * 2, offsets)
        total = x * same_rows * same_rows
        total.values().sum().backward()
        kept = library.zeros(6, 2)
        nested = library.nested.nested_tensor_from_jagged(kept, offsets)
        nested.add_(1)
        nested[0].fill_(5)
        nested.values()[3] = 7
        results.append([described(total), described(values.grad), described(kept), described(x)])
    assert same(results[1], results[0])


def test_composed() -> None:
    for expression, same_as in COMPOSED.items():
        ours, theirs = [gradients(flambeau, text, "jagged") for text in (expression, same_as)]
        assert same(ours, theirs), expression
    for expression, same_as in {
        "x.select(2,1).contiguous()": "f.nested.as_nested_tensor([p[:,1] for p in x.unbind()])",
        "x.narrow(0,1,2).contiguous()": "f.nested.as_nested_tensor([*x.unbind()[1:]])",
        "x.chunk(2,-1)[1].contiguous()": "f.nested.as_nested_tensor([p[:,2:] for p in x.unbind()])",
        "x.exp()": "f.nested.as_nested_tensor([p.exp() for p in x.unbind()])",
    }.items():
        ours, theirs = [gradients(flambeau, text, "strided") for text in (expression, same_as)]
        assert same(ours, theirs), expression


@pytest.mark.parametrize("layout", ["jagged", "strided"])
def test_gradients_of_gradients(layout: str) -> None:
    x = made(flambeau, "jagged", layout, "float64", grad=True)
    (first,) = flambeau.autograd.grad((x * x * x).values().sum(), x, create_graph=True)
    (second,) = flambeau.autograd.grad(first, x, flambeau.ones_like(first))
    assert all([flambeau.allclose(a, 6 * b) for a, b in zip(second.unbind(), x.detach().unbind())])
