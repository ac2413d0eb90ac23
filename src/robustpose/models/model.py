"""A pose model: a network, what it expects of a picture, and what its outputs mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.geometry import rescaled, resized
from robustpose.models.codecs import Codec
from robustpose.poses import Images, Joints, PerImage, Pose
from robustpose.skeletons import Skeleton

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class PoseModel(nn.Module):
    """A network behind the package's image convention: RGB in [0, 1] in, poses out.

    `network` maps normalised images of `size` (height, width) to a tuple of stage outputs, each
    understood by the codec at its place in `codecs`; the last stage decides. `precision` is the
    arithmetic of the network (`torch.bfloat16` runs it under autocast); outputs are float32.
    `card` says how the weights came about, if that is known.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str,
        size: tuple[int, int],
        codecs: Sequence[Codec],
        skeleton: Skeleton,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.network = network
        self.name = name
        self.size = size
        self.codecs = tuple(codecs)
        self.skeleton = skeleton
        self.precision = torch.float32
        self.card: Mapping[str, Any] = {}
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Return the output of every stage for images of any canvas; differentiable."""
        pictures = (resized(images, self.size) - self.mean) / self.std
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(
            pictures.device.type,
            dtype=torch.bfloat16,
            enabled=self.precision is torch.bfloat16,
        ):
            stages: tuple[Tensor, ...] = self.network(pictures)
        return tuple(stage.float() for stage in stages)

    def losses(
        self,
        stages: Sequence[Tensor],
        joints: Joints,
        weight: Tensor,
        *,
        canvas: tuple[int, int] | None = None,
    ) -> tuple[PerImage, ...]:
        """Return the training loss of every stage, one value an image.

        `joints` are in pixels of a (height, width) `canvas`, by default the model's own size.
        `weight` (n, k) is 0 where a joint is not labelled.
        """
        # Weight 0 alone would not keep out NaN or huge coordinates of joints without a label.
        read = torch.where(weight[..., None] > 0, joints, 0)
        own = rescaled(read, canvas or self.size, self.size)
        return tuple(
            codec.loss(stage, codec.encode(own), weight)
            for codec, stage in zip(self.codecs, stages, strict=True)
        )

    def decode(self, stages: Sequence[Tensor], *, canvas: tuple[int, int] | None = None) -> Pose:
        """Return the pose that the last stage means, in canvas pixels."""
        joints, confidence = self.codecs[-1].decode(stages[-1])
        return Pose(rescaled(joints, self.size, canvas or self.size), confidence)

    @torch.no_grad()
    def predict(self, images: Images, seeds: Sequence[int] | None = None) -> Pose:
        """Return the pose on each canvas, in canvas pixels, without gradients.

        `seeds` (one a person) are for models that draw random numbers; this one does not.
        """
        height, width = images.shape[-2:]
        return self.decode(self(images), canvas=(height, width))

    def channels_last(self) -> "PoseModel":
        """Lay weights out for convolutions that read channels together; returns the model."""
        for parameter in self.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return self

    def frozen(self) -> "PoseModel":
        """Put the model into evaluation mode without parameter gradients, and return it."""
        return self.eval().requires_grad_(False)


def check_evaluating(model: PoseModel) -> None:
    """Raise `UsageError` for a model in training mode, whose answers depend on the whole batch."""
    if model.training:
        raise UsageError(f"{model.name} is in training mode: call model.frozen() first")
