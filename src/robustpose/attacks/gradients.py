"""Gradients of a loss with respect to images, in one place."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from robustpose.attacks.losses import Loss
from robustpose.poses import Images, PerImage


class Ascent(NamedTuple):
    """The loss of each image, and its gradient with respect to the image; both detached."""

    loss: PerImage
    gradient: Images


GradientFn = Callable[[Loss, Images, Sequence[int]], Ascent]
"""Value and gradient in one pass; the seeds (one a person) are for estimates that draw."""


def exact(loss: Loss, images: Images, seeds: Sequence[int]) -> Ascent:
    """Differentiate the loss: one forward and one backward pass, images only.

    Works inside `torch.no_grad()`; leaves no `.grad` behind. Raises `RuntimeError` inside
    `torch.inference_mode()`, which cannot be undone, and for a loss that does not depend on the
    images or is not one value an image.
    """
    if torch.is_inference_mode_enabled():
        raise RuntimeError("an attack needs gradients: use torch.no_grad(), not inference_mode()")
    with torch.enable_grad():
        variable = images.detach().requires_grad_()
        value = loss(variable)
        if value.shape != images.shape[:1]:
            raise RuntimeError(
                f"a loss gives one value an image: expected shape ({len(images)},), "
                f"found {tuple(value.shape)}"
            )
        if not value.requires_grad:
            raise RuntimeError("the loss does not depend on the images: nothing to differentiate")
        (gradient,) = torch.autograd.grad(value.sum(), variable)
    return Ascent(value.detach(), gradient)
