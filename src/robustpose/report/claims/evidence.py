"""What a verdict may ask, whoever measured it."""

from typing import NamedTuple, Protocol

from robustpose.metrics.estimates import Estimate


class Network(NamedTuple):
    """A trained network, as far as its origin is known.

    `model` is one name for all trainings of one architecture; `recipe` says how it was trained, but
    for seed and pre-training; `seed` is that of its training. `backbone` describes an encoder that
    other networks may have too. `pretrained` names what the encoder had learnt before. `whole` is
    False for a checkpoint of an unfinished training. A defended network has the label of the
    network behind its defence as `base`.
    """

    label: str
    model: str
    family: str
    stages: int = 1
    backbone: str | None = None
    pretrained: str | None = None
    recipe: str | None = None
    seed: int | None = None
    whole: bool = True
    base: str | None = None
    defence: str | None = None

    @property
    def architecture(self) -> str:
        """What trainings share that differ in their seed alone."""
        return f"{self.model} from {self.pretrained}" if self.pretrained else self.model


class Evidence(Protocol):
    """Numbers that claims are judged from; None where there is no such number.

    Networks go by their labels, epsilon is in 0-255 units, scores are in percent. `made_on` is the
    network that a perturbation was made on, if not the one judged. `joint` is one of Table 2, left
    and right together; without it all joints count.
    """

    @property
    def trainings_known(self) -> bool:
        """Whether it is known which networks are trainings of one architecture.

        Then a difference of architectures has to be larger than that between trainings. The
        paper's figures show one training each and are taken as they stand.
        """
        ...

    @property
    def people(self) -> int | None:
        """How many people were judged; None: unknown, so that nothing was resampled."""
        ...

    @property
    def networks(self) -> tuple[Network, ...]:
        """Every network, defended ones too."""
        ...

    def epsilons(self, attack: str) -> tuple[float, ...]:
        """Return the epsilons of an attack, rising; none where it was not made."""
        ...

    def step_shares(self, attack: str) -> dict[str, float]:
        """Return the attacks that differ from this one in their step, with step / epsilon."""
        ...

    def clean(self, network: str) -> Estimate | None:
        """Return the score on the clean images."""
        ...

    def relative(
        self,
        network: str,
        attack: str,
        eps255: float,
        *,
        made_on: str | None = None,
        joint: str | None = None,
    ) -> Estimate | None:
        """Return the attacked score in percent of the network's own clean score."""
        ...

    def attacked(
        self, network: str, attack: str, eps255: float, *, made_on: str | None = None
    ) -> Estimate | None:
        """Return the attacked score."""
        ...

    def kept(
        self,
        network: str,
        attack: str,
        eps255: float,
        *,
        made_on: str | None = None,
        joint: str | None = None,
    ) -> Estimate | None:
        """Return what is left of the score above that of one constant pose, in percent.

        None also where the clean score is not clearly above it.
        """
        ...

    def target(self, network: str, attack: str, eps255: float) -> Estimate | None:
        """Return the score against the pose that a targeted attack asks for."""
        ...

    def implausible(
        self, network: str, attack: str | None = None, eps255: float | None = None
    ) -> Estimate | None:
        """Return the share of answers that no body could be in; on clean images without attack."""
        ...

    def told(self, network: str, attack: str, eps255: float) -> Estimate | None:
        """Return how well the network's confidence tells attacked images: AUROC in percent."""
        ...

    def task(
        self, task: str, attack: str, eps255: float, *, above_chance: bool = False
    ) -> Estimate | None:
        """Return what is left of the score of one of several tasks that share a network.

        In percent of its clean score, or of what that has above the same answer for everybody.
        """
        ...

    def masked(self, network: str) -> bool | None:
        """Tell whether part of the gradient is exactly zero, so that the network seems robust."""
        ...

    def missing(self, experiment: str) -> str:
        """Say where numbers that are not there could come from."""
        ...
