"""A study: victims x conditions x people, as one plain value, and the cells that it falls into."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from robustpose.conditions import Condition
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
    name; `conditions` maps the label in the report to a condition. `preparation` are the people
    that conditions prepare on (the poses that targeted attacks ask for); None: the people of the
    study. `keep` is of how many people
    the pictures are kept for the gallery. `precision` is that of the networks. `rounding` brings
    perturbed images to 8-bit levels inside their ball; `valid_range` says whether images must
    stay in [0, 1] (the paper's need not).
    """

    name: str
    people: Split
    canvas: tuple[int, int]
    victims: Mapping[str, Callable[[], PoseModel]]
    conditions: Mapping[str, Condition]
    preparation: Split | None = None
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

    @property
    def batches(self) -> int:
        """How many fixed batches the people fall into."""
        return -(-len(self.people) // self.batch_size)

    @property
    def prepared_on(self) -> Split:
        """The people that conditions prepare on."""
        return self.preparation or self.people

    def batch_people(self, batch: int) -> Split:
        """Return the people of a batch: always the same ones."""
        return self.people[batch * self.batch_size : (batch + 1) * self.batch_size]

    def cells(self) -> Iterator[Cell]:
        """Yield the cells in the order of work: clean ones first, then condition by condition."""
        for label, condition in self.conditions.items():
            sources: dict[str | None, list[str]] = {}
            for victim in self.victims:
                sources.setdefault(condition.made_on(victim), []).append(victim)
            for made_on, victims in sources.items():
                for batch in range(self.batches):
                    yield Cell(label, made_on, tuple(victims), batch)
