"""Scores of a pose head and its siblings in one form, so that they can be compared.

Accuracy, mean intersection over union and PCK are all means over classes of a ratio of two sums
over people (`Tally`); accuracy and PCK have one class. What an attack leaves of them is said in two
ways: relative to the clean score, and relative to what the clean score has above *chance*, the
score of an answer that never looks at the picture.

Intervals are bootstraps over people (`metrics.intervals`): a resample draws whole people, adds up
what each of them has in each class and forms the score anew. `Estimate` keeps all draws, so that
whatever is compared is compared draw by draw.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from robustpose.metrics.estimates import Estimate
from robustpose.metrics.intervals import COVERAGE
from robustpose.metrics.pck import pck_sums


class Tally(NamedTuple):
    """What each person adds above and below the line in each class."""

    above: Float[np.ndarray, "n classes"]
    below: Float[np.ndarray, "n classes"]


def accuracy_tally(correct: Bool[np.ndarray, "n"]) -> Tally:
    """Return what makes an accuracy: the share of people whose label is right."""
    right = correct.astype(float)[:, None]
    return Tally(right, np.ones_like(right))


def overlap_tally(
    intersection: Int[np.ndarray, "n classes"], union: Int[np.ndarray, "n classes"]
) -> Tally:
    """Return what makes a mean intersection over union (PASCAL VOC; Everingham et al. 2010).

    Cells of all people together make the ratio of a class; classes count alike, the background
    among them. A class that nobody has and nobody is given does not count.
    """
    return Tally(intersection.astype(float), union.astype(float))


def pck_tally(error: Float[np.ndarray, "n k"], threshold: float) -> Tally:
    """Return what makes a PCK: correct and scored joints."""
    right, scored = pck_sums(error, threshold)
    return Tally(right[:, None], scored[:, None])


def overlaps(
    answer: Int[np.ndarray, "n *cells"], truth: Int[np.ndarray, "n *cells"], classes: int
) -> tuple[Int[np.ndarray, "n classes"], Int[np.ndarray, "n classes"]]:
    """Return for each person and class how many cells are in both label maps, and in either."""
    count = len(truth)
    given, true = (each.reshape(count, -1) for each in (answer, truth))
    place = (np.arange(count)[:, None] * classes + given) * classes + true
    pairs = np.bincount(place.ravel(), minlength=count * classes**2)
    pairs = pairs.reshape(count, classes, classes)
    both = np.diagonal(pairs, axis1=1, axis2=2).copy()
    return both, pairs.sum(axis=1) + pairs.sum(axis=2) - both


def percent(tally: Tally) -> float:
    """Return the score in percent; NaN if there is nothing to score."""
    everybody = np.ones((1, len(tally.above)))
    return float(_scores(tally, everybody)[0])


def resampled(tally: Tally, counts: Float[np.ndarray, "b n"]) -> Estimate:
    """Return the score in percent; `counts` says how often each resample draws each person."""
    return Estimate(percent(tally), _scores(tally, counts))


def relative(attacked: Estimate, clean: Estimate) -> Estimate:
    """Return what is left in percent of the clean score; NaN where that is 0."""
    return _share(attacked, clean)


def kept(attacked: Estimate, clean: Estimate, chance: Estimate) -> Estimate:
    """Return 100 x (attacked - chance) / (clean - chance), negative below chance.

    NaN where the clean score is not above chance; without an interval where that happens in more
    resamples than one of its ends leaves out, because a share of nothing has none.
    """
    above = clean - chance
    found = _share(attacked - chance, above)
    nothing = float((above.draws <= 0).mean())
    hidden = nothing > (1 - COVERAGE) / 2
    return Estimate(found.value, np.full_like(found.draws, np.nan)) if hidden else found


def commonest(labels: Int[np.ndarray, "n"]) -> int:
    """Return the label that most have: the best answer that never looks."""
    return int(np.bincount(labels).argmax())


def best_constant_map(
    frequency: Float[np.ndarray, "classes rows columns"],
) -> Int[np.ndarray, "rows columns"]:
    """Return the label map of the highest mean intersection over union, one for everybody.

    `frequency` says how often each cell has each label, 0 to 1. The commonest label of each cell is
    nearly everywhere the background; from there the cell and label that gain most are changed
    until none gains: no single change makes the result better.
    """
    classes = len(frequency)
    share = frequency.reshape(classes, -1)
    total = share.sum(axis=1)
    labels = share.argmax(axis=0)
    cells = np.arange(share.shape[1])
    while True:
        chosen = labels == np.arange(classes)[:, None]
        both, size = (share * chosen).sum(axis=1), chosen.sum(axis=1)
        now = _overlap(both, size, total)
        with_cell = _overlap(both[:, None] + share, size[:, None] + 1, total[:, None])
        own = share[labels, cells]
        without = _overlap(both[labels] - own, size[labels] - 1, total[labels])
        gain = with_cell - now[:, None] + without - now[labels]
        gain[labels, cells] = 0.0
        best = int(gain.argmax())
        if gain.flat[best] <= 1e-12:
            return np.asarray(labels.reshape(frequency.shape[1:]))
        labels[best % share.shape[1]] = best // share.shape[1]


def _overlap(both: np.ndarray, size: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return intersections over unions; 0 for a class that neither has."""
    union = size + total - both
    return np.where(union > 0, both / np.where(union > 0, union, 1), 0.0)


def _scores(tally: Tally, counts: Float[np.ndarray, "b n"]) -> Float[np.ndarray, "b"]:
    above, below = counts @ tally.above, counts @ tally.below
    present = below > 0
    ratios = np.where(present, above / np.where(present, below, 1), 0.0)
    number = present.sum(axis=1)
    return np.where(number > 0, 100 * ratios.sum(axis=1) / np.maximum(number, 1), np.nan)


def _share(part: Estimate, whole: Estimate) -> Estimate:
    value = 100 * part.value / whole.value if whole.value > 0 else float("nan")
    positive = whole.draws > 0
    drawn = np.where(positive, 100 * part.draws / np.where(positive, whole.draws, 1), np.nan)
    return Estimate(value, drawn)
