"""The values that travel between data, models, attacks and metrics."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from robustpose.seeds import seed_of
from robustpose.skeletons import Skeleton

Images = Float[Tensor, "n 3 h w"]
"""RGB in [0, 1]; the only image convention in the package."""
Joints = Float[Tensor, "n k 2"]
"""(x, y) in canvas pixels; the centre of the first pixel is (0, 0)."""
PerImage = Float[Tensor, "n"]


class Pose(NamedTuple):
    """What a model says: joints in canvas pixels, and its confidence in each."""

    joints: Joints
    confidence: Float[Tensor, "n k"]


@dataclass(frozen=True, eq=False)
class PoseBatch:
    """People on one canvas; never mutated.

    `labelled` is False where there is no annotation; such coordinates are never read. `size`
    is the reference length that errors are divided by, in canvas pixels; 0 marks people who
    have none and are not scored. A joint is right within `threshold` x `size`. `to_photo`
    maps canvas points to the photograph. Joints named in `unscored` are annotated but count in
    no score. `labels` holds further targets, usually none. Where there are `sigmas`, one a joint,
    people are scored by OKS.
    """

    ids: tuple[str, ...]
    images: Images
    joints: Joints
    labelled: Bool[Tensor, "n k"]
    size: PerImage
    threshold: float
    skeleton: Skeleton
    to_photo: Float[Tensor, "n 2 3"]
    unscored: tuple[str, ...] = ()
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    sigmas: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """One seed a person, from its id, so that noise does not depend on batch or order."""
        return tuple(seed_of(identifier) for identifier in self.ids)

    @property
    def scored(self) -> Bool[Tensor, "n k"]:
        """Which joints count in a score."""
        counts = [joint not in self.unscored for joint in self.skeleton.joints]
        scored: Tensor = self.labelled & torch.tensor(counts, device=self.labelled.device)
        return scored

    @property
    def radius(self) -> Float[Tensor, "n k"]:
        """Within how many canvas pixels a joint is right; under OKS, has half its credit or more.

        0 for people who are not scored.
        """
        if self.sigmas is None:
            each: Sequence[float] = [self.threshold] * len(self.skeleton)
        else:
            each = [math.sqrt(8 * math.log(2)) * sigma for sigma in self.sigmas]
        return self.size[:, None] * torch.tensor(each, device=self.size.device)

    @property
    def weight(self) -> Float[Tensor, "n k"]:
        """1 where a joint is labelled, else 0: the weight of its loss."""
        return self.labelled.to(self.joints.dtype)

    def to(self, device: torch.device | str) -> "PoseBatch":
        """Return the same people with every tensor on `device`."""
        return replace(
            self,
            images=self.images.to(device),
            joints=self.joints.to(device),
            labelled=self.labelled.to(device),
            size=self.size.to(device),
            to_photo=self.to_photo.to(device),
            labels={name: label.to(device) for name, label in self.labels.items()},
        )

    def take(self, index: Int[Tensor, "m"] | Sequence[int]) -> "PoseBatch":
        """Return some of the people, in the order of `index`."""
        chosen = torch.as_tensor(index, dtype=torch.long)
        at = chosen.to(self.images.device)
        return replace(
            self,
            ids=tuple(self.ids[i] for i in chosen.tolist()),
            images=self.images[at],
            joints=self.joints[at],
            labelled=self.labelled[at],
            size=self.size[at],
            to_photo=self.to_photo[at],
            labels={name: label[at] for name, label in self.labels.items()},
        )
