"""The one kind of error that a user is meant to read."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class UsageError(ValueError):
    """Bad input: the message says what was expected, what was found and what to do.

    The command line prints the message alone and exits with code 2; from Python it is a
    `ValueError`.
    """


def check_choice(kind: str, name: str, choices: Iterable[str]) -> None:
    """Raise `UsageError` if a name is not one of the choices, with the nearest ones first."""
    known = list(choices)
    if name in known:
        return
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"unknown {kind} {name!r}: {hint}expected one of {', '.join(known)}")


def times(shape: Sequence[int]) -> str:
    """Return a shape as messages write it: 3 x 16 x 2."""
    return " x ".join(f"{side:,}" for side in shape)
