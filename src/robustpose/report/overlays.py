"""Poses and perturbations drawn on images. Images are RGB uint8 `h w 3` throughout."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from robustpose.report.palette import CENTRE, LEFT, RGB, RIGHT, WRONG, ramp_colour
from robustpose.skeletons import Skeleton

Picture = UInt8[np.ndarray, "h w 3"]
Drawing = UInt8[np.ndarray, "_ _ 3"]
"""A picture of another size than the one that it was made from."""

CASING: RGB = (20, 20, 20)
GREY = 128
_SHIFT = 4  # cv2 draws at 1/16 of a pixel
_CAPTION = 24


def draw_skeleton(
    image: Picture,
    joints: Float[np.ndarray, "k 2"],
    skeleton: Skeleton,
    *,
    scale: int = 2,
    wrong: Bool[np.ndarray, "k"] | None = None,
) -> Drawing:
    """Return the image enlarged `scale` times with a pose over it.

    `joints` are in pixels of the given image. Left limbs are orange, right ones blue, those of
    the middle white; `wrong` joints get a cross. Joints that are not finite are left out.
    """
    picture = enlarged(image, scale)
    # The centre of pixel i lies at scale * i + (scale - 1) / 2 once enlarged.
    points = np.asarray(joints, dtype=float) * scale + (scale - 1) / 2
    seen = np.isfinite(points).all(axis=1) & (np.abs(points) < 10 * max(picture.shape)).all(axis=1)
    thin = max(1, round(picture.shape[0] / 128))
    for extra, casing in ((2, True), (0, False)):
        for a, b in skeleton.limb_indices:
            if seen[a] and seen[b]:
                colour = CASING if casing else _side(skeleton.joints[a], skeleton.joints[b])
                _line(picture, points[a], points[b], colour, thin + extra)
    for joint, name in enumerate(skeleton.joints):
        if seen[joint]:
            _disc(picture, points[joint], CASING, 1.6 * thin + 1)
            _disc(picture, points[joint], _side(name, name), 1.6 * thin)
    for point in points[seen & wrong] if wrong is not None else ():
        _cross(picture, point, 2.6 * thin, thin)
    return picture


def enlarged(image: Picture, scale: int) -> Drawing:
    """Return the image with every pixel as a square of `scale` pixels: nothing is invented."""
    return np.ascontiguousarray(image.repeat(scale, axis=0).repeat(scale, axis=1))


def amplified(clean: Picture, perturbed: Picture, *, factor: float) -> Picture:
    """Return the perturbation times `factor` around mid-grey, clipped to the valid range."""
    difference = perturbed.astype(np.float64) - clean.astype(np.float64)
    shown: Picture = np.clip(np.rint(GREY + factor * difference), 0, 255).astype(np.uint8)
    return shown


def amplification(eps255: float) -> int:
    """Return the whole factor at which a perturbation of `eps255` levels just fills the range."""
    return max(1, int(GREY / eps255 + 0.01)) if eps255 > 0 else 1


def draw_maps(image: Picture, maps: Float[np.ndarray, "k rows columns"]) -> Picture:
    """Return the highest of all joints' heatmaps over a dimmed grey image.

    Maps are clipped to [0, 1], which is the range they are trained on, so that a network that has
    lost its confidence looks like one.
    """
    height, width = image.shape[:2]
    highest = np.nan_to_num(maps.astype(np.float32)).clip(0, 1).max(axis=0)
    heat = cv2.resize(highest, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    grey = 0.45 * image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    ramp = np.array([ramp_colour(level / 255) for level in range(256)], dtype=np.float32)
    colour = ramp[np.rint(255 * heat[..., 0]).astype(int)]
    weight = np.sqrt(heat)
    blend: Picture = np.rint((1 - weight) * grey + weight * colour).clip(0, 255).astype(np.uint8)
    return blend


def comparison(
    clean: Picture,
    perturbed: Picture,
    before: Float[np.ndarray, "k 2"],
    after: Float[np.ndarray, "k 2"],
    skeleton: Skeleton,
    *,
    eps255: float,
    scale: int = 3,
    wrong: Bool[np.ndarray, "k"] | None = None,
) -> Drawing:
    """Return clean image and pose | perturbation | perturbed image and pose, with captions.

    Joints in pixels of the images; `wrong` marks joints of the pose after the attack.
    """
    factor = amplification(eps255)
    panels = (
        ("before the attack", draw_skeleton(clean, before, skeleton, scale=scale)),
        (f"perturbation x {factor}", enlarged(amplified(clean, perturbed, factor=factor), scale)),
        (
            f"after, eps {eps255:g}/255",
            draw_skeleton(perturbed, after, skeleton, scale=scale, wrong=wrong),
        ),
    )
    return beside([captioned(picture, text) for text, picture in panels])


def captioned(picture: Picture, text: str) -> Drawing:
    """Return the picture under a white strip with a line of ASCII text."""
    strip = np.full((_CAPTION, picture.shape[1], 3), 255, dtype=np.uint8)
    place, font = (2, _CAPTION - 8), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(strip, text, place, font, 0.45, CASING, 1, cv2.LINE_AA)
    return np.concatenate([strip, picture])


def beside(pictures: Sequence[Picture], *, gap: int = 8) -> Drawing:
    """Return pictures of one height in a row with white gaps."""
    space = np.full((pictures[0].shape[0], gap, 3), 255, dtype=np.uint8)
    row = [piece for picture in pictures for piece in (picture, space)][:-1]
    return np.concatenate(row, axis=1)


def _side(first: str, second: str) -> RGB:
    # A limb from the neck to the left shoulder is a left limb; hip to hip is in the middle.
    sides = {name.split("_")[0] for name in (first, second)} & {"left", "right"}
    return {frozenset({"left"}): LEFT, frozenset({"right"}): RIGHT}.get(frozenset(sides), CENTRE)


def _fixed(point: Float[np.ndarray, "2"]) -> tuple[int, int]:
    x, y = np.rint(point * (1 << _SHIFT)).astype(int)
    return int(x), int(y)


def _line(
    picture: Picture,
    start: Float[np.ndarray, "2"],
    end: Float[np.ndarray, "2"],
    colour: RGB,
    width: int,
) -> None:
    cv2.line(picture, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, _SHIFT)


def _disc(picture: Picture, centre: Float[np.ndarray, "2"], colour: RGB, radius: float) -> None:
    size = round(radius * (1 << _SHIFT))
    cv2.circle(picture, _fixed(centre), size, colour, -1, cv2.LINE_AA, _SHIFT)


def _cross(picture: Picture, centre: Float[np.ndarray, "2"], arm: float, width: int) -> None:
    for colour, extra in (((255, 255, 255), 2), (WRONG, 0)):
        for direction in ((1, 1), (1, -1)):
            reach = arm * np.array(direction)
            _line(picture, centre - reach, centre + reach, colour, width + extra)
