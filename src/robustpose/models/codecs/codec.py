"""What a codec is: the one seam between what a network puts out and a pose."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from robustpose.models.codecs.views import View
from robustpose.poses import Joints, PerImage, Pose


class Codec(Protocol):
    """How one stage of a network speaks about joints."""

    def encode(self, joints: Joints) -> Tensor:
        """Return the training target, which need not be of an output's shape."""
        ...

    def decode(self, output: Tensor) -> Pose:
        """Return the joints that an output means."""
        ...

    def view(self, output: Tensor) -> View:
        """Return what an output says of places, for losses other than the training's."""
        ...

    def loss(self, output: Tensor, target: Tensor, weight: Float[Tensor, "n k"]) -> PerImage:
        """Return the training loss, one value an image; joints of weight 0 do not enter."""
        ...


@runtime_checkable
class MapCodec(Codec, Protocol):
    """A codec of maps with bumps, whose training can begin with a soft-max over each map."""

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of a map in cells."""
        ...

    def cross_entropy(
        self, output: Tensor, target: Tensor, weight: Float[Tensor, "n k"]
    ) -> PerImage:
        """Return the cross-entropy of a soft-max over the cells of each map, one value an image."""
        ...
