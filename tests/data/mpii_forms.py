"""Annotations of MPII that tests make up, and how each form in which they go round is written."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import scipy.io

POINT = [("x", "O"), ("y", "O"), ("id", "O"), ("is_visible", "O")]
OFFICIAL = "mpii_human_pose_v1_u12_1.mat"


@dataclass
class Annotated:
    """People as MPII annotates them: 1-based, centre and scale not enlarged."""

    images: list[str]
    centre: np.ndarray
    scale: np.ndarray
    joints: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray

    def __len__(self) -> int:
        return len(self.images)


def annotated(images: list[str], seed: int = 0) -> Annotated:
    """Return people with joints at integers (so that all forms agree), some of them missing."""
    draws, count = np.random.default_rng(seed), len(images)
    centre = draws.integers(200, 500, (count, 2)).astype(np.float64)
    labelled = draws.random((count, 16)) < 0.8
    labelled[:, 7] = True
    visible = labelled & (draws.random((count, 16)) < 0.7)
    visible[:, 8:10] = labelled[:, 8:10]  # neck and head top have no flag in MPII's own file
    return Annotated(
        images=images,
        centre=centre,
        scale=draws.integers(100, 500, count) / 100,
        joints=centre[:, None] + draws.integers(-150, 150, (count, 16, 2)),
        labelled=labelled,
        visible=visible,
    )


def write_photos(folder: Path, images: list[str]) -> Path:
    """Write small grey photographs under their names."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    content = cv2.imencode(".jpg", np.full((8, 8, 3), 90, np.uint8))[1].tobytes()
    for image in set(images):
        (folder / "images" / image).write_bytes(content)
    return folder


def json_people(people: Annotated) -> list[dict[str, Any]]:
    """Return the list that HRNet's and MMPose's files hold; missing joints are at -1."""
    return [
        {
            "image": people.images[i],
            "center": people.centre[i].tolist(),
            "scale": float(people.scale[i]),
            "joints": np.where(people.labelled[i][:, None], people.joints[i], -1.0).tolist(),
            "joints_vis": people.labelled[i].astype(int).tolist(),
        }
        for i in range(len(people))
    ]


def write_json(folder: Path, people: Annotated, name: str = "valid") -> Path:
    """Write the form of HRNet and MMPose."""
    (folder / "annot").mkdir(parents=True, exist_ok=True)
    path = folder / "annot" / f"{name}.json"
    path.write_text(json.dumps(json_people(people)))
    return path


def h5_arrays(people: Annotated) -> dict[str, np.ndarray]:
    """Return Newell's arrays: centre and scale enlarged, missing joints at 0."""
    count = len(people)
    return {
        "imgname": np.array([image.encode() for image in people.images]),
        "center": people.centre + np.stack([np.zeros(count), 15 * people.scale], axis=1),
        "scale": 1.25 * people.scale,
        "part": np.where(people.labelled[..., None], people.joints, 0.0),
        "visible": people.visible.astype(float),
        "normalize": 25 * people.scale,
        "person": np.array([people.images[:i].count(people.images[i]) for i in range(count)]),
        "torsoangle": np.zeros(count),
    }


def write_h5(folder: Path, arrays: dict[str, np.ndarray], name: str = "valid") -> Path:
    """Write Newell's form."""
    (folder / "annot").mkdir(parents=True, exist_ok=True)
    path = folder / "annot" / f"{name}.h5"
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return path


def rect(people: Annotated, i: int) -> dict[str, Any]:
    """Return one `annorect` of MPII's own file; neck and head top have no flag."""
    x, y = people.centre[i]
    points = [
        (*people.joints[i, k], k, np.zeros((0, 0)) if k in (8, 9) else flag(people.visible[i, k]))
        for k in np.flatnonzero(people.labelled[i])
    ]
    side = float(25 * people.scale[i] / 0.6 / 5)
    return {
        **{"x1": x, "y1": y, "x2": x + 3 * side, "y2": y + 4 * side},
        "scale": people.scale[i],
        "objpos": {"x": x, "y": y},
        "annopoints": {"point": np.array([points], POINT)},
    }


def flag(value: bool) -> object:
    """Return a flag as the file writes some of them: a letter, others are numbers."""
    return "1" if value else 0


def structures(rows: list[dict[str, Any]]) -> np.ndarray:
    """Return an array of structures; fields that one has not are empty, as in MATLAB."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    array = np.zeros((1, len(rows)), [(name, "O") for name in names])
    for i, row in enumerate(rows):
        array[0, i] = tuple(row.get(name, np.zeros((0, 0))) for name in names)
    return array


def photo_rows(people: Annotated) -> list[dict[str, Any]]:
    """Return `annolist`: the people of each photograph in order, as lists."""
    rows: dict[str, dict[str, Any]] = {}
    for i, image in enumerate(people.images):
        row = rows.setdefault(image, {"image": {"name": image}, "annorect": []})
        row["annorect"].append(rect(people, i))
    return list(rows.values())


def write_official(
    folder: Path,
    rows: list[dict[str, Any]],
    train: list[int] | None = None,
    *,
    compressed: bool = True,
) -> Path:
    """Write MPII's own form."""
    folder.mkdir(parents=True, exist_ok=True)
    annolist = structures(
        [
            row | {"annorect": structures(row["annorect"])} if row.get("annorect") else row
            for row in rows
        ]
    )
    train = [1] * len(rows) if train is None else train
    release = {"annolist": annolist, "img_train": np.array([train], np.uint8), "version": "12"}
    scipy.io.savemat(folder / OFFICIAL, {"RELEASE": release}, do_compression=compressed)
    return folder / OFFICIAL
