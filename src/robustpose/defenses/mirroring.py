"""The mirror image: where an attack's pattern was made for one side."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from robustpose.defenses.defense import Defense
from robustpose.models.mirror import check_mirror, mirrored_back
from robustpose.models.model import PoseModel
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class Mirror(Defense):
    """The network sees the mirror image, and its answer is mirrored back; gradients are exact.

    What Jain et al. (2019) did with perturbed images. It is no flip test: the network never sees
    the picture itself. Where the cells of maps are not even in the picture, answers are up to a
    quarter of a cell off, as in the flip test.
    """

    @property
    def name(self) -> str:
        """`mirror`."""
        return "mirror"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the mirror images."""
        return pictures.flip(-1)

    def restore(
        self, stages: tuple[Tensor, ...], model: PoseModel, seeds: Sequence[int]
    ) -> tuple[Tensor, ...]:
        """Return the outputs mirrored back, left and right joints exchanged."""
        return mirrored_back(model, stages)

    def check(self, model: PoseModel) -> None:
        """Raise `UsageError` for a model whose answers have no mirror image."""
        check_mirror(model)
