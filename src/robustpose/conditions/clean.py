"""The photographs as they are."""

from dataclasses import dataclass

from robustpose.conditions.condition import Artefact, Perturbed, Preparation, Sources
from robustpose.data.people import Split
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch


@dataclass(frozen=True)
class Clean:
    """The photographs as they are."""

    name: str = "clean"
    description = "The photographs as they are."
    goal = None
    ball = None
    steps = None
    cost = 1
    preparation_cost = 0
    on_model = False

    def prepares_on(self, sources: Sources) -> Split | None:
        """Need nothing."""
        return None

    def prepare(self, preparation: Preparation) -> Artefact:
        """Need nothing."""
        return {}

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Return the images unchanged."""
        return Perturbed(batch.images)
