"""What operations do with nested tensors, beside PyTorch: values, dtypes, sizes, strides, and errors."""

from __future__ import annotations

from typing import Any

import pytest

import flambeau

from .against import differences, listed, made

BOTH = listed(
    """
    x+1; x+x; x*2; 2*x; x/x; -x; x.relu(); F.gelu(x); F.silu(x); x.tanh(); x.sin(); x.cos(); x.abs(); x.sqrt();
    x.add_(1); x.mul_(2); x>0; x.isnan(); x.logical_not(); x.to(f.float64); x.double(); x.float(); x.clone();
    x.detach(); x.contiguous(); x.numel(); x.dim(); x.ndim; x.size(0); x.size(2); x.size(-1); x.storage_offset();
    x.is_contiguous(); x.is_nested; str(x.layout); str(x.device); x.dtype; x.requires_grad; x.unbind(); x.unbind(1);
    x[0]; x[-1]; x[1, 0]; x[..., 0]; x.select(0, 1); x.select(2, 1); x[7]; x.select(5, 0); x.sum(-1, keepdim=True);
    x.sum(0); x.sum((1, 2)); x.transpose(1, 2); x.transpose(-1, -2); x.mT; x.unsqueeze(0); x.unsqueeze(1);
    x.unsqueeze(-1); x.unsqueeze(-1).squeeze(-1); x.view(3, -1, 2, 2); x.reshape(3, -1, 2, 2); x.reshape(3, -1, 4);
    x.reshape_as(x); x.chunk(2, -1); x.split([1, 3], -1); x.chunk(2, 1); f.cat([x, x], -1); f.zeros_like(x);
    f.ones_like(x); F.linear(x, of(5, 4)); F.linear(x, of(5, 4), of(5)); F.softmax(x, -1); f.softmax(x, 2, f.float64);
    F.softmax(x, 1);
    F.softmax(x, 0); F.layer_norm(x, (4,), of(4), of(4)); F.dropout(x, 0.5, False); x.masked_fill(x > 0, 1);
    x.to_padded_tensor(0.0); x.to_padded_tensor(-1.0, (3, 5, 4)); f.nested.to_padded_tensor(x, 2.5);
    f.nested.to_padded_tensor(of(2, 3), 0.0); x.fill_(3); x.zero_(); x.copy_(x + 1); x.numpy(); x.tolist(); x.item();
    x.is_floating_point(); x.element_size(); x.cpu(); x.is_leaf; x.data; x.type(f.float64); x.is_same_size(x);
    x.is_same_size(x.transpose(1, 2)); x.bool(); x.detach().requires_grad_(); x.grad; x.nbytes; x.type_as(x.double());
    hash(x) == id(x); bool(x); x in [x]; x.values().shape; nn.Linear(4, 4)(x).size(-1); nn.ReLU()(x);
    nn.Sequential(nn.GELU(), nn.Identity())(x); x.transpose(1, 2).contiguous(); x.transpose(1, 2) + 1;
    x.transpose(1, 2).clone(); x.transpose(1, 2).unbind(); x.add_(x); x.sgn(); x.mul_(f.ones(())); x * f.ones(());
    x.to(f.int64); x == 0; x != 0; x >= 1; f.is_tensor(x); x.transpose(1, 2).transpose(1, 2).is_contiguous();
    x[0].add_(5).sum() + x[0].sum(); x.unbind()[1].zero_().sum() + x[1].sum(); f.matmul(x, of(5, 2));
    f.bmm(x, x.unsqueeze(1)); f.matmul(x, x.double())
    """
)

