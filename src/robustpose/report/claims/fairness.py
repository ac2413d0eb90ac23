"""Whether two networks differ in what is compared and in nothing else."""

from collections.abc import Sequence
from typing import NamedTuple

from robustpose.metrics.estimates import Estimate, mean_of
from robustpose.report.claims.decisions import Group, Pair
from robustpose.report.claims.evidence import Evidence
from robustpose.report.claims.measures import scored
from robustpose.report.claims.verdicts import shown

MATCHED = 3.0
"""Points of clean PCK between networks that count as equally good. Two and eight stacks, which are
neighbours in the literature, are 1.8 apart on MPII (86.95 and 88.78 in bearpaw's pytorch-pose)."""


class Fair(NamedTuple):
    """The pairs that are fair, and what the pair that comes nearest to it differs in besides."""

    pairs: list[Pair]
    difference: str


def fair_pairs(evidence: Evidence, pairs: Sequence[Pair], *, same_backbone: bool = False) -> Fair:
    """Return the pairs that differ in nothing else.

    Both sides are trained by one recipe and equally good on clean images, neither has a masked
    gradient, and they share their backbone if that is asked.
    """
    differences = [_differences(evidence, pair, same_backbone=same_backbone) for pair in pairs]
    fair = [pair for pair, found in zip(pairs, differences, strict=True) if not found]
    nearest = min(differences, key=len, default=[])
    return Fair(fair, f"no two networks are matched: {'; '.join(nearest)}" if nearest else "")


def _differences(evidence: Evidence, pair: Pair, *, same_backbone: bool) -> list[str]:
    one, other = (next(iter(group.values)) for group in pair.groups)
    names = f"{pair.one.name} and {pair.other.name}"
    found = [
        f"part of the gradient of {group.name} is zero"
        for group in pair.groups
        if any(evidence.masked(network.label) for network in group.values)
    ]
    if same_backbone and (one.backbone is None or one.backbone != other.backbone):
        found.append(f"{names} have different backbones")
    if one.recipe != other.recipe:
        found.append(f"{names} were trained differently")
    clean = [_clean(evidence, group) for group in pair.groups]
    if clean[0] is None or clean[1] is None:
        found.append(f"clean scores of {names} are not known")
    elif abs((clean[0] - clean[1]).value) > MATCHED:
        scores = " and ".join(shown(each) for each in clean if each is not None)
        found.append(f"clean score of {names} is {scores}, more than {MATCHED:g} points apart")
    return found


def _clean(evidence: Evidence, group: Group) -> Estimate | None:
    scores = scored(list(group.values), lambda network: evidence.clean(network.label))
    return mean_of(list(scores.values())) if scores else None
