"""Random noise: what a perturbation of the same size does that nobody has chosen."""

from dataclasses import dataclass, replace

from robustpose.attacks.balls import L2, Linf
from robustpose.conditions.condition import Artefact, Perturbed, Preparation, Sources
from robustpose.data.people import Split
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.seeds import seed_of


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise in the ball, drawn for each person from their own seed.

    If `full`, it is as large as the ball allows, which perturbations nearly are: each value moves
    by plus or minus epsilon (L-inf), or the whole change is epsilon long in a random direction
    (L2). Otherwise it is uniform in the ball.
    """

    ball: Linf | L2
    full: bool = True
    name: str = "noise"
    goal = None
    steps = None
    cost = 1
    preparation_cost = 0
    on_model = False

    @property
    def description(self) -> str:
        """How the noise is distributed."""
        if not self.full:
            return "Random noise, uniform in the ball."
        if isinstance(self.ball, Linf):
            return "Random noise: every value moves by ε, up or down."
        return "Random noise of length ε, in a random direction."

    def prepares_on(self, sources: Sources) -> Split | None:
        """Need nothing."""
        return None

    def prepare(self, preparation: Preparation) -> Artefact:
        """Need nothing."""
        return {}

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Return the images with their noise, in the valid range if the ball asks for it."""
        seeds = [seed_of("noise", seed, self.name, person) for person in batch.ids]
        # Drawn without the range: at black pixels noise would otherwise be bright or nothing.
        change = replace(self.ball, valid=False).sample(batch.images, seeds) - batch.images
        if self.full:
            change = self.ball.eps * self.ball.ascent(change)
        return Perturbed(self.ball.project(batch.images + change, batch.images))
