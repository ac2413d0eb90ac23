"""Sizes of perturbations as people write them: in 0-255 units."""

from robustpose.errors import UsageError


def read_epsilon(text: str) -> float:
    """Read a radius in 0-255 units: `8`, `0.25` or `8/255`. Raises `UsageError` for others."""
    number, slash, unit = text.partition("/")
    try:
        epsilon = float(number)
    except ValueError:
        epsilon = float("nan")
    if not 0 < epsilon <= 255 or (slash and unit.strip() != "255"):
        raise UsageError(
            f"epsilon is in 0-255 units, more than 0 and at most 255, written 8, 0.25 or 8/255: "
            f"found {text!r}"
        )
    return epsilon


def check_epsilon(epsilon: float) -> None:
    """Raise `UsageError` unless a radius in 0-255 units is more than 0 and at most 255."""
    if not 0 < epsilon <= 255:
        raise UsageError(f"epsilon is in 0-255 units: 0 < epsilon <= 255, found {epsilon:g}")
