"""What a condition is: anything that turns a batch of people into a batch of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from jaxtyping import Float
from torch import Tensor

from robustpose.attacks.balls import Ball
from robustpose.data.people import Split
from robustpose.models.model import PoseModel
from robustpose.poses import Images, Joints, PoseBatch

Artefact = Mapping[str, Tensor]
"""What a condition prepares once for all its batches: a target list, a universal perturbation."""


class Perturbed(NamedTuple):
    """Images of a condition, and what is known of them; all but the images may be missing."""

    images: Images
    zero_gradient: Float[Tensor, "n"] | None = None
    """Share of image values with a gradient of exactly zero, per image."""
    targets: Joints | None = None
    """The poses asked for, in canvas pixels."""
    gradients: int | Sequence[int] = 0
    """Gradient evaluations an image, or of each image."""
    queries: int | Sequence[int] = 0
    """Forward passes without gradient, likewise."""
    members: Sequence[str] | None = None
    """Of an ensemble: which member made each image."""
    sizes: Float[Tensor, "n"] | None = None
    """Each person's own epsilon, where those differ, infinite for whom none was found; the images
    are then finished."""


class Sources(NamedTuple):
    """The people of a study: those judged, and those that no score is taken of, if there are."""

    judged: Split
    training: Split | None


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What a condition prepares with.

    `people` are those that it asked for (`Condition.prepares_on`), `model` the one attacked, if
    any, `seed` the study's. A preparation of minutes keeps its state in the file `state`, so that
    a killed one goes on; whoever called removes it when the artefact is written.
    """

    people: Split
    canvas: tuple[int, int]
    model: PoseModel | None
    seed: int
    state: Path


class Condition(Protocol):
    """Turns people into images: clean, corrupted, attacked."""

    @property
    def name(self) -> str:
        """What the literature calls it, without epsilon: `IGSM-U-10`."""
        ...

    @property
    def description(self) -> str:
        """One sentence for the report."""
        ...

    @property
    def goal(self) -> str | None:
        """`untargeted`, `targeted`, or None where nothing is attacked."""
        ...

    @property
    def ball(self) -> Ball | None:
        """What may change; None where nothing does."""
        ...

    @property
    def steps(self) -> int | None:
        """Steps of the attack; None where nothing is attacked."""
        ...

    @property
    def cost(self) -> int:
        """Gradient evaluations an image, for the estimate of the time left."""
        ...

    @property
    def preparation_cost(self) -> int:
        """Gradient evaluations of `prepare` in all, likewise."""
        ...

    @property
    def on_model(self) -> bool:
        """Whether the images are made on a model: victims then see those made on themselves, or
        on others, as the study says."""
        ...

    def prepares_on(self, sources: Sources) -> Split | None:
        """Return the people that something must be prepared on; None: nothing is prepared."""
        ...

    def prepare(self, preparation: Preparation) -> Artefact:
        """Make once what all batches need."""
        ...

    def perturb(
        self, batch: PoseBatch, model: PoseModel | None, artefact: Artefact | None, seed: int
    ) -> Perturbed:
        """Return the images. Noise of a person depends on `seed`, the condition and the person."""
        ...
