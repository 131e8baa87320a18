"""Models: names of parameters, sizes, and weights."""

import pytest

import flambeau
from flambeau.hub import downloads
from flambeau.vision import models

PARAMETERS = {  # as torchvision counts them
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
}


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_numbers_of_parameters(name, count):
    assert sum(p.numel() for p in models.get_model(name).parameters()) == count


def test_resnet_names_and_output():
    net = models.resnet18(num_classes=5).eval()
    names = list(net.state_dict())
    assert names[:3] == ["conv1.weight", "bn1.weight", "bn1.bias"] and names[-2:] == ["fc.weight", "fc.bias"]
    assert "layer2.0.downsample.0.weight" in names and "layer4.1.bn2.num_batches_tracked" in names and len(names) == 122
    with flambeau.no_grad():
        assert net(flambeau.zeros(1, 3, 33, 33)).shape == (1, 5)


def test_gradients_reach_every_parameter():
    net = models.resnet18(num_classes=2)
    loss = flambeau.nn.functional.cross_entropy(net(flambeau.rand(2, 3, 32, 32)), flambeau.tensor([0, 1]))
    loss.backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in net.parameters())


def test_weights_from_a_local_file(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "_directory", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    flambeau.manual_seed(0)
    net = models.resnet18()
    flambeau.save(net.state_dict(), tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    with pytest.warns(UserWarning, match="'pretrained' is deprecated"):
        loaded = models.resnet18(pretrained=True)
    assert flambeau.equal(loaded.fc.weight, net.fc.weight)
    for weights in ("DEFAULT", "IMAGENET1K_V1", models.ResNet18_Weights.DEFAULT):
        assert flambeau.equal(models.resnet18(weights=weights).conv1.weight, net.conv1.weight)
    with pytest.raises(ValueError, match="num_classes"):
        models.resnet18(weights="DEFAULT", num_classes=3)
    with pytest.raises(KeyError):
        models.resnet18(weights="NO_SUCH")
    with pytest.raises(TypeError, match="expected ResNet18_Weights"):
        models.resnet18(weights=models.ResNet50_Weights.DEFAULT)


def test_without_network_the_place_for_the_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "_directory", str(tmp_path))

    class Local(models._weights.WeightsEnum):
        IMAGENET1K_V1 = models._weights.Weights("http://127.0.0.1:9/net-0123.pth")

    with pytest.raises(RuntimeError) as error:
        Local.IMAGENET1K_V1.get_state_dict()
    assert "http://127.0.0.1:9/net-0123.pth failed" in str(error.value)
    assert str(tmp_path / "checkpoints" / "net-0123.pth") in str(error.value)


def test_weights_know_their_transform():
    transform = models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    assert "Resize(size=232" in repr(transform) and "CenterCrop(size=(224, 224))" in repr(transform)


def test_models_by_name():
    assert {"resnet18", "resnet152", "vgg16", "alexnet"} <= set(models.list_models())
    assert models.__dict__["resnet34"] is models.resnet34
    with pytest.raises(ValueError, match="Unknown model"):
        models.get_model("no_such")
