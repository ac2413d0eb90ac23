"""Views: what an output says of places, in a form that losses can read whatever the codec is."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from robustpose.poses import Joints

Axes = tuple[int, ...]
"""Which of (x, y) a table tells: both, or one."""


@dataclass(frozen=True, eq=False)
class Table:
    """Scores (n, k, m) of m places: the higher, the likelier; differentiable, of any scale.

    `places` are (x, y) in pixels; of those along one axis only the coordinate in `axes` counts.
    """

    scores: Float[Tensor, "n k m"]
    places: Float[Tensor, "m 2"]
    axes: Axes = (0, 1)


@dataclass(frozen=True, eq=False)
class Scores:
    """An output that scores places: one table of a map's cells, or one table an axis.

    `joints` (n, k, 2) is where the codec reads the best ones, without a gradient: at the best
    place, or up to about a quarter of the way from it to its neighbours.
    """

    tables: tuple[Table, ...]
    joints: Joints


@dataclass(frozen=True, eq=False)
class Points:
    """An output that names places: (n, k, 2) in pixels, differentiable."""

    joints: Joints


View = Scores | Points