JAGGED = listed(
    """
    1-x; x+of(4); x+of(3,1,4); x*of(3,1,1); x-of(1); x+of(2,4); x+of(1,1,4); x+of(1,1,1,4); of(4)-x; of(3,1,4)/x;
    x**2; x.exp(); x.log(); f.sigmoid(x); x.clamp(0,1); x==x; x<x; x.shape; x.size(); x.size(1); x.stride(); len(x);
    list(x); x.select(1,0); x.sum(); x.sum(1); x.sum(2); x.sum(1,keepdim=True); x.sum((0,1)); x.sum((0,1,2));
    x.sum((0,1),keepdim=True); x.mean(); x.mean(1); x.mean(-1); x.mean(-1,keepdim=True); x.mean(1,keepdim=True);
    x.max(); x.min(); x.argmax(-1); x.prod(1); x.prod(2); x.any(1); x.all(1); x.all(); x.any(); x.all(2);
    x.sum(1,dtype=f.float64); x.transpose(0,1); x.permute(0,2,1); x.permute(1,0,2); x.squeeze(1);
    x.permute(0,2,1).sum(2); x.permute(0,2,1).mean(1); x.permute(0,2,1).unsqueeze(1);
    x.permute(0,2,1).to_padded_tensor(1.0); x.view(3,x.size(1),2,2); x.view(3,x.size(1),-1); x.view(2,-1,4);
    x.view(3,-1,3); x.unflatten(-1,[2,2]); x.unflatten(1,[2,2]); x.unflatten(-1,[2,2]).transpose(1,2);
    x.unflatten(-1,[2,2]).transpose(1,2).contiguous(); x.unflatten(-1,[2,2]).flatten(-2,-1); x.flatten(1,2);
    x.flatten(); x.split(2,-1); x.chunk(2,0); x.chunk(5,0); x.narrow(2,0,2); x.narrow(0,0,2); x.expand(3,-1,4);
    x.unsqueeze(-1).expand(-1,-1,-1,5); x.expand(2,-1,4); f.cat([x,x],0); f.cat([x,x],1); f.stack([x,x],0);
    f.stack([x,x],-1); f.full_like(x,2.0); x@of(4,5); x.matmul(of(3,4,5)); f.matmul(x,x.transpose(1,2));
    x.bmm(of(3,4,5)); x.bmm(of(4,5)); f.matmul(x.transpose(1,2),x); f.bmm(x.transpose(1,2),x);
    f.matmul(of(5,4),x.transpose(1,2)); f.matmul(of(3,5,4),x.transpose(1,2)); F.log_softmax(x,-1); F.log_softmax(x,1);
    F.layer_norm(x,(4,)); F.rms_norm(x,(4,)); F.rms_norm(x,(3,4)); x.to_padded_tensor(0.0,(3,2,4));
    F.embedding(x.long().abs()%3,of(9,3)); f.where(x>0,x,f.zeros_like(x)); f.where(x>0,x,0.0); x.values();
    x.offsets(); x.lengths(); f.maximum(x,x+1); f.pow(x,x); x.square(); x.reciprocal(); x.view_as(x); F.leaky_relu(x);
    F.elu(x); x.is_same_size(x+1); f.lerp(x,x+1,0.5); f.add(x,x,alpha=3); f.addcmul(x,x,x); x.expand_as(x);
    f.bitwise_and(x>0,x<1); (x>0)&(x<1); ~(x>0); x.size(1)==x.size(1); x.size(1)==3; x.size(1)>=2; x.size(1)>1;
    x.size(1)<5; x.size(1)*2; x.shape==(x+1).shape; x.shape[2:]; x.transpose(1,2)+x.transpose(1,2);
    x+x.transpose(1,2); x+f.nested.as_nested_tensor([*x],layout=f.jagged); x.add_(of(4)); x.add_(of(3,1,4));
    x[f.tensor([0,1]),f.tensor([1,2])]; x.copy_(f.nested.as_nested_tensor([*(x+1)],layout=f.jagged));
    x.clone().transpose(1,2).contiguous().values(); x.half().dtype; x.logical_and(x>0); x.sum(1).sum(0)-x.sum((0,1));
    x.amax(2); x.amin(-1); x.max(dim=2); x.min(dim=-1,keepdim=True); x.sum(()); x.new_zeros(3); nn.LayerNorm(4)(x);
    nn.RMSNorm(4)(x); f.isclose(x,x); x.unsqueeze(1).expand(-1,2,-1,-1); f.broadcast_to(x,x.shape); x.linalg_norm();
    f.clip(x,-1,1); x.nan_to_num()
    """
)

