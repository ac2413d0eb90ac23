"""Universal perturbations as pictures."""

import numpy as np
from jaxtyping import Float

from robustpose.report.overlays import Picture


def perturbation_picture(perturbation: Float[np.ndarray, "3 h w"]) -> Picture:
    """Return a perturbation scaled to 0-255: mid-grey is no change, its largest value is 0 or 255.

    As Jain et al. (2019) show them in Figure 3; sign and relative size are kept. Raises
    `ValueError` for values that are not finite.
    """
    if not np.isfinite(perturbation).all():
        raise ValueError("expected a perturbation of finite values")
    largest = max(float(np.abs(perturbation).max()), 1e-12)
    levels = 127.5 * (1 + perturbation.astype(np.float64) / largest)
    picture: Picture = np.rint(levels).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(picture)
