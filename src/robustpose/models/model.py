"""A pose model: a network, what it expects of a picture, and what its outputs mean."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.geometry import rescaled, rescaled_back, resized
from robustpose.models.codecs import Codec, Decoding, HeatmapCodec, Points, Scores, View
from robustpose.poses import Images, Joints, PerImage, Pose
from robustpose.skeletons import Skeleton


@dataclass(frozen=True)
class Normalisation:
    """What a network expects of its pixels: (scale x RGB in [0, 1] - mean) / std, then its order.

    `mean` and `std` are of red, green and blue, whatever the order in which the network is given
    them; `bgr` says that it wants blue first. `scale` is 255 where its own code worked on pixels
    from 0 to 255: the same up to the last bits.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool = False
    scale: float = 1.0


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The statistics of ImageNet, which most networks use."""


class PoseModel(nn.Module):
    """A network behind the package's image convention: RGB in [0, 1] in, poses out.

    `network` maps normalised images of `size` (height, width) to a tuple of stage outputs, each
    understood by the codec at its place in `codecs`; the last stage decides. `precision` is the
    arithmetic of the network (`torch.bfloat16` runs it under autocast); outputs are float32.
    `card` says how the weights came about, if that is known.

    Joints go in and out in the order of `skeleton`: that which the network was trained on, or
    another one that it is `asked` in.
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
        normalisation: Normalisation = IMAGENET,
    ) -> None:
        super().__init__()
        self.network = network
        self.name = name
        self.size = size
        self.codecs = tuple(codecs)
        self.own_skeleton = skeleton
        self.skeleton = skeleton
        self.precision = torch.float32
        self.layout = torch.contiguous_format
        self.card: Mapping[str, Any] = {}
        self.normalisation = normalisation
        for statistic in ("mean", "std"):
            values = torch.tensor(getattr(normalisation, statistic)).view(3, 1, 1)
            self.register_buffer(statistic, values, persistent=False)

    def forward(self, images: Images, seeds: Sequence[int] | None = None) -> tuple[Tensor, ...]:
        """Return the output of every stage for images of any canvas; differentiable.

        `seeds`, one an image, settle what a random network draws; others ignore them.
        """
        pictures = resized(images, self.size)
        if self.normalisation.scale != 1:
            pictures = pictures * self.normalisation.scale
        pictures = (pictures - self.mean) / self.std
        if self.normalisation.bgr:
            pictures = pictures.flip(1)
        pictures = pictures.contiguous(memory_format=self.layout)
        with torch.autocast(
            pictures.device.type,
            dtype=torch.bfloat16,
            enabled=self.precision is torch.bfloat16,
        ):
            stages: tuple[Tensor, ...] = (
                self.network(pictures, seeds) if self._draws else self.network(pictures)
            )
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
        if self.skeleton != self.own_skeleton:
            places = [self.skeleton.place(joint) for joint in self.own_skeleton.joints]
            own, weight = _rearranged(own, places, 0.0), _rearranged(weight, places, 0.0)
        return tuple(
            codec.loss(stage, codec.encode(own), weight)
            for codec, stage in zip(self.codecs, stages, strict=True)
        )

    def decode(self, stages: Sequence[Tensor], *, canvas: tuple[int, int] | None = None) -> Pose:
        """Return the pose that the last stage means, in canvas pixels."""
        joints, confidence = self.codecs[-1].decode(stages[-1])
        joints = rescaled_back(joints, canvas or self.size, self.size)
        return Pose(self._asked(joints, math.nan), self._asked(confidence, 0.0))

    def views(
        self, stages: Sequence[Tensor], *, canvas: tuple[int, int] | None = None
    ) -> tuple[View, ...]:
        """Return what every stage says of places, in canvas pixels; differentiable.

        Of joints that the network does not know, it says NaN, and scores of 0.
        """
        return tuple(
            self._asked_view(codec.view(stage), canvas or self.size)
            for codec, stage in zip(self.codecs, stages, strict=True)
        )

    @torch.no_grad()
    def predict(self, images: Images, seeds: Sequence[int] | None = None) -> Pose:
        """Return the pose on each canvas, in canvas pixels, without gradients.

        `seeds` (one a person) make the answer of a random network repeatable, alone or in a batch.
        """
        height, width = images.shape[-2:]
        return self.decode(self(images, seeds), canvas=(height, width))

    def _asked_view(self, view: View, canvas: tuple[int, int]) -> View:
        """Return a view in canvas pixels and in the order of the joints asked."""
        joints = self._asked(rescaled_back(view.joints, canvas, self.size), math.nan)
        if isinstance(view, Points):
            return Points(joints)
        tables = [
            replace(
                table,
                scores=self._asked(table.scores, 0.0),
                places=rescaled_back(table.places[None], canvas, self.size)[0],
            )
            for table in view.tables
        ]
        return Scores(tuple(tables), joints)

    def _asked(self, values: Tensor, absent: float) -> Tensor:
        """Return values (n, k, ...) of the network's joints for those of `skeleton`."""
        if self.skeleton == self.own_skeleton:
            return values
        places = [self.own_skeleton.place(joint) for joint in self.skeleton.joints]
        return _rearranged(values, places, absent)

    @property
    def random(self) -> bool:
        """Whether answers depend on random draws even in evaluation mode."""
        return self._draws

    @property
    def _draws(self) -> bool:
        """Whether the network itself draws, and takes seeds."""
        return bool(getattr(self.network, "random", False))

    def asked(self, skeleton: Skeleton) -> "PoseModel":
        """Let joints go in and out in the order of another skeleton; returns the model.

        Joints are matched by name. Of joints that the network does not know, it says NaN with
        confidence 0, and their labels do not enter its loss. Raises `UsageError` if it knows none.
        """
        if not any(joint in self.own_skeleton.joints for joint in skeleton.joints):
            raise UsageError(
                f"{self.name} knows the joints of {self.own_skeleton.name}, none of those of "
                f"{skeleton.name}"
            )
        self.skeleton = skeleton
        return self

    def decoded_by(
        self, decoding: Decoding | None = None, *, udp: bool | None = None
    ) -> "PoseModel":
        """Say how heatmaps are read, which weights cannot tell; returns the model.

        `decoding` finds places on maps (`Dark()`, ...), `udp` says that the network was trained
        with unbiased data processing, so that cells lie otherwise (`HeatmapCodec`): its losses
        know it too. What is None stays as it is. Raises `UsageError` for a network without
        heatmaps.
        """
        maps = [codec for codec in self.codecs if isinstance(codec, HeatmapCodec)]
        if not maps or len(maps) < len(self.codecs):
            kinds = ", ".join(sorted({type(codec).__name__ for codec in self.codecs}))
            raise UsageError(f"{self.name} has no heatmaps that could be read: found {kinds}")
        self.codecs = tuple(
            replace(
                codec,
                decoding=codec.decoding if decoding is None else decoding,
                udp=codec.udp if udp is None else udp,
            )
            for codec in maps
        )
        return self

    @property
    def answers(self) -> tuple[bool, ...]:
        """For each joint of `skeleton`, whether the network knows it."""
        return tuple(joint in self.own_skeleton.joints for joint in self.skeleton.joints)

    def channels_last(self) -> "PoseModel":
        """Lay weights and pictures out with channels together, which is faster; returns the model.

        Results differ from the plain layout in the last bits.
        """
        self.layout = torch.channels_last
        for parameter in self.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return self

    def frozen(self) -> "PoseModel":
        """Put the model into evaluation mode without parameter gradients, and return it."""
        return self.eval().requires_grad_(False)


def _rearranged(values: Tensor, places: Sequence[int | None], absent: float) -> Tensor:
    """Take `values` (n, k, ...) at places of axis 1; None gives `absent`."""
    index = torch.tensor([0 if place is None else place for place in places])
    known = torch.tensor([place is not None for place in places], device=values.device)
    taken = values[:, index.to(values.device)]
    return torch.where(known.view(1, -1, *[1] * (values.dim() - 2)), taken, absent)


def check_evaluating(model: PoseModel) -> None:
    """Raise `UsageError` for a model in training mode, whose answers depend on the whole batch."""
    if model.training:
        raise UsageError(f"{model.name} is in training mode: call model.frozen() first")
