"""A study: victims x conditions x people, as one plain value, and the cells that it falls into."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from robustpose.conditions import Condition, Sources
from robustpose.data.people import Split
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel


@dataclass(frozen=True)
class Cell:
    """The unit of work, of caching and of resuming: one condition on one batch of people.

    Its images are made once, with the gradients of `made_on` (None: nobody's), and shown to
    every one of `victims`.
    """

    label: str
    made_on: str | None
    victims: tuple[str, ...]
    batch: int


@dataclass(frozen=True, kw_only=True)
class Study:
    """The whole configuration.

    `canvas` is (height, width) of the images under attack. `victims` builds each model by its
    name; `conditions` maps the label in the report to a condition. `exposures` says for a label on
    which models the images are made that each victim sees ({victim: (made on, ...)}); by default
    each sees those made on itself. `preparation` are the people judged that conditions prepare on
    (the poses that targeted attacks ask for); None: the people of the study. `training` are people
    that no score is taken of (universal perturbations are fitted on them, and guesses that need no
    network are made from them). `keep` is of how many people the pictures are kept for the gallery.
    `precision` is that of the networks. `rounding` brings perturbed images to 8-bit levels inside
    their ball; `valid_range` says whether images must stay in [0, 1] (the paper's need not).
    """

    name: str
    people: Split
    canvas: tuple[int, int]
    victims: Mapping[str, Callable[[], PoseModel]]
    conditions: Mapping[str, Condition]
    exposures: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    preparation: Split | None = None
    training: Split | None = None
    batch_size: int = 16
    seed: int = 0
    keep: int = 4
    precision: str = "float32"
    rounding: bool = True
    valid_range: bool = True

    def __post_init__(self) -> None:
        if not len(self.people):
            raise UsageError(f"{self.people.name} has no people that can be scored")
        if not self.victims:
            raise UsageError("a study needs at least one network")
        if "clean" not in self.conditions:
            raise UsageError("a study needs the condition clean to compare with")
        if self.batch_size < 1:
            raise UsageError(f"expected a batch size of at least 1, found {self.batch_size}")
        if self.precision not in ("float32", "bfloat16"):
            raise UsageError(f"precision is float32 or bfloat16, found {self.precision!r}")
        if self.training is not None and self.training.skeleton != self.people.skeleton:
            raise UsageError(
                f"expected training people with the joints of {self.people.name} "
                f"({self.people.skeleton.name}), found {self.training.name} "
                f"({self.training.skeleton.name})"
            )
        named = {
            name
            for exposure in self.exposures.values()
            for victim, sources in exposure.items()
            for name in (victim, *sources)
        }
        if unknown := named - self.victims.keys():
            raise UsageError(
                f"images are shown to, or made on, {', '.join(sorted(unknown))}: expected networks "
                f"of the study ({', '.join(self.victims)})"
            )
        if unknown := self.exposures.keys() - self.conditions.keys():
            raise UsageError(f"no condition is called {', '.join(sorted(unknown))}")

    @property
    def batches(self) -> int:
        """How many fixed batches the people fall into."""
        return -(-len(self.people) // self.batch_size)

    @property
    def sources(self) -> Sources:
        """The people that conditions may prepare on."""
        return Sources(self.preparation or self.people, self.training)

    def batch_people(self, batch: int) -> Split:
        """Return the people of a batch: always the same ones."""
        return self.people[batch * self.batch_size : (batch + 1) * self.batch_size]

    def cells(self) -> Iterator[Cell]:
        """Yield the cells in the order of work: condition by condition, as they are listed."""
        for label in self.conditions:
            for made_on, victims in self._shown(label).items():
                for batch in range(self.batches):
                    yield Cell(label, made_on, victims, batch)

    def _shown(self, label: str) -> dict[str | None, tuple[str, ...]]:
        """Return the models on which images are made, each with the victims that see them."""
        if not self.conditions[label].on_model:
            return {None: tuple(self.victims)}
        exposure = self.exposures.get(label) or {name: (name,) for name in self.victims}
        shown: dict[str | None, tuple[str, ...]] = {}
        for victim, sources in exposure.items():
            for made_on in sources:
                shown[made_on] = (*shown.get(made_on, ()), victim)
        return shown
