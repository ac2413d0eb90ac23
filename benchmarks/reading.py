"""How fast people are listed from each form of annotations, and cut out of photographs.

Run: `python benchmarks/reading.py [LSP]`, with the folder of the Leeds Sports Pose extended set if
there is one. Draws photographs of 1280 x 720, writes annotations of 10,000 people in each form of
MPII and in COCO's, and prints the seconds that a listing takes, people cut out a second at
256 x 256, and the peak of memory by number of people. All times are CPU time of one thread, which
other work on the machine changes least. Cutting out takes as many threads as PyTorch has.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import scipy.io
import torch

from robustpose.data import load_people
from robustpose.data.crops import batches
from robustpose.skeletons import COCO17

PHOTOS = 32
PEOPLE = 10_000


def write_photos(folder: Path, people: int) -> None:
    """Draw a few photographs and give each of them many names."""
    (folder / "images").mkdir()
    draws = np.random.default_rng(0)
    for index in range(min(PHOTOS, people)):
        rough = draws.integers(0, 256, (45, 80, 3), dtype=np.uint8)
        fine = draws.normal(0, 3, (720, 1280, 3))
        picture = cv2.resize(rough, (1280, 720), interpolation=cv2.INTER_CUBIC) + fine
        path = folder / "images" / name(index)
        cv2.imwrite(
            str(path), picture.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85]
        )
    for index in range(PHOTOS, people):
        os.link(folder / "images" / name(index % PHOTOS), folder / "images" / name(index))


def name(index: int) -> str:
    """Return the file name of a photograph."""
    return f"{index:09d}.jpg"


def annotations(people: int) -> dict[str, np.ndarray]:
    """Return people somewhere in photographs of 1280 x 720, as MPII annotates them."""
    draws = np.random.default_rng(1)
    centre = draws.uniform((300, 200), (980, 520), (people, 2)).round()
    scale = draws.uniform(1, 5, people).round(6)
    joints = centre[:, None] + scale[:, None, None] * draws.normal(0, 40, (people, 16, 2))
    return {"centre": centre, "scale": scale, "joints": joints.round(4)}


def write_json(folder: Path, truth: dict[str, np.ndarray]) -> None:
    """Write the form of HRNet and MMPose."""
    columns = [truth[key].tolist() for key in ("centre", "scale", "joints")]
    people = [
        {"image": name(i), "center": c, "scale": s, "joints": j, "joints_vis": [1] * 16}
        for i, (c, s, j) in enumerate(zip(*columns, strict=True))
    ]
    (folder / "valid.json").write_text(json.dumps(people))


def write_h5(folder: Path, truth: dict[str, np.ndarray]) -> None:
    """Write Newell's form."""
    scale, count = truth["scale"], len(truth["scale"])
    with h5py.File(folder / "valid.h5", "w") as file:
        file["imgname"] = np.array([name(i).encode() for i in range(count)])
        file["center"] = truth["centre"] + np.stack([np.zeros(count), 15 * scale], axis=1)
        file["scale"], file["normalize"] = 1.25 * scale, 25 * scale
        file["part"], file["visible"] = truth["joints"].round(), np.ones((count, 16))


def write_mat(folder: Path, truth: dict[str, np.ndarray]) -> None:
    """Write MPII's own form."""
    point = [("x", "O"), ("y", "O"), ("id", "O"), ("is_visible", "O")]
    photos = np.zeros((1, len(truth["scale"])), [("image", "O"), ("annorect", "O")])
    columns = [truth[key].tolist() for key in ("centre", "scale", "joints")]
    for i, ((x, y), scale, joints) in enumerate(zip(*columns, strict=True)):
        points = np.array([[(*joint, number, 1) for number, joint in enumerate(joints)]], point)
        side = 25 * scale / 0.6 / 2**0.5
        box = {"x1": x, "y1": y, "x2": x + side, "y2": y + side}
        place: dict[str, Any] = {"scale": scale, "objpos": {"x": x, "y": y}}
        photos[0, i] = {"name": name(i)}, box | place | {"annopoints": {"point": points}}
    release = {"annolist": photos, "img_train": np.ones((1, len(photos[0])), np.uint8)}
    path = folder / "mpii_human_pose_v1_u12_1.mat"
    scipy.io.savemat(path, {"RELEASE": release}, do_compression=True)


