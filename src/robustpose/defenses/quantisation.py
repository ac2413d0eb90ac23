"""Fewer levels of each colour, whose own gradient is zero."""

from collections.abc import Sequence
from dataclasses import dataclass

from robustpose.defenses.defense import Defense
from robustpose.errors import UsageError
from robustpose.poses import Images


@dataclass(frozen=True, kw_only=True)
class BitDepth(Defense):
    """Pixels rounded to the nearest of 2^`bits` levels, 1 to 8 bits.

    Xu, Evans and Qi, "Feature Squeezing", NDSS 2018. The gradient is that of the identity
    (straight-through).
    """

    bits: int
    differentiable = False

    def __post_init__(self) -> None:
        if not (isinstance(self.bits, int) and 1 <= self.bits <= 8):
            raise UsageError(f"expected 1 to 8 whole bits, found {self.bits}")

    @property
    def name(self) -> str:
        """`bits:BITS`."""
        return f"bits:{self.bits}"

    def change(self, pictures: Images, seeds: Sequence[int]) -> Images:
        """Return the rounded pictures."""
        most = 2**self.bits - 1
        rounded = (pictures.detach().clamp(0, 1) * most).round() / most
        return straight_through(rounded, pictures)


def straight_through(processed: Images, stand_in: Images) -> Images:
    """Return processed pictures with the gradient of a stand-in, often the pictures before.

    Backward pass differentiable approximation: Athalye, Carlini and Wagner, "Obfuscated Gradients
    Give a False Sense of Security", ICML 2018.
    """
    return processed.detach() + (stand_in - stand_in.detach())
