"""The kept people: photo, perturbation, poses and heatmaps before and after, as inline images."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float

from robustpose.report.figures import Picture
from robustpose.report.overlays import (
    Picture as Pixels,
)
from robustpose.report.overlays import (
    amplification,
    amplified,
    draw_maps,
    draw_skeleton,
)
from robustpose.report.runs import Condition, Run
from robustpose.studies.rows import sample_path

STRIPS = 16
"""At most so many person-network strips on one page, to keep it a few megabytes."""


class Strip(NamedTuple):
    """One person attacked on one network; the counts are of joints off by over the threshold."""

    network: str
    figures: list[Picture]
    wrong_before: int
    wrong_after: int
    scored: int


class Kept(NamedTuple):
    """One person of whom the images were kept."""

    person: str
    photo: str
    strips: list[Strip]


class Gallery(NamedTuple):
    """What can be shown, and how much more lies in `samples/`."""

    people: list[Kept]
    factor: int
    left_out: int


def gallery(run: Run, condition: Condition, *, strips: int = STRIPS) -> Gallery:
    """Return the kept people under one condition, in the order of the study."""
    people: list[Kept] = []
    left_out, shown = 0, 0
    for place, person in enumerate(run.people["person"]):
        clean_part = _part(run, run.networks[0], None, person)
        path = sample_path(run.folder, clean_part, person) if clean_part else None
        clean = read_picture(path) if path else None
        if clean is None:
            continue
        made = list(_strips(run, condition, place, clean))
        room = max(strips - shown, 0)
        if made[:room]:
            people.append(Kept(person, png_uri(clean), made[:room]))
        shown += len(made[:room])
        left_out += len(made[room:])
    return Gallery(people, amplification(condition.eps255 or 0), left_out)


def kept_poses(
    run: Run, network: str, condition: Condition, most: int
) -> Iterator[tuple[str, str]]:
    """Yield kept people under a condition with what the network sees, as (person, data URI)."""
    shown = 0
    for place, person in enumerate(run.people["person"]):
        part, pose = _part(run, network, condition, person), _pose(run, network, condition, place)
        picture = read_picture(sample_path(run.folder, part, person)) if part else None
        if picture is None or pose is None or shown == most:
            continue
        shown += 1
        drawn = draw_skeleton(picture, pose.joints, run.skeleton, wrong=pose.wrong)
        yield person, png_uri(drawn)


def read_picture(path: Path) -> Pixels | None:
    """Return an RGB image, or None where there is no readable file."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)


def png_uri(picture: Pixels) -> str:
    """Return an RGB image as a `data:image/png` URI."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()


def _strips(run: Run, condition: Condition, place: int, clean: Pixels) -> Iterator[Strip]:
    person = run.people["person"][place]
    for network in run.networks:
        parts = [_part(run, network, shown, person) for shown in (None, condition)]
        if None in parts:
            continue
        perturbed = read_picture(sample_path(run.folder, str(parts[1]), person))
        before = _pose(run, network, None, place)
        after = _pose(run, network, condition, place)
        if perturbed is None or before is None or after is None:
            continue
        figures = _pictures(run, condition, clean, perturbed, before, after)
        maps = [sample_path(run.folder, str(part), person, network) for part in parts]
        figures += _heatmaps(clean, perturbed, *maps)
        wrong_before, wrong_after = int(before.wrong.sum()), int(after.wrong.sum())
        scored = int(run.scored[place].sum())
        yield Strip(network, figures, wrong_before, wrong_after, scored)


def _part(run: Run, network: str, condition: Condition | None, person: str) -> str | None:
    """Return the part that holds a person's row: its pictures lie under the same name."""
    rows = run.of(network, condition)
    rows = rows.filter(rows["person"] == person)
    return None if rows.is_empty() else str(rows["part"][0])


class _Drawn(NamedTuple):
    joints: Float[np.ndarray, "k 2"]
    wrong: Bool[np.ndarray, "k"]


def _pose(run: Run, network: str, condition: Condition | None, place: int) -> _Drawn | None:
    rows = run.of(network, condition)
    rows = rows.filter(rows["person"] == run.people["person"][place])
    if rows.is_empty():
        return None
    joints = [  # a point is null where the network does not know the joint
        [np.nan if value is None else value for value in point or (None, None)]
        for point in rows["joints"].to_list()[0]
    ]
    wrong = run.errors(network, condition)[place] > run.threshold  # not for unlabelled joints: NaN
    return _Drawn(np.array(joints, dtype=float), wrong)


def _pictures(
    run: Run,
    condition: Condition,
    clean: Pixels,
    perturbed: Pixels,
    before: _Drawn,
    after: _Drawn,
) -> list[Picture]:
    eps255 = condition.eps255 or 0.0
    factor = amplification(eps255)
    drawn_before = draw_skeleton(clean, before.joints, run.skeleton, wrong=before.wrong)
    drawn_after = draw_skeleton(perturbed, after.joints, run.skeleton, wrong=after.wrong)
    noise = amplified(clean, perturbed, factor=factor)
    return [
        Picture("Pose before", "The photo with the predicted pose", png_uri(drawn_before)),
        Picture(
            f"Perturbation × {factor}",
            f"The perturbation, {factor} times amplified; mid-grey is no change",
            png_uri(noise),
        ),
        Picture("Photo perturbed", f"The photo perturbed, ε = {eps255:g}", png_uri(perturbed)),
        Picture("Pose after", "The perturbed photo with the predicted pose", png_uri(drawn_after)),
    ]


def _heatmaps(clean: Pixels, perturbed: Pixels, before: Path, after: Path) -> list[Picture]:
    if not (before.is_file() and after.is_file()):
        return []  # networks that answer in coordinates have none
    return [
        Picture(
            f"Heatmaps {when}", f"All heatmaps {when} the attack, the highest at each place", uri
        )
        for when, uri in (
            ("before", png_uri(draw_maps(clean, _maps(before)))),
            ("after", png_uri(draw_maps(perturbed, _maps(after)))),
        )
    ]


def _maps(path: Path) -> Float[np.ndarray, "k rows columns"]:
    with np.load(path) as stored:
        maps: np.ndarray = stored["maps"]
    return maps