STRIDED = listed(
    """
    x+of(4); x+of(3,1,4); x-of(1); x.size(1); x.size(); x.shape; x.stride(); x.sum(1); x.sum(2); x.transpose(0,1);
    x.squeeze(1); x.squeeze(0); x.view(3,x.size(0),2,2); x.view(2,-1,4); x.view(3,-1,3); x.chunk(3,-1); x.chunk(2,0);
    x.split([1,2],-1); x.split([2,2],1); x.narrow(0,0,2); x.narrow(0,1,2).contiguous(); x.narrow(2,0,2);
    x.narrow(0,2,2); f.cat([x,x],0); x@of(4,5); f.matmul(x,x.transpose(1,2)); of(3,5,2)@x; f.bmm(x,x.transpose(1,2));
    f.matmul(x,x); F.layer_norm(x,(4,)); x.to_padded_tensor(-1.0,(3,2,4)); x.to_padded_tensor(-1.0,(3,4));
    x.to_padded_tensor(0.5,(5,5,5)); x.values(); x._nested_tensor_size(); x._nested_tensor_strides();
    x._nested_tensor_storage_offsets(); x.transpose(1,2)._nested_tensor_strides(); x.select(1,0); x.select(1,1);
    x.transpose(1,2)+x.transpose(1,2); x+x.transpose(1,2); x.transpose(1,2)@x; x.chunk(2,-1)[1]+1;
    x.chunk(2,-1)[1].contiguous(); x.transpose(1,2).transpose(1,2); x.unsqueeze(1).transpose(1,2);
    x.view(3,-1,2,2).transpose(1,2); x.view(3,-1,2,2).transpose(1,2).contiguous(); (x.narrow(0,1,2)+1).contiguous();
    x.transpose(1,2).reshape(3,-1,2); F.softmax(x.transpose(1,2),-1); F.softmax(x.transpose(1,2),1);
    x.is_same_size(x+1); x.sum(-1,True); f.stack([*x.narrow(0,0,1).unbind()]); x.view(3,-1,2,2).unbind();
    f.nested.nested_tensor([*x.unbind()]); x/f.tensor(2.0); x.copy_(x.transpose(1,2))
    """
)


SECOND = listed(
    """
    x.shape; x+1; x.sum(1); x.sum(2); x.mean(2); x.transpose(1,2); x.unsqueeze(1); x.to_padded_tensor(0.0); x.max();
    x.permute(0,2,1).contiguous(); x.unbind(); x[1]; x.amax(2); x.is_contiguous(); x*of(3,2,1); f.cat([x,x],1);
    x.offsets(); x.sum((0,2))
    """
)

DEEP = listed(
    """
    x.shape; x.transpose(1,2); x.sum(2); x.sum((2,3)); x.mean(-1); x@of(4,3); f.matmul(x,x.transpose(-1,-2));
    x.sum(1); x.transpose(1,2).sum(-1); x.transpose(1,2).sum(1); x.flatten(2); x.flatten(-2,-1); x.view(3,-1,8);
    x*of(2,4); x*of(3,1,2,4); x.to_padded_tensor(2.0); x.transpose(1,2).to_padded_tensor(2.0); F.layer_norm(x,(2,4));
    F.linear(x,of(3,4)); x.unbind(); x.squeeze(2); x[:, 0]; x.select(2,1); x[..., 0, :]; x.permute(0,3,1,2);
    x.permute(0,3,2,1).permute(0,3,2,1); F.softmax(x,2);
    F.scaled_dot_product_attention(x.transpose(1,2),x.transpose(1,2),x.transpose(1,2));
    F.scaled_dot_product_attention(x,x,x); F.scaled_dot_product_attention(x.transpose(1,2),x.transpose(1,2),x);
    F.scaled_dot_product_attention(x.transpose(1,2),x.transpose(1,2),x.transpose(1,2),scale=0.3).transpose(1,2).flatten(-2);
    F.scaled_dot_product_attention(x.transpose(1,2),x.transpose(1,2),x.transpose(1,2).double())
    """
)

