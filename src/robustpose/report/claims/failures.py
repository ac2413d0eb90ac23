"""Claims about what fails: joints (C11), tasks (C12), and whether it shows (C13)."""

from collections.abc import Callable, Sequence

from robustpose.metrics.estimates import Estimate, mean_of
from robustpose.metrics.plausibility import FEWEST
from robustpose.report.claims.decisions import above, below, throughout
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.measures import EPS, UNIVERSAL_EPS
from robustpose.report.claims.names import (
    FGSM_U,
    IGSM_T_20,
    IGSM_U_10,
    POSE,
    SEGMENTATION,
    TASKS,
    UAP,
    UNIVERSAL,
    WHITE_BOX,
)
from robustpose.report.claims.selections import unmasked, whole
from robustpose.report.claims.verdicts import Part, Verdict, verdict

WEAK = ("hip", "knee", "ankle")
STRONG = ("head", "neck")
ARM = ("shoulder", "elbow", "wrist")

MORE_IMPLAUSIBLE = 10.0
"""Points: poses stay plausible if a check that refuses 1 % of people finds at most 10 more."""

GUESS = 50.0
"""AUROC in percent of what tells nothing."""

TOLD = 75.0
"""AUROC in percent, half way between guessing and never erring: from here on a network's confidence
would be of use against attacks."""


def joints_differ(evidence: Evidence) -> Verdict:
    """C11: hips, knees and ankles are lost first, head and neck last."""
    return verdict(
        _joints(evidence, whole(evidence), evidence.relative, "points of relative score")
    )


def joints_differ_corrected(evidence: Evidence) -> Verdict:
    """C11 corrected: above what each joint scores by its usual place."""
    what = "points of score kept above a constant pose"
    return verdict(_joints(evidence, unmasked(evidence), evidence.kept, what))


def pose_beats_segmentation(evidence: Evidence) -> Verdict:
    """C12: under FGSM more is left of the pose than of a segmentation."""
    return verdict([_beside_segmentation(evidence, FGSM_U, "relative score")])


def pose_beats_segmentation_corrected(evidence: Evidence) -> Verdict:
    """C12 corrected: under an iterated attack, above chance."""
    what = "score kept above a constant answer"
    return verdict([_beside_segmentation(evidence, IGSM_U_10, what, above_chance=True)])


def failures_hide(evidence: Evidence) -> Verdict:
    """C13: attacked poses look real, and the network is as sure of them."""
    return verdict(_hidden(evidence, IGSM_U_10, EPS))


def failures_hide_corrected(evidence: Evidence) -> Verdict:
    """C13 corrected: whatever the attack is."""
    attacks = ((IGSM_U_10, EPS), (IGSM_T_20, EPS), (UAP, UNIVERSAL_EPS))
    return verdict([part for attack in attacks for part in _hidden(evidence, *attack)])


def _joints(
    evidence: Evidence, networks: Sequence[Network], left: Callable[..., Estimate | None], what: str
) -> list[Part]:
    means = _joint_means(networks, left)
    return [
        throughout(
            {
                f"{high} over {low}": means[high] - means[low]
                for high in highs
                for low in lows
                if high in means and low in means
            },
            above(0),
            statement=statement,
            what=f"{what}, {IGSM_U_10}, ε = {EPS:g}",
            of="pairs of joints",
            lacking=f"joints: {evidence.missing(WHITE_BOX)}",
        )
        for highs, lows, statement in (
            (ARM, WEAK, "Hip, knee and ankle keep less than shoulder, elbow and wrist"),
            (STRONG, ARM, "Head and neck keep more than shoulder, elbow and wrist"),
        )
    ]


def _joint_means(
    networks: Sequence[Network], left: Callable[..., Estimate | None]
) -> dict[str, Estimate]:
    """Return the mean of each joint over the networks that have a number for all joints."""
    found = [
        {
            joint: value
            for joint in WEAK + ARM + STRONG
            if (value := left(network.label, IGSM_U_10, EPS, joint=joint)) is not None
        }
        for network in networks
    ]
    joints = max(found, key=len, default={})
    known = [each for each in found if len(each) == len(joints)]
    return {joint: mean_of([each[joint] for each in known]) for joint in joints}


def _beside_segmentation(
    evidence: Evidence, attack: str, what: str, *, above_chance: bool = False
) -> Part:
    pose, parts = (
        evidence.task(task, attack, EPS, above_chance=above_chance) for task in (POSE, SEGMENTATION)
    )
    return throughout(
        {} if pose is None or parts is None else {"pose less segmentation": pose - parts},
        above(0),
        statement=f"Under {attack} more is left of the pose than of a segmentation",
        what=f"points of {what}, {attack}, ε = {EPS:g}",
        lacking=evidence.missing(TASKS),
    )


def _experiment(attack: str) -> str:
    return UNIVERSAL if attack == UAP else WHITE_BOX


def _hidden(evidence: Evidence, attack: str, eps255: float) -> list[Part]:
    at, lacking = f"{attack}, ε = {eps255:g}", evidence.missing(_experiment(attack))
    more, told = {}, {}
    for network in whole(evidence):
        label = network.label
        before, after = evidence.implausible(label), evidence.implausible(label, attack, eps255)
        if before is not None and after is not None:
            more[label] = after - before
        sure = evidence.told(label, attack, eps255)
        if sure is not None:
            told[label] = GUESS + abs(sure - GUESS)  # being surer of attacked images tells as well
    return [
        throughout(
            more,
            below(MORE_IMPLAUSIBLE),
            statement=f"Under {attack} hardly more poses are implausible than before",
            what=f"points more implausible poses than on clean images, {at}",
            lacking=f"bodies of {FEWEST} people are needed" if told else lacking,
        ),
        throughout(
            told,
            below(TOLD),
            statement=f"Under {attack} confidence does not tell attacked images",
            what=f"% AUROC of confidence, {at}",
            lacking=lacking,
        ),
    ]
