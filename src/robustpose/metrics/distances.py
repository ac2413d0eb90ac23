"""How far predicted joints lie from the truth."""

import numpy as np
from jaxtyping import Bool, Float


def relative_errors(
    joints: Float[np.ndarray, "n k 2"],
    truth: Float[np.ndarray, "n k 2"],
    labelled: Bool[np.ndarray, "n k"],
    size: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n k"]:
    """Return distances over each person's reference length; NaN where nothing can be scored.

    That is where a joint is not labelled or a person has no reference length (`size` 0). A
    prediction that is not finite counts as infinitely far.
    """
    with np.errstate(over="ignore"):  # of predictions that are finite and absurd
        distance = np.linalg.norm(joints.astype(np.float64) - truth, axis=2)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    scored = labelled & (size > 0)[:, None]
    length = np.where(size > 0, size, 1.0)[:, None]
    return np.where(scored, distance / length, np.nan)