UNEVEN = listed(
    """
    x+1; x.transpose(1,2); x.to_padded_tensor(0.5); x.unbind(); x*x; x.size(1); x.size(2); x.sum(-1,keepdim=True);
    F.relu(x); F.softmax(x,1); F.softmax(x,2); x.transpose(1,2)@x; x.numel(); x.view(3,-1,1); x._nested_tensor_size();
    F.linear(x,of(2,3)); x.to_padded_tensor(0.5,(4,4,4)); x.select(1,0); x.select(2,1); x.chunk(2,-1);
    x.unsqueeze(-1); x.reshape(3,-1)
    """
)


def given(kind: str, layout: str, dtype: str = "float32") -> Any:
    return lambda library: {"x": made(library, kind, layout, dtype)}


@pytest.mark.parametrize("kind", ["jagged", "empty"])
def test_of_the_jagged_layout(kind: str) -> None:
    # Of a sample without rows the largest element is minus infinity here, and the smallest number in PyTorch.
    found = differences(BOTH + JAGGED, given(kind, "jagged"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["jagged", "empty"])
def test_of_the_strided_layout(kind: str) -> None:
    found = differences(BOTH + STRIDED, given(kind, "strided"))
    assert not found, "\n".join(found)


def test_more_kinds() -> None:
    """Dimensions before the ragged one, samples that differ in more than one, integers and half numbers."""
    found = differences(
        SECOND,
        given("second", "jagged"),
    )
    found += differences(
        DEEP,
        given("deep", "jagged"),
    )
    found += differences(
        UNEVEN,
        given("uneven", "strided"),
    )
    found += differences(
        ["x.shape", "x+1", "x.sum(1)", "x.sum()", "x.to_padded_tensor(0.0)", "x*of(2,1)", "x.unbind()"],
        given("flat", "jagged"),
    )
    for dtype in ("int64", "float64", "float16", "int32"):
        found += differences(
            [
                "x+1",
                "x*2.5",
                "x.sum()",
                "x.sum(1)",
                "x.mean(1)",
                "x.amax(1)",
                "x/2",
                "x>0",
                "x.to_padded_tensor(3)",
                "x.sum(-1)",
                "x==x",
            ],
            given("jagged", "jagged", dtype),
        )
    assert not found, "\n".join(found)


def test_what_pytorch_has_not() -> None:
    """What is offered besides is what each sample's is."""
    x = made(flambeau, "uneven", "strided")
    for operation in ("exp", "sigmoid", "square", "expm1", "reciprocal", "erf"):
        for part, whole in zip(x.unbind(), getattr(x, operation)().unbind()):
            assert flambeau.equal(getattr(part, operation)(), whole)
    assert [flambeau.equal(a, 1 - b) for a, b in zip((1 - x).unbind(), x.unbind())] == [True] * 3
    y = made(flambeau, "jagged", "jagged")
    rows = y[flambeau.tensor([0, 1]), flambeau.tensor([1, 2])]
    assert flambeau.equal(rows, flambeau.stack([y[0][1], y[1][2]]))
    assert y[:, :, 1:3].shape[2] == 2 and flambeau.equal(y[:, :, 1:3][1], y[1][:, 1:3])
    z = made(flambeau, "deep", "jagged").transpose(1, 2)
    whole = flambeau.nn.functional.scaled_dot_product_attention(z, z * 2, z, is_causal=True)
    for part, sample in zip(whole.unbind(), z.unbind()):
        expected = flambeau.nn.functional.scaled_dot_product_attention(sample, sample * 2, sample, is_causal=True)
        assert flambeau.allclose(part, expected)
    w = made(flambeau, "second", "jagged")
    for a, b in zip(w.softmax(2).unbind(), w.unbind()):
        assert flambeau.allclose(a, b.softmax(1))
    assert flambeau.equal((w + flambeau.tensor([[[1.0]], [[2.0]], [[3.0]]]))[1], w[1] + 2)
    assert flambeau.stack([w, w], 1).shape[:3] == (3, 2, 2) and flambeau.equal(flambeau.stack([w, w], 1)[2][1], w[2])
