"""Three heads on one encoder: what a person does, which part is where, where the joints are.

To compare how easily the three are fooled: what they see, what they have learned from and how are
the same, only the question differs. The pose head is that of SimpleBaseline, the head of parts is
built like it; the activity is read off the mean of the features, as classifiers have it.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.models.checkpoints import load_weights, read_checkpoint
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.loading import bundled_path
from robustpose.models.model import PoseModel
from robustpose.models.resnet import ResNet
from robustpose.models.simple_baseline import STRIDE, Deconvolution, deconvolved
from robustpose.models.zoo import NARROW
from robustpose.poses import Images, Joints, PerImage
from robustpose.skeletons import LSP14

NAME = "tasks-compact"


class MapHead(nn.Module):
    """Deconvolutions and a 1 x 1 convolution: features of an encoder in, maps out."""

    def __init__(self, encoder: ResNet, *, features: int, maps: int) -> None:
        super().__init__()
        count = round(math.log2(encoder.stride / STRIDE))
        self.deconv_layers = deconvolved(encoder.channels, [Deconvolution(features)] * count)
        self.final_layer = nn.Conv2d(features, maps, 1)

    def forward(self, features: Float[Tensor, "n c h w"]) -> Float[Tensor, "n maps rows columns"]:
        maps: Tensor = self.final_layer(self.deconv_layers(features))
        return maps


class TaskNetwork(nn.Module):
    """A residual network whose features three heads read: activity, parts, joints."""

    def __init__(
        self, encoder: ResNet, *, features: int, activities: int, parts: int, joints: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.activity = nn.Linear(encoder.channels, activities)
        self.parts = MapHead(encoder, features=features, maps=parts)
        self.pose = MapHead(encoder, features=features, maps=joints)

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        features = self.encoder(pictures)
        return self.activity(features.mean(dim=(2, 3))), self.parts(features), self.pose(features)

    def output_layers(self) -> list[nn.Conv2d]:
        """The layers that put out maps of joints."""
        return [self.pose.final_layer]


class TaskModel(PoseModel):
    """The pose head, a model like any other, and with it its two siblings.

    Stages are logits of activities (n, activities), logits of parts (n, parts, rows, columns) and
    maps of joints. The last decides on the pose, as everywhere; it alone has a codec.
    """

    def losses(
        self,
        stages: Sequence[Tensor],
        joints: Joints,
        weight: Tensor,
        *,
        canvas: tuple[int, int] | None = None,
    ) -> tuple[PerImage, ...]:
        """Return the training loss of the pose, one value an image."""
        return super().losses(stages[-1:], joints, weight, canvas=canvas)

    @property
    def stride(self) -> int:
        """Pixels a cell, of maps of joints and parts alike."""
        codec = self.codecs[-1]
        assert isinstance(codec, HeatmapCodec)
        return codec.stride

    @property
    def heads(self) -> "Mapping[str, LabelModel | TaskModel]":
        """The three heads by task; they share their weights."""
        return {
            "activity": LabelModel(self, "activity", stage=0),
            "parts": LabelModel(self, "parts", stage=1),
            "pose": self,
        }


class LabelModel(nn.Module):
    """A sibling of the pose head: gives one label to a picture, or one to each of its cells.

    `label` names the truth in `PoseBatch.labels`.
    """

    def __init__(self, model: TaskModel, label: str, *, stage: int) -> None:
        super().__init__()
        self.model = model
        self.label = label
        self.stage = stage

    def forward(self, images: Images) -> Float[Tensor, "n classes *cells"]:
        """Return the logits of each class; differentiable."""
        logits: Tensor = self.model(images)[self.stage]
        return logits

    def loss(
        self, logits: Float[Tensor, "n classes *cells"], labels: Int[Tensor, "n *cells"]
    ) -> PerImage:
        """Return the cross-entropy against true labels, summed over cells."""
        entropy = F.cross_entropy(logits, labels, reduction="none")
        return entropy.reshape(len(labels), -1).sum(dim=1)

    @torch.no_grad()
    def predict(self, images: Images) -> Int[Tensor, "n *cells"]:
        """Return the likeliest labels, without gradients."""
        answer: Tensor = self(images).argmax(dim=1)
        return answer


def three_heads(
    name: str = NAME,
    *,
    activities: int,
    parts: int,
    depth: int = NARROW["depth"],
    width: int = NARROW["width"],
    features: int = 64,
    size: tuple[int, int] = NARROW["size"],
    stem_pool: bool = NARROW["stem_pool"],
    sigma: float = 1.0,
) -> TaskModel:
    """Build the three heads, by default on the encoder and with the maps of `resdec-compact`.

    `activities` and `parts` are how many there are of each. Raises `UsageError` for a size
    (height, width) that is no multiple of the encoder's stride.
    """
    encoder = ResNet(depth, width=width, stem_pool=stem_pool)
    encoder.check_size(size)
    network = TaskNetwork(
        encoder, features=features, activities=activities, parts=parts, joints=len(LSP14)
    )
    codec = HeatmapCodec(size, stride=STRIDE, sigma=sigma)
    return TaskModel(network, name=name, size=size, codecs=[codec], skeleton=LSP14)


def load_tasks(checkpoint: Path | None = None) -> TaskModel:
    """Load the trained network, frozen: the bundled weights, or those of a file.

    How many activities and parts there are is the file's. Raises `UsageError` for a file that is
    missing, damaged or of another network.
    """
    path = checkpoint or bundled_path(NAME)
    stored = read_checkpoint(path)
    if stored.model != NAME:
        raise UsageError(f"{path} holds {stored.model}, expected {NAME}")
    model = three_heads(
        activities=len(stored.weights["activity.bias"]),
        parts=len(stored.weights["parts.final_layer.bias"]),
    )
    load_weights(model, stored.weights, str(path))
    model.card = stored.card
    model.channels_last().frozen()
    return model
