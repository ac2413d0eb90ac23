"""The smallest perturbation that loses a joint, and what the worst case up to a size leaves.

Both are made of errors under any number of conditions of each size (`relative_errors`, NaN where
nothing is scored). The worst case holds for all conditions up to a size, since a larger ball holds
the smaller: it falls with epsilon by construction, and no choice of one epsilon can flatter it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from robustpose.metrics.intervals import Sums
from robustpose.metrics.rules import Rule

Errors = Sequence[Float[np.ndarray, "n k"]]


def smallest_epsilons(
    clean: Float[np.ndarray, "n k"], attacked: Mapping[float, Errors], threshold: float
) -> Float[np.ndarray, "n k"]:
    """Return for each person and joint the smallest epsilon under which it is wrong.

    0 where it is wrong on the clean image, infinity where nothing loses it, NaN where it is not
    scored. `attacked` has the errors under every condition of each epsilon.
    """
    smallest = np.where(np.isnan(clean), np.nan, np.where(_wrong(clean, threshold), 0.0, np.inf))
    for epsilon in sorted(attacked):
        for error in attacked[epsilon]:
            smallest = np.where(_wrong(error, threshold), np.minimum(smallest, epsilon), smallest)
    return smallest


def smallest_halving(
    clean: Float[np.ndarray, "n k"], attacked: Mapping[float, Errors], threshold: float
) -> Float[np.ndarray, "n"]:
    """Return for each person the smallest epsilon of an image that keeps at most half of them.

    Half of the joints that are right on the clean image: one image, not a joint here and another
    there. Infinity where no image does; NaN for people of whom no joint was right.
    """
    right = (clean <= threshold).sum(axis=1)
    smallest = np.where(right > 0, np.inf, np.nan)
    for epsilon in sorted(attacked):
        for error in attacked[epsilon]:
            kept = (error <= threshold).sum(axis=1)
            known = ~np.isnan(error).all(axis=1)
            halved = known & (2 * kept <= right)
            smallest = np.where(halved, np.minimum(smallest, epsilon), smallest)
    return smallest


def worst_joints(errors: Errors, rule: Rule) -> Sums:
    """Return what is left if each joint meets the image that is worst for it.

    A bound: no single image need do that to a person.
    """
    lowest = np.minimum.reduce([rule.credit(error) for error in errors])
    return rule.gathered(lowest)


def worst_images(errors: Errors, rule: Rule) -> Sums:
    """Return what is left if each person meets the image that is worst for them.

    Joints that some condition does not score are scored under none.
    """
    unscored = np.isnan(np.array(errors)).any(axis=0)
    sums = [rule.sums(np.where(unscored, np.nan, error)) for error in errors]
    return Sums(np.minimum.reduce([each.numerator for each in sums]), sums[0].denominator)


def _wrong(error: Float[np.ndarray, "n k"], threshold: float) -> Bool[np.ndarray, "n k"]:
    return error > threshold
