"""The best image found so far."""

import torch
from jaxtyping import Bool
from torch import Tensor

from robustpose.poses import Images, PerImage


class Best:
    """The image of the highest loss seen so far, for each person on their own."""

    def __init__(self, origin: Images) -> None:
        self.images = origin.clone()
        self.value = torch.full((len(origin),), -torch.inf, device=origin.device)

    def see(self, images: Images, value: PerImage) -> Bool[Tensor, "n"]:
        """Keep the images whose loss is higher than all before, and tell which those are."""
        better = value > self.value
        self.value = torch.where(better, value, self.value)
        self.images = torch.where(better.view(-1, 1, 1, 1), images, self.images)
        return better
