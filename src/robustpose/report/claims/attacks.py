"""Claims about the attacks: C4 to C7.

They are about the networks at hand, so the bootstrap over people is all that they need.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from robustpose.metrics.estimates import Estimate, mean_of, spread_of
from robustpose.report.claims.decisions import (
    above,
    below,
    exceptions,
    listed,
    on_average,
    throughout,
)
from robustpose.report.claims.evidence import Evidence, Network
from robustpose.report.claims.measures import EPS, corrected, curve, resistance, scored, uncorrected
from robustpose.report.claims.names import (
    ALL_STAGES,
    FGSM_U,
    IGSM_T_20,
    IGSM_T_100,
    IGSM_U_10,
    IGSM_U_100,
    ITERATIONS,
    SEGMENTATION_RULE,
    STEP_SIZES,
    TENFOLD,
    WHITE_BOX,
)
from robustpose.report.claims.selections import unmasked, whole
from robustpose.report.claims.verdicts import Effect, Part, Verdict, shown, undecided, verdict

HALF = 50.0
"""A single step is weak if more than half of the clean score is left."""

MUCH = 0.5
"""An attack is much stronger if it leaves less than half of what another one leaves."""

FEWEST_TO_SPREAD = 3

LEFT_OF_95 = 5.0
"""Relative PCK of a network that has lost over 95 % of its score, the paper's own number."""

SMALL, LARGE = 1.0, 32.0
"""Epsilons between which networks come together or apart: the smallest that an 8-bit picture holds
and the largest of the paper."""

STEP_RATIO = 2.0
"""The ranges that the paper found best, ε/3 to ε/2 and ε/9 to ε/7, are 2.3 to 4.5 apart."""


def all_stages_stronger(evidence: Evidence) -> Verdict:
    """C4: an attack on the losses of all stages leaves less than one on that of the last."""
    return verdict([_all_stages(evidence, attack) for attack in (IGSM_U_10, FGSM_U, IGSM_T_20)])


def all_stages_stronger_corrected(evidence: Evidence) -> Verdict:
    """C4 corrected: above chance, over the small epsilons, where gradients are not masked."""
    return verdict([_all_stages(evidence, attack, fair=True) for attack in (IGSM_U_10, IGSM_T_20)])


def single_step_weak(evidence: Evidence) -> Verdict:
    """C5: FGSM leaves most of the score, IGSM in the same box far less."""
    lacking = evidence.missing(WHITE_BOX)
    measure = resistance(evidence, FGSM_U)
    leaves = on_average(
        scored(whole(evidence), measure.score),
        above(HALF),
        statement=f"{FGSM_U} leaves more than half of the clean score",
        what=f"% {measure.what}",
        lacking=lacking,
    )
    return verdict([leaves, _leaves_half(evidence, whole(evidence), IGSM_U_10, FGSM_U, lacking)])


def single_step_weak_corrected(evidence: Evidence) -> Verdict:
    """C5 corrected: FGSM leaves most of what lies above chance."""
    networks = unmasked(evidence)
    part = on_average(
        scored(networks, lambda network: evidence.kept(network.label, FGSM_U, EPS)),
        above(HALF),
        statement=f"{FGSM_U} leaves more than half of what lies above a constant pose",
        what=f"% score kept above a constant pose, {FGSM_U}, ε = {EPS:g}",
        lacking=uncorrected(evidence, networks, FGSM_U),
    )
    return verdict([part])


def iterations_matter(evidence: Evidence) -> Verdict:
    """C6: 100 iterations leave far less than 10, of every network less than 5 %."""
    lacking = evidence.missing(ITERATIONS)
    measure = resistance(evidence, IGSM_U_100)
    lost = throughout(
        scored(whole(evidence), measure.score),
        below(LEFT_OF_95),
        statement=f"Every network loses over 95 % under {IGSM_U_100}",
        what=f"% {measure.what}",
        lacking=lacking,
    )
    return verdict([_leaves_half(evidence, whole(evidence), IGSM_U_100, IGSM_U_10, lacking), lost])


def iterations_matter_corrected(evidence: Evidence) -> Verdict:
    """C6 corrected: ten times as many steps as segmentation's rule gives, of one size."""
    lacking = evidence.missing(ITERATIONS)
    networks = unmasked(evidence)
    return verdict([_leaves_half(evidence, networks, TENFOLD, SEGMENTATION_RULE, lacking)])


def targets_harder(evidence: Evidence) -> Verdict:
    """C7: poses are lost before targets are reached; networks come together and drift apart."""
    return verdict(
        [
            _harder(evidence, whole(evidence), IGSM_U_10, IGSM_T_20, WHITE_BOX),
            _spreads(evidence, IGSM_U_10, grows=False),
            _spreads(evidence, IGSM_T_20, grows=True),
            _smaller_steps(evidence),
        ]
    )


def targets_harder_corrected(evidence: Evidence) -> Verdict:
    """C7 corrected: with the same number of steps for both."""
    harder = _harder(evidence, unmasked(evidence), IGSM_U_100, IGSM_T_100, ITERATIONS)
    return verdict([harder, _smaller_steps(evidence)])


