"""How fast people of MPII are listed from each form of annotations, and cut out of photographs.

Run: `python benchmarks/mpii_reading.py [people] [threads]`. Draws photographs of 1280 x 720, writes
annotations of 10,000 people in each form, and prints the seconds that a listing takes, people cut
out a second at 256 x 256, and the peak of memory by number of people. CPU time is printed beside,
for machines that have other work.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import scipy.io
import torch

from robustpose.data.crops import batches
from robustpose.data.mpii import mpii_people

PHOTOS = 32
FORMS = ("json", "h5", "mat")


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


WRITE: dict[str, Callable[[Path, dict[str, np.ndarray]], None]] = {
    "json": write_json,
    "h5": write_h5,
    "mat": write_mat,
}


def listing(root: Path, form: str, people: int) -> str:
    """Write one form and return how long reading it takes."""
    folder = root / form
    folder.mkdir()
    (folder / "images").symlink_to(root / "images")
    WRITE[form](folder, annotations(people))
    seconds = []
    for _ in range(3):
        start, used = time.perf_counter(), time.process_time()
        found = len(mpii_people(folder, "test"))
        seconds.append((time.perf_counter() - start, time.process_time() - used))
    wall, used = min(seconds)
    return f"{form}: {found:,} people listed in {wall:.2f} s ({used:.2f} s of CPU time; best of 3)"


def cropping(folder: Path, people: int, threads: int) -> str:
    """Cut people out and return how fast, and the most memory that the process had."""
    torch.set_num_threads(threads)
    split = mpii_people(folder, "test").limited(people)
    start, used = time.perf_counter(), time.process_time()
    seen = sum(len(batch) for batch in batches(split, (256, 256), 32))
    seconds, used = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{seen:,} people: {seen / seconds:.0f} a second with {threads} threads "
        f"({1000 * used / seen:.1f} ms of CPU time each), at most {peak:.0f} MiB of memory"
    )


def main() -> None:
    """Measure the number of people on the command line, or 10,000, on so many threads, or 2."""
    if sys.argv[1:2] == ["crop"]:
        print(cropping(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
        return
    people, threads = [*map(int, sys.argv[1:]), *(10_000, 2)[len(sys.argv) - 1 :]][:2]
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        write_photos(root, people)
        for form in FORMS:
            print(listing(root, form, people), flush=True)
        for count in (people // 20, people // 5, people):
            command = [sys.executable, __file__, "crop", str(root / "json"), str(count)]
            subprocess.run([*command, str(threads)], check=True)


if __name__ == "__main__":
    main()