def write_coco(folder: Path, truth: dict[str, np.ndarray]) -> None:
    """Write COCO's form, with one person in each photograph."""
    (folder / "val2017").symlink_to(folder.parent / "images")
    columns = [truth[key].tolist() for key in ("centre", "scale", "joints")]
    annotations = [
        {
            "id": number,
            "image_id": number,
            "category_id": 1,
            "iscrowd": 0,
            "area": (100 * scale) ** 2,
            "bbox": [x - 50 * scale, y - 100 * scale, 100 * scale, 200 * scale],
            "num_keypoints": 16,
            "keypoints": [n for joint in joints for n in (*joint, 2)] + [0, 0, 0],
        }
        for number, ((x, y), scale, joints) in enumerate(zip(*columns, strict=True), start=1)
    ]
    content = {
        "images": [
            {"id": number, "file_name": name(number - 1), "width": 1280, "height": 720}
            for number in range(1, len(annotations) + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }
    (folder / "person_keypoints_val2017.json").write_text(json.dumps(content))


Write = Callable[[Path, dict[str, np.ndarray]], None]
FORMS: dict[str, tuple[str, Write]] = {
    "JSON of HRNet": ("mpii", write_json),
    "h5 of Newell": ("mpii", write_h5),
    "MPII's own .mat": ("mpii", write_mat),
    "COCO's JSON": ("coco", write_coco),
}


def listing(form: str, people: str, split: str = "test") -> str:
    """Return how long reading one form takes."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        found = len(load_people(people, split=split))
        seconds.append(time.process_time() - start)
    return f"{form}: {found:,} people listed in {min(seconds):.2f} s (best of 3)"


def cropping(people: str, split: str, count: int) -> str:
    """Cut people out and return how fast, and the most memory that the process had."""
    torch.set_num_threads(1)
    some = load_people(people, split=split).limited(count)
    start = time.process_time()
    seen = sum(len(batch) for batch in batches(some, (256, 256), 32))
    seconds = time.process_time() - start
    status = Path("/proc/self/status").read_text()  # what `resource` tells, a parent had perhaps
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return (
        f"{seen:,} people: {1000 * seconds / seen:.2f} ms each, {seen / seconds:.0f} a second, "
        f"at most {peak:.0f} MiB of memory"
    )


def crops(title: str, people: str, split: str, counts: Sequence[int]) -> None:
    """Print how fast people are cut out, each number of them in a process of its own."""
    print(title, flush=True)
    for count in counts:
        command = [sys.executable, __file__, "crop", people, split, str(count)]
        subprocess.run(command, check=True)


def main() -> None:
    """Measure all forms, and the Leeds set where its folder is given."""
    if sys.argv[1:2] == ["crop"]:
        print(cropping(sys.argv[2], sys.argv[3], int(sys.argv[4])))
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        write_photos(root, PEOPLE)
        truth = annotations(PEOPLE)
        for number, (form, (key, write)) in enumerate(FORMS.items()):
            folder = root / str(number)
            folder.mkdir()
            (folder / "images").symlink_to(root / "images")
            write(folder, truth)
            print(listing(form, f"{key}:{folder}"), flush=True)
        if sys.argv[1:]:
            for split in ("train", "test"):
                print(listing(f"Leeds, {split}", f"lsp:{sys.argv[1]}", split), flush=True)
        crops("from 1280 x 720:", f"mpii:{root / '0'}", "test", (500, 2_000, 5_000))
    if sys.argv[1:]:
        crops("Leeds:", f"lsp:{sys.argv[1]}", "train", (500, 2_000, 5_000))


if __name__ == "__main__":
    main()
