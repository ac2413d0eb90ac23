"""From floating-point images to images that can be saved: the 8-bit levels inside a ball."""

import torch

from robustpose.attacks.balls import Ball
from robustpose.poses import Images

TOLERANCE = 1e-4 / 255
"""How far single precision may carry an image out of its ball or range."""


def holds_levels(ball: Ball, values: int) -> bool:
    """Tell whether a ball holds 8-bit images other than the clean one worth speaking of.

    That is an L-inf radius of one level, or an L2 radius of one level in each of the image's
    `values`. In a smaller ball images stay in floating point.
    """
    radius = ball.eps if ball.norm == "linf" else ball.eps / values**0.5
    return radius >= 1 / 255 - TOLERANCE


def rounded(images: Images, origin: Images, ball: Ball) -> Images:
    """Return the nearest images of 8-bit levels that lie in the ball around 8-bit originals."""
    if ball.norm == "linf":
        low = torch.ceil((origin - ball.eps) * 255 - 1e-4).clamp_min(0)
        high = torch.floor((origin + ball.eps) * 255 + 1e-4).clamp_max(255)
        return torch.minimum(torch.maximum(torch.round(images * 255), low), high) / 255
    nearest = torch.round(images * 255) / 255
    # Towards the origin the change only shrinks.
    change = torch.trunc((images - origin) * 255) / 255
    inside = ball.distance(nearest, origin) <= ball.eps
    return torch.where(inside.view(-1, 1, 1, 1), nearest, origin + change)


def finished(
    images: Images, origin: Images, ball: Ball | None, *, rounding: bool, valid_range: bool
) -> tuple[Images, bool]:
    """Return images as they are shown to networks, and whether they have 8-bit levels.

    Where the ball holds any and `rounding` is asked for, they are brought to them. Raises
    `RuntimeError` for images that are not in ball and range.
    """
    levels = ball is None or (rounding and holds_levels(ball, origin[0].numel()))
    if ball is not None and levels:
        images = rounded(images, origin, ball)
    check(images, origin, ball, valid_range=valid_range)
    return images, levels


def check(images: Images, origin: Images, ball: Ball | None, *, valid_range: bool) -> None:
    """Raise `RuntimeError` for images of another shape, out of range or out of the ball."""
    if images.shape != origin.shape:
        raise RuntimeError(
            f"a condition keeps the shape of its images: expected {tuple(origin.shape)}, found "
            f"{tuple(images.shape)}"
        )
    if not images.isfinite().all():
        raise RuntimeError("a condition gave images that are not finite")
    if valid_range and (images.min() < -TOLERANCE or images.max() > 1 + TOLERANCE):
        raise RuntimeError(
            f"a condition left the valid range [0, 1]: found {images.min():.4f} to "
            f"{images.max():.4f}"
        )
    farthest = 0.0 if ball is None else float(ball.distance(images, origin).max())
    if ball is not None and farthest > ball.eps * (1 + 1e-4) + TOLERANCE:
        raise RuntimeError(
            f"a condition left its {ball.norm} ball of radius {ball.eps:.5f}: found {farthest:.5f}"
        )
