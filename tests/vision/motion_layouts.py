"""Small data sets of motion and depth in their published layouts; with these, ``LAYOUTS`` is whole."""

from __future__ import annotations

import json
from pathlib import Path

from vision.dataset_layouts import LAYOUTS, layout
from vision.small_files import deep_png, flo, pfm, picture, pictures, text

__all__ = ["LAYOUTS"]


@layout(("Sintel", {}), ("Sintel", {"pass_name": "both"}), ("Sintel", {"split": "test", "pass_name": "final"}))
def sintel(root: Path) -> None:
    folder = root / "Sintel"
    for scene in ("alley_1", "cave_2"):
        for name in ("clean", "final"):
            pictures(
                folder, *(f"{part}/{name}/{scene}/frame_{n}.png" for part in ("training", "test") for n in range(3))
            )
        for number in range(2):
            flo(folder / "training" / "flow" / scene / f"{scene}_frame_{number}.flo")


@layout(("KittiFlow", {}), ("KittiFlow", {"split": "test"}))
def kitti_flow(root: Path) -> None:
    for part in ("training", "testing"):
        folder = root / "KittiFlow" / part
        for number in range(2):
            pictures(folder / "image_2", f"00000{number}_10.png", f"00000{number}_11.png")
            deep_png(folder / "flow_occ" / f"00000{number}_10.png")


@layout(("FlyingChairs", {}), ("FlyingChairs", {"split": "val"}))
def flying_chairs(root: Path) -> None:
    folder = root / "FlyingChairs"
    for number in range(3):
        pictures(folder / "data", f"0000{number}_img1.ppm", f"0000{number}_img2.ppm")
        flo(folder / "data" / f"0000{number}_flow.flo")
    text(folder / "FlyingChairs_train_val.txt", "1", "2", "1")


@layout(("FlyingThings3D", {}), ("FlyingThings3D", {"split": "test", "pass_name": "both", "camera": "both"}))
def flying_things(root: Path) -> None:
    folder = root / "FlyingThings3D"
    for part in ("TRAIN/A/0000", "TEST/A/0000"):
        for side in ("left", "right"):
            for number in range(3):
                for name in ("frames_cleanpass", "frames_finalpass"):
                    picture(folder / name / part / side / f"{side}{number}.png")
                for direction in ("into_future", "into_past"):
                    pfm(folder / "optical_flow" / part / direction / side / f"{direction}{number}.pfm")


@layout(("HD1K", {}), ("HD1K", {"split": "test"}))
def hd1k(root: Path) -> None:
    folder = root / "hd1k"
    for sequence, count in ((0, 3), (35, 2)):
        for number in range(count):
            picture(folder / "hd1k_input" / "image_2" / f"{sequence:06d}_{number:04d}.png")
            deep_png(folder / "hd1k_flow_gt" / "flow_occ" / f"{sequence:06d}_{number:04d}.png")
    pictures(folder / "hd1k_challenge" / "image_2", "000000_0010.png", "000000_0011.png")


@layout(("CarlaStereo", {}))
def carla(root: Path) -> None:
    for scene in ("a", "b"):
        folder = root / "carla-highres" / "trainingF" / scene
        pictures(folder, "im0.png", "im1.png")
        pfm(folder / "disp0GT.pfm", "Pf")
        pfm(folder / "disp1GT.pfm", "Pf")


@layout(*((name, {"split": split}) for name in ("Kitti2012Stereo", "Kitti2015Stereo") for split in ("train", "test")))
def kitti_stereo(root: Path) -> None:
    for part in ("training", "testing"):
        for folder in (
            "Kitti2012/{}/colored_0",
            "Kitti2012/{}/colored_1",
            "Kitti2015/{}/image_2",
            "Kitti2015/{}/image_3",
        ):
            pictures(root / folder.format(part), "000000_10.png", "000001_10.png")
        for folder in ("Kitti2012/{}/disp_noc", "Kitti2015/{}/disp_occ_0", "Kitti2015/{}/disp_occ_1"):
            pictures(root / folder.format(part), "000000_10.png", "000001_10.png", mode="I;16")


