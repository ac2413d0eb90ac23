"""What a publisher's file of weights looks like, and which network of ours it is for."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import nn

from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.skeletons import COCO17, LSP14, MPII16, Skeleton

Size = tuple[int, int]
"""Height and width of a model's input in pixels."""


class Shapes(Mapping[str, tuple[int, ...]]):
    """The shapes of a file's tensors by name: all that depth and width are read from."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._shapes = dict(shapes)

    def __getitem__(self, name: str) -> tuple[int, ...]:
        if name not in self._shapes:
            raise UsageError(f"{name} is missing, which tells the shape of the network")
        return self._shapes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __contains__(self, name: object) -> bool:
        return name in self._shapes

    def count(self, pattern: str) -> int:
        """Return one more than the largest number that the group of `pattern` matches.

        The pattern is matched from the start of a name: `count(r"hg[.](\\d+)[.]")` is the number
        of hourglasses. 0 if nothing matches. Raises `UsageError` where most numbers are missing: a
        single name must not ask for a million hourglasses.
        """
        numbers = {int(match[1]) for name in self if (match := re.match(pattern, name))}
        count = 1 + max(numbers, default=-1)
        if count > 4 * len(numbers):
            raise UsageError(f"its parts are numbered up to {count - 1}, with gaps between")
        return count


class Reading(NamedTuple):
    """How a file is to be understood.

    `model` is built to the file's depth and width; `names` says under which name the file keeps
    each tensor of `model.network`. `assumed` are the things that weights cannot tell, in words.
    """

    model: PoseModel
    names: Mapping[str, str]
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """Files of one publisher for one family of networks.

    `keys` matches every tensor name that such a file may hold; by it a file is recognised.
    `spare` matches those that no output depends on. `also` are families that its publisher counts
    it among, under which it may be asked for too. `read` builds the network that a file is
    for, from shapes alone; `size` is what the user asks for, or None. It raises `UsageError` for
    shapes that no such network has. `licence` is that of the published code.
    """

    name: str
    family: str
    source: str
    licence: str
    keys: re.Pattern[str]
    read: Callable[[Shapes, Size | None], Reading]
    spare: re.Pattern[str] = field(default=re.compile(r"(?!)"))
    also: tuple[str, ...] = ()

    def share(self, names: Mapping[str, object] | Sequence[str]) -> float:
        """Return which share of a file's names are of this format."""
        return sum(bool(self.keys.fullmatch(name)) for name in names) / max(1, len(names))


def skeleton_of(joints: int) -> Skeleton:
    """Return the skeleton of published networks with that many joints.

    Raises `UsageError` for a number that none has.
    """
    known = {len(skeleton): skeleton for skeleton in (LSP14, MPII16, COCO17)}
    if joints not in known:
        raise UsageError(f"it puts out {joints} joints: expected 14 (LSP), 16 (MPII) or 17 (COCO)")
    return known[joints]


def renamed(network: nn.Module, rules: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the file's name of each tensor of `network`: all rules, one after the other.

    A rule is a regular expression and what it is replaced by, as in `re.sub`.
    """
    names = {}
    for own in network.state_dict():
        name = own
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        names[own] = name
    return names


def assumed_size(published: Sequence[Size]) -> str:
    """Return the sentence that says which of the published input sizes is assumed."""
    first, *others = (f"{height} x {width}" for height, width in published)
    named = f" (also published: {', '.join(others)})" if others else ""
    return (
        f"the input is taken to be {first} pixels (height x width), which weights cannot tell: "
        f"say size=(height, width) for another{named}"
    )
