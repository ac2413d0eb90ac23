"""Where what a network is given lies in the picture: found by comparing the two, image by image."""

from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

ITERATIONS, SMALLEST = 60, 1e-4
"""When the search for a motion ends: after so many improvements, or at one so small."""
BLURS = (15, 5)
"""Pixels of a blur under which pictures are compared, before and in the end."""
LESS = 0.5
"""A motion is believed if it leaves less than this of the difference that was there without it."""
LIKE = 0.8
"""And if the correlation with it is at least this,"""
SHOWN = 0.5
"""over more than this share of the picture."""

NO_MASK: Any = None
"""OpenCV's stubs know no search without a mask but with a blur."""

Motion = Float[Tensor, "n 2 3"]
"""Which place (x, y) of a picture each place (x, y, 1) shows, in pixels of maps of equal size."""


def motions(source: Tensor, given: Tensor) -> Motion | None:
    """Return how maps were moved, scaled, sheared or mirrored; nothing if no image was.

    Both are maps (n, channels, rows, columns) of equal size, whose channels may differ; compared
    are the means over channels, by enhanced correlation (Evangelidis and Psarakis, PAMI 2008).
    """
    pairs = zip(_grey(source), _grey(given), strict=True)
    found = np.stack([_motion(picture, seen) for picture, seen in pairs])
    motion = torch.from_numpy(found).to(source)
    shown = moved_by(torch.ones_like(source[:, :1]), motion)
    moved = moved_by(source, motion)
    before, after = (_correlation(each, given, shown) for each in (source, moved))
    enough = shown.mean(dim=(1, 2, 3)) > SHOWN
    believed = enough & (after > LIKE) & (1 - after < LESS * (1 - before))
    if not believed.any():
        return None
    return torch.where(believed.view(-1, 1, 1), motion, torch.eye(2, 3).to(motion))


def moved_by(maps: Tensor, motion: Motion) -> Tensor:
    """Return maps as a motion shows them, 0 where it shows what is not there; differentiable."""
    rows, columns = maps.shape[2:]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], dim=-1).to(maps)
    shown = torch.einsum("nij,hwj->nhwi", motion, places)
    last = torch.tensor([max(columns - 1, 1), max(rows - 1, 1)]).to(maps)
    return F.grid_sample(maps, 2 * shown / last - 1, align_corners=True)


def _grey(maps: Tensor) -> NDArray[np.float32]:
    return maps.detach().float().mean(dim=1).cpu().numpy()


def _motion(picture: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the motion of an image, mirrored or not; none where the search fails."""
    mirrored = _searched(picture[:, ::-1], seen)
    if mirrored is not None:
        correlation, motion = mirrored
        mirror = np.array([[-1, 0, picture.shape[1] - 1], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
        mirrored = correlation, (mirror @ np.vstack([motion, [0, 0, 1]]))[:2].astype(np.float32)
    found = [each for each in (_searched(picture, seen), mirrored) if each is not None]
    if not found:
        return np.eye(2, 3, dtype=np.float32)
    return max(found, key=lambda each: each[0])[1]


def _searched(
    picture: NDArray[np.float32], seen: NDArray[np.float32]
) -> tuple[float, NDArray[Any]] | None:
    """Return the correlation under the best motion, and the motion; nothing if there is none."""
    end = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ITERATIONS, SMALLEST)
    picture = np.ascontiguousarray(picture)
    motion: Any = np.eye(2, 3, dtype=np.float32)
    correlation = 0.0
    try:
        for blur in BLURS:
            correlation, motion = cv2.findTransformECC(
                seen, picture, motion, cv2.MOTION_AFFINE, end, NO_MASK, blur
            )
    except cv2.error:  # it did not converge, or an image is flat
        return None
    return correlation, motion


@torch.no_grad()
def _correlation(source: Tensor, given: Tensor, shown: Tensor) -> Float[Tensor, "n"]:
    """Return the correlation of mean channels, where something is shown."""
    weights = shown.flatten(1).round()
    one, other = (maps.float().mean(dim=1).flatten(1) for maps in (source, given))
    means = ((weights * each).sum(dim=1) / weights.sum(dim=1).clamp_min(1) for each in (one, other))
    one, other = (
        weights * (each - mean[:, None]) for each, mean in zip((one, other), means, strict=True)
    )
    return F.cosine_similarity(one, other, dim=1)