def _all_stages(evidence: Evidence, attack: str, *, fair: bool = False) -> Part:
    every_stage = attack + ALL_STAGES
    both = sorted({*evidence.epsilons(attack)} & {*evidence.epsilons(every_stage)})
    measures = [
        corrected(evidence, name, epsilons=both) if fair else curve(evidence, name, epsilons=both)
        for name in (attack, every_stage)
    ]
    networks = unmasked(evidence) if fair else whole(evidence)
    last, every = (scored(networks, measure.score) for measure in measures)
    return throughout(
        {label: last[label] - every[label] for label in last if label in every},
        above(0),
        statement=f"{every_stage} leaves less than {attack}",
        what=f"points of {measures[0].what}, less that of {every_stage}",
        lacking=evidence.missing(WHITE_BOX),
    )


def _leaves_half(
    evidence: Evidence, networks: Sequence[Network], attack: str, than: str, lacking: str
) -> Part:
    """Decide whether an attack leaves less than half of what another one leaves."""
    strong, weak = (scored(networks, resistance(evidence, name).score) for name in (attack, than))
    both = [label for label in weak if label in strong]
    spared = {label: MUCH * weak[label] - strong[label] for label in both}
    part = throughout(
        spared,
        above(0),
        statement=f"{attack} leaves less than half of what {than} leaves",
        what="",
        lacking=lacking,
    )
    if not both:
        return part
    before, after = (mean_of([side[label] for label in both]) for side in (weak, strong))
    against = listed(exceptions(spared, above(0)))
    found = f"{shown(after)} against {shown(before)} %"
    if against:
        found += f"; not so for {against}"
    what = (
        f"points of relative score, {than} less {attack}, ε = {EPS:g}, mean of {len(both)} networks"
    )
    return part._replace(found=found, effect=Effect(before - after, what))


def _harder(
    evidence: Evidence, networks: Sequence[Network], lost: str, reached: str, experiment: str
) -> Part:
    left, unreached = (
        scored(networks, resistance(evidence, attack).score) for attack in (lost, reached)
    )
    return throughout(
        {label: unreached[label] - left[label] for label in left if label in unreached},
        above(0),
        statement=f"{reached} reaches less of the target than {lost} takes of the pose",
        what=f"points of score lost under {lost} less target score under {reached}, ε = {EPS:g}",
        lacking=evidence.missing(experiment),
    )


def _spreads(evidence: Evidence, attack: str, *, grows: bool) -> Part:
    statement = f"Networks {'drift apart' if grows else 'come together'} under {attack}"
    ends = [
        list(scored(whole(evidence), resistance(evidence, attack, eps).score).values())
        for eps in (SMALL, LARGE)
    ]
    if min(map(len, ends)) < FEWEST_TO_SPREAD or len(ends[0]) != len(ends[1]):
        return undecided(statement, f"ε {SMALL:g} and {LARGE:g} of three networks are needed")
    small, large = map(spread_of, ends)
    return on_average(
        {f"{len(ends[0])} networks": large - small},
        above(0) if grows else below(0),
        statement=statement,
        what=f"points between the networks, {attack}, ε = {LARGE:g} less ε = {SMALL:g}",
        lacking="",
    )


def _smaller_steps(evidence: Evidence) -> Part:
    """Decide whether the best step towards a target is far smaller than the best one away."""
    statement = f"{IGSM_T_20} wants steps of less than half the size of {IGSM_U_10}"
    sweeps = [evidence.step_shares(attack) for attack in (IGSM_U_10, IGSM_T_20)]
    if min(map(len, sweeps)) < 2:
        return undecided(statement, f"step sizes: {evidence.missing(STEP_SIZES)}")
    if max(sweeps[1].values()) < min(sweeps[0].values()):
        return undecided(statement, "no step towards a target was as large as those away from it")
    away, towards = (_best_step(evidence, sweep) for sweep in sweeps)
    if away is None or towards is None:
        return undecided(statement, f"step sizes: {evidence.missing(STEP_SIZES)}")
    part = on_average(
        {"best steps": away - STEP_RATIO * towards},
        above(0),
        statement=statement,
        what="",
        lacking="",
    )
    found = f"best are {away.value:.2f} ε away and {towards.value:.2f} ε towards"
    return part._replace(found=found, effect=None)


def _best_step(evidence: Evidence, sweep: Mapping[str, float]) -> Estimate | None:
    """Return the step, over epsilon, that leaves least on average over the networks."""
    left = {}
    for attack in sweep:
        found = scored(whole(evidence), resistance(evidence, attack).score)
        if found:
            left[attack] = mean_of(list(found.values()))
    if len(left) < len(sweep):
        return None
    shares = np.array([sweep[attack] for attack in left])
    values = np.array([each.value for each in left.values()])
    draws = np.stack([each.draws for each in left.values()])
    return Estimate(float(shares[values.argmin()]), shares[draws.argmin(axis=0)])
