"""What a run shows, in sentences made from its numbers."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl

from robustpose.metrics.rules import score_of
from robustpose.protocols.tracks import ATTACK
from robustpose.report.guess import guess_errors, guess_of
from robustpose.report.runs import Condition, Run

USUAL_ATTACK = "IGSM-U-10"
USUAL_EPS255 = 8.0
ENSEMBLE_EPS255 = 2.0
"""Where the ensemble of a strong evaluation still leaves something to be seen."""
NOTABLE_ZERO_GRADIENT = 0.01


class Finding(NamedTuple):
    """A few words in bold and the sentence that goes on from them; about one `network`, if any."""

    lead: str
    text: str
    network: str | None = None


def main_condition(run: Run) -> Condition | None:
    """Return the condition that bodies and gallery show.

    The ensemble of a strong evaluation at epsilon 2, where the study has it. Else IGSM-U-10, else
    the iterated untargeted attack with the most epsilons, else any untargeted one, at epsilon 8.
    Where that epsilon is not there the largest below is taken, else the smallest above.
    """
    untargeted = {n: c for n, c in run.attacks.items() if c[0].goal == "untargeted"}
    if not untargeted:
        return None
    for name, conditions in untargeted.items():
        if name.startswith(ATTACK):
            return _at_most(conditions, ENSEMBLE_EPS255)
    iterated = {n: c for n, c in untargeted.items() if (c[0].steps or 0) > 1} or untargeted
    usual = iterated.get(USUAL_ATTACK) or max(iterated.values(), key=len)
    return _at_most(usual, USUAL_EPS255)


def _at_most(conditions: Sequence[Condition], eps255: float) -> Condition:
    below = [condition for condition in conditions if (condition.eps255 or 0) <= eps255]
    return below[-1] if below else conditions[0]


def findings(
    run: Run, scores: pl.DataFrame, joints: pl.DataFrame, main: Condition | None
) -> list[Finding]:
    """Return the headline findings; only what the complete cells support."""
    if main is None:
        return []
    judged = _judged(run, main)
    compared = scores.filter(pl.col("network").is_in(judged))
    parts = (
        _strongest(run, compared, main),
        _unjudged(run, judged),
        _single_step(run, compared, main),
        _halved(run, compared, main),
        _steered(run, compared, main),
        _joints(run, joints.filter(pl.col("network").is_in(judged)), main),
        _floor(run),
        _masked(scores),
    )
    return [finding for part in parts for finding in part]


def _judged(run: Run, main: Condition) -> list[str]:
    """Return the networks that have met every untargeted attack at the epsilon of the findings.

    One that has been spared the strongest attack so far would look like the most robust.
    """
    needed = [
        condition
        for conditions in run.attacks.values()
        for condition in conditions
        if condition.goal == "untargeted" and condition.eps255 == main.eps255
    ]
    return [network for network in run.networks if not run.missing_for(network, needed)]


def _unjudged(run: Run, judged: Sequence[str]) -> Iterator[Finding]:
    spared = [network for network in run.networks if network not in judged]
    if spared:
        yield Finding(
            f"Not compared: {', '.join(spared)}.",
            "Untargeted attacks are missing here, so what is left cannot be set beside the others.",
        )


def _strongest(run: Run, scores: pl.DataFrame, main: Condition) -> Iterator[Finding]:
    clean = {row["network"]: row for row in scores.filter(attack="clean").to_dicts()}
    attacked = scores.filter(
        (pl.col("goal") == "untargeted")
        & (pl.col("eps255") == main.eps255)
        & pl.col("relative").is_not_null()
    )
    strongest = attacked.sort("relative").unique("network", keep="first", maintain_order=True)
    for row in strongest.sort("relative", descending=True).to_dicts():
        before, score = clean[row["network"]]["score"], run.rule.name
        yield Finding(
            f"{row['network']}: {row['relative']:.1f} % left at ε = {main.eps255:g}.",
            f"The strongest attack on it here, {row['attack']}, takes its {score} from "
            f"{before:.1f} % to {row['score']:.1f} % (relative {score} {row['relative']:.1f} %"
            f"{_spread(row)}).",
            row["network"],
        )


def _spread(row: Mapping[str, Any]) -> str:
    low, high = row["relative_low"], row["relative_high"]
    if low is None or high is None:
        return "; too few people for an interval"
    return f", 95 % interval {low:.1f} to {high:.1f}"


def _single_step(run: Run, scores: pl.DataFrame, main: Condition) -> Iterator[Finding]:
    single = [c[0].name for c in run.attacks.values() if c[0].steps == 1]
    at = scores.filter((pl.col("eps255") == main.eps255) & (pl.col("goal") == "untargeted"))
    one = at.filter(pl.col("attack").is_in(single)).drop_nulls("relative")
    many = at.filter(attack=main.name).drop_nulls("relative")
    if len(one) and len(many) and main.name not in single:
        yield Finding(
            "One step against many.",
            f"At ε = {main.eps255:g} a single step ({', '.join(sorted(set(one['attack'])))}) "
            f"leaves {_range(one['relative'])} of the clean {run.rule.name}, {main.name} in the "
            f"same box {_range(many['relative'])}.",
        )


def _halved(run: Run, scores: pl.DataFrame, main: Condition) -> Iterator[Finding]:
    said = []
    for network in scores["network"].unique(maintain_order=True):
        if run.missing_for(network, run.attacks[main.name]):
            continue
        curve = scores.filter(network=network, attack=main.name).drop_nulls("relative")
        found = _crossing(curve["eps255"].to_list(), curve["relative"].to_list(), 50.0)
        if found is not None:
            said.append(f"{found} for {network}")
    if said:
        yield Finding(
            "Where half is lost.",
            f"Under {main.name} the relative {run.rule.name} falls to 50 % at ε {'; '.join(said)}.",
        )


def _crossing(eps: Sequence[float], values: Sequence[float], level: float) -> str | None:
    """Say where a falling curve crosses a level, interpolated in log2 epsilon."""
    ordered = sorted(zip(eps, values, strict=True))
    if not ordered or ordered[-1][1] > level:
        return None
    if ordered[0][1] <= level:
        return f"≤ {ordered[0][0]:g}"
    for (a, high), (b, low) in pairwise(ordered):
        if high > level >= low:
            share = (high - level) / (high - low)
            return f"≈ {2 ** (math.log2(a) + share * (math.log2(b) - math.log2(a))):.1f}"
    return None


def _steered(run: Run, scores: pl.DataFrame, main: Condition) -> Iterator[Finding]:
    at = scores.filter(
        (pl.col("goal") == "targeted")
        & (pl.col("eps255") == main.eps255)
        & pl.col("attack").is_in(list(run.swept))
        & pl.col("target").is_not_null()
    )
    for attack in at["attack"].unique(maintain_order=True):
        values = at.filter(attack=attack)
        each = ", ".join(f"{row['network']} {row['target']:.1f} %" for row in values.to_dicts())
        yield Finding(
            "Towards a chosen pose.",
            f"At ε = {main.eps255:g}, {attack} brings answers this near to another person's "
            f"pose (target {run.rule.name}, 100 % is that pose): {each}.",
        )


def _joints(run: Run, joints: pl.DataFrame, main: Condition) -> Iterator[Finding]:
    at = joints.filter(attack=main.name, eps255=main.eps255).drop_nulls("relative")
    means = at.group_by("joint").agg(pl.col("relative").mean()).sort("relative", "joint")
    if len(means) >= 4:
        named = [f"{_spoken(joint)} ({value:.1f} %)" for joint, value in means.iter_rows()]
        networks = ", ".join(at["network"].unique(maintain_order=True))
        yield Finding(
            "Joints.",
            f"{main.name} at ε = {main.eps255:g} leaves least of "
            f"{named[0]} and {named[1]}, most of {named[-2]} and {named[-1]} (relative "
            f"{run.rule.name}, mean of {networks}). Joints may differ by "
            "less than their intervals (tables/joints.csv).",
        )


def _floor(run: Run) -> Iterator[Finding]:
    guess, score = guess_of(run), run.rule.name
    floor, other = score_of(run.rule.sums(guess_errors(run))), ""
    if guess.other_pose is not None:
        other = f"; the pose of a random one of them scores {guess.other_pose:.1f} %"
    if not math.isnan(floor):
        yield Finding(
            "Zero is not the floor.",
            f"One constant pose for everybody, {guess.origin}, scores {floor:.1f} % {score} "
            f"without a look at the photos{other}. An attacked {score} near that value "
            "means that nothing is left; one below it means that the attacker drives joints away.",
        )


def _masked(scores: pl.DataFrame) -> Iterator[Finding]:
    notable = scores.filter(pl.col("zero_gradient") > NOTABLE_ZERO_GRADIENT)
    worst = notable.sort("zero_gradient", descending=True).unique(
        "network", keep="first", maintain_order=True
    )
    if len(worst):
        each = ", ".join(
            f"{row['network']} {100 * row['zero_gradient']:.1f} % ({row['attack']}, "
            f"ε = {row['eps255']:g})"
            for row in worst.to_dicts()
        )
        yield Finding(
            "Some gradients are exactly zero.",
            f"Largest share of image values that the attacker's first gradient says nothing "
            f"about: {each}. A signed step leaves these unchanged, so such a network can look more "
            "robust than it is.",
        )


def _range(values: pl.Series) -> str:
    numbers = sorted(float(value) for value in values.to_list())
    if len(numbers) == 1:
        return f"{numbers[0]:.1f} %"
    return f"{numbers[0]:.1f} to {numbers[-1]:.1f} %"


def _spoken(joint: str) -> str:
    return joint.replace("_", " ")
