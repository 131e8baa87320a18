"""Old warnings can be turned on and off."""

import pytest
import torch
import torch.utils.backcompat

import flambeau
import flambeau.utils.backcompat


@pytest.mark.parametrize("name", ["broadcast_warning", "keepdim_warning"])
def test_old_warnings(name):
    found = []
    for library in (torch, flambeau):
        warning = getattr(library.utils.backcompat, name)
        said = [warning.enabled]
        warning.enabled = True
        said.append(warning.enabled)
        with pytest.raises(RuntimeError) as caught:
            warning.enabled = 1
        warning.enabled = False
        found.append([*said, str(caught.value)])
    assert found[0] == found[1]
