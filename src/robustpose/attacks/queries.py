"""What attacks by values alone have in common: a ball, and so many queries."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from robustpose.attacks.attack import Outcome
from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.losses import Loss
from robustpose.errors import UsageError
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class Search(ABC):
    """An attack that asks for `queries` values of the loss, that of its start among them."""

    ball: Linf | L2
    queries: int

    def __post_init__(self) -> None:
        if not isinstance(self.ball, Linf | L2):
            raise UsageError(
                f"{type(self).__name__} knows L-inf and L2 balls, found {type(self.ball).__name__}"
            )
        if self.queries < 1:
            raise UsageError(f"expected at least 1 query, found {self.queries}")

    @property
    def steps(self) -> int:
        """Proposals and the start: as many as queries."""
        return self.queries

    @property
    def cost(self) -> int:
        """Work in gradient evaluations: a query is half of one."""
        return -(-self.queries // 2)

    def __call__(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Images:
        """Return images in the ball around `images` on which `loss` is higher."""
        return self.outcome(loss, images, seeds).images

    @abstractmethod
    def outcome(self, loss: Loss, images: Images, seeds: Sequence[int]) -> Outcome:
        """Attack, and say what it cost."""
