"""``typing.get_type_hints`` of what programs ask about: it evaluates annotations where things say that they are from."""

import inspect
import typing

import pytest

import flambeau
import flambeau.nn.utils.parametrize
import flambeau.optim.lr_scheduler
import flambeau.utils.data

MODULES = [
    flambeau, flambeau.nn, flambeau.nn.functional, flambeau.nn.init, flambeau.nn.utils, flambeau.nn.utils.parametrize,
    flambeau.nn.parameter, flambeau.optim, flambeau.optim.lr_scheduler, flambeau.utils.data, flambeau.autograd, flambeau.amp,
    flambeau.random, flambeau.serialization, flambeau.linalg, flambeau.special,
]  # fmt: skip


def annotated(module):
    """The functions and classes of a module, what classes derive from, and their methods."""
    for value in vars(module).values():
        if inspect.isfunction(value):
            yield value
        elif isinstance(value, type):
            for base in value.__mro__:
                if base.__module__.startswith("flambeau"):
                    yield base
                    yield from (found for found in vars(base).values() if inspect.isfunction(found))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_annotations_can_be_evaluated(module):
    things = {id(thing): thing for thing in annotated(module) if getattr(thing, "__module__", "").startswith("flambeau")}
    assert things
    for thing in things.values():
        typing.get_type_hints(thing)


def test_derived_classes():
    class Model(flambeau.nn.Module):
        layer: "flambeau.nn.Linear"
        scale: flambeau.nn.Parameter

        def forward(self, x: "flambeau.Tensor", mask: "flambeau.Tensor | None" = None) -> flambeau.Tensor:
            return self.layer(x) * self.scale

    class Image(flambeau.Tensor):
        pass

    assert typing.get_type_hints(Model)["layer"] is flambeau.nn.Linear
    assert typing.get_type_hints(Model.forward)["x"] is flambeau.Tensor
    for kind in (Image, flambeau.nn.Parameter, flambeau.nn.Buffer, flambeau.Size, flambeau.device, flambeau.dtype):
        typing.get_type_hints(kind)