@layout(
    ("Middlebury2014Stereo", {}), ("Middlebury2014Stereo", {"split": "additional", "calibration": "both"}),
    ("Middlebury2014Stereo", {"split": "test", "calibration": None}),
)  # fmt: skip
def middlebury(root: Path) -> None:
    folder = root / "Middlebury2014"
    for scene in (
        "train/Piano-perfect",
        "train/Pipes-perfect",
        "additional/Cable-perfect",
        "additional/Cable-imperfect",
    ):
        pictures(folder / scene, "im0.png", "im1.png", "im1E.png")
        pfm(folder / scene / "disp0.pfm", "Pf")
        pfm(folder / scene / "disp1.pfm", "Pf")
    pictures(folder / "test" / "Plants", "im0.png", "im1.png")


@layout(("CREStereo", {}))
def cre_stereo(root: Path) -> None:
    for part in ("shapenet", "reflective", "tree", "hole"):
        folder = root / "CREStereo" / part
        pictures(folder, "1_left.jpg", "1_right.jpg")
        pictures(folder, "1_left.disp.png", "1_right.disp.png", mode="I;16")


@layout(*(("FallingThingsStereo", {"variant": variant}) for variant in ("single", "mixed", "both")))
def falling_things(root: Path) -> None:
    for place in ("single/mug/kitchen", "mixed/kitchen"):
        folder = root / "FallingThings" / place
        pictures(folder, "1.left.jpg", "1.right.jpg")
        pictures(folder, "1.left.depth.png", "1.right.depth.png", mode="I;16")
        camera = {"camera_settings": [{"intrinsic_settings": {"fx": 768.5}}]}
        text(folder / "_camera_settings.json", json.dumps(camera))


@layout(
    ("SceneFlowStereo", {"pass_name": "both"}), ("SceneFlowStereo", {"variant": "Monkaa"}),
    ("SceneFlowStereo", {"variant": "Driving", "pass_name": "final"}),
)  # fmt: skip
def scene_flow(root: Path) -> None:
    for variant, place in (("FlyingThings3D", "TRAIN/A/0000"), ("Monkaa", "a"), ("Driving", "15mm/back/slow")):
        folder = root / "SceneFlow" / variant
        for side in ("left", "right"):
            for name in ("frames_cleanpass", "frames_finalpass"):
                picture(folder / name / place / side / "0001.png")
            pfm(folder / "disparity" / place / side / "0001.pfm", "Pf")


@layout(*(("SintelStereo", {"pass_name": name}) for name in ("final", "both")))
def sintel_stereo(root: Path) -> None:
    folder = root / "Sintel" / "training"
    for name in ("final_left", "final_right", "clean_left", "clean_right", "disparities"):
        pictures(folder / name, "alley_1/1.png", "cave_2/1.png")
    for name in ("occlusions", "outofframe"):
        pictures(folder / name, "alley_1/1.png", "cave_2/1.png", mode="L")


@layout(("InStereo2k", {}), ("InStereo2k", {"split": "test"}))
def in_stereo(root: Path) -> None:
    for place in ("train/1", "train/2", "test/1"):
        folder = root / "InStereo2k" / place
        pictures(folder, "left.png", "right.png")
        pictures(folder, "left_disp.png", "right_disp.png", mode="I;16")


@layout(("ETH3DStereo", {}), ("ETH3DStereo", {"split": "test"}))
def eth3d(root: Path) -> None:
    folder = root / "ETH3D"
    for place in ("two_view_training/a", "two_view_test/b"):
        pictures(folder / place, "im0.png", "im1.png")
    pfm(folder / "two_view_training_gt" / "a" / "disp0GT.pfm", "Pf")
    picture(folder / "two_view_training_gt" / "a" / "mask0nocc.png", "L")
