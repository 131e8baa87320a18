"""Flowers 102: kinds of flowers that grow in Britain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ._files import ListedDataset, Source, SplitDataset, contents_of, load_mat

_BASE = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
_NUMBERS = {"train": "trnid", "val": "valid", "test": "tstid"}

_NAMES = """
pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold, tiger lily, moon
orchid, bird of paradise, monkshood, globe thistle, snapdragon, colt's foot, king protea, spear thistle, yellow
iris, globe-flower, purple coneflower, peruvian lily, balloon flower, giant white arum lily, fire lily,
pincushion flower, fritillary, red ginger, grape hyacinth, corn poppy, prince of wales feathers, stemless
gentian, artichoke, sweet william, carnation, garden phlox, love in the mist, mexican aster, alpine sea holly,
ruby-lipped cattleya, cape flower, great masterwort, siam tulip, lenten rose, barbeton daisy, daffodil, sword
lily, poinsettia, bolero deep blue, wallflower, marigold, buttercup, oxeye daisy, common dandelion, petunia,
wild pansy, primula, sunflower, pelargonium, bishop of llandaff, gaura, geranium, orange dahlia, pink-yellow
dahlia?, cautleya spicata, japanese anemone, black-eyed susan, silverbush, californian poppy, osteospermum,
spring crocus, bearded iris, windflower, tree poppy, gazania, azalea, water lily, rose, thorn apple, morning
glory, passion flower, lotus, toad lily, anthurium, frangipani, clematis, hibiscus, columbine, desert-rose, tree
mallow, magnolia, cyclamen, watercress, canna lily, hippeastrum, bee balm, ball moss, foxglove, bougainvillea,
camellia, mallow, mexican petunia, bromelia, blanket flower, trumpet creeper, blackberry lily
"""


class Flowers102(SplitDataset, ListedDataset):
    """Pictures ``root/flowers-102/jpg/image_00001.jpg``; labels and splits are in two ``.mat`` files, read by SciPy."""

    classes = [name.strip() for name in _NAMES.replace("\n", " ").split(",")]
    _digest = {"imagelabels.mat": "e0620be6f572b9609742df49c70aed4d", "setid.mat": "a5357ecc9cb78c4bef273ce3793fc85c"}
    _sources = (
        Source(_BASE + "102flowers.tgz", "52808999861908f626f3c1f4e79d11fa", "flowers-102"),
        *(Source(_BASE + name, md5, "flowers-102", archive=False) for name, md5 in _digest.items()),
    )
    _splits = ("train", "val", "test")

    def _required(self) -> Iterable[Path]:
        return [self._directory / "flowers-102" / name for name in ("jpg", "imagelabels.mat", "setid.mat")]

    def _digests(self) -> Mapping[Path, str]:
        return {self._directory / "flowers-102" / name: md5 for name, md5 in self._digest.items()}

    def _read(self) -> None:
        pictures, labels, splits = self._required()
        with contents_of(labels):
            label = load_mat(labels, squeeze_me=True)["labels"].tolist()
        with contents_of(splits):
            numbers = load_mat(splits, squeeze_me=True)[_NUMBERS[self._split]].reshape(-1).tolist()
            self._set((pictures / f"image_{number:05d}.jpg", label[number - 1] - 1) for number in numbers)
