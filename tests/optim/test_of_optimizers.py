"""What programs write optimisers with, as PyTorch's are written."""

import importlib

import torch

import flambeau


def test_helpers_are_pytorchs():
    found = []
    for library in (torch, flambeau):
        optimizer = importlib.import_module(f"{library.__name__}.optim.optimizer")

        class Halving(optimizer.Optimizer):
            def __init__(self, params, differentiable=False):
                super().__init__(params, {"differentiable": differentiable})

            @optimizer._use_grad_for_differentiable
            def step(self, closure=None, library=library):
                """Half a step."""
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.data.mul_(0.5)
                return library.is_grad_enabled()

        parameter = library.nn.Parameter(library.ones(2))
        steps = [Halving([parameter], differentiable).step() for differentiable in (False, True)]
        pairs, numbers = [library.ones(2, dtype=library.complex64), library.ones(2)], [library.zeros(2, dtype=library.complex64)]
        optimizer._view_as_real(pairs, numbers + [library.ones(1)])
        values = [optimizer._get_value(library.tensor(2.0)), optimizer._get_value(3), optimizer._stack_if_compiling(4)]
        fused = [optimizer._default_to_fused_or_foreach([parameter], *rest) for rest in [(False,), (True,), (True, True)]]
        devices = [optimizer._get_capturable_supported_devices(), optimizer._get_capturable_supported_devices(False)]
        found.append([steps, [pair.tolist() for pair in pairs], values, fused, devices, parameter.tolist(), Halving.step.__doc__])
    assert found[0] == found[1]
