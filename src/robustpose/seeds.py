"""Seeds derived from names, so that noise depends on who it is for and never on order or batch."""

import hashlib

REPEATABLE = 1e-5
"""Difference between two answers to one picture, over the largest output: below, another order of
sums explains it; any noise that is to hide gradients is larger."""


def seed_of(*parts: str | int) -> int:
    """Return a seed in [0, 2**63) that depends on every part and on nothing else.

    The same parts give the same seed in every process, on every machine and in every version.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
