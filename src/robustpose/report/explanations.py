"""How networks fail: kinds of error, confidence, implausible poses, and what is left above a guess.

Each table has one line for each network and condition whose cells are all there, the clean images
first; shares are in percent, with `_low` and `_high` (95 % bootstrap over photographs).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from robustpose.metrics.detection import confidence_fall, mean_confidence
from robustpose.metrics.error_kinds import KINDS, error_kinds, kind_shares
from robustpose.metrics.floors import above_floor
from robustpose.metrics.intervals import RESAMPLES, Interval
from robustpose.metrics.plausibility import (
    Population,
    implausibility,
    implausible_share,
    population,
)
from robustpose.metrics.robustness import score_interval
from robustpose.report.guess import guess_errors, guess_errors_to_target
from robustpose.report.runs import Condition, Run
from robustpose.report.tables import CLEAN, counts_of


def kind_table(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> pl.DataFrame:
    """Return what becomes of the scored joints: good, jitter, inversion, swap or miss."""
    counts = counts_of(run, resamples=resamples, seed=seed)
    lines = []
    for network, condition in cases(run):
        shares = kind_shares(kinds_of(run, network, condition), counts)
        lines.append(_line(network, condition, shares))
    return pl.DataFrame(lines, schema=_schema(*KINDS))


def confidence_table(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> pl.DataFrame:
    """Return whether the network's own confidence tells attacked images from clean ones.

    `auroc` is the area under the ROC curve of doing so by the mean confidence, in percent: 50 is a
    guess, 100 never errs. `fell` is the share of people whose confidence is lower under attack.
    """
    counts = counts_of(run, resamples=resamples, seed=seed)
    lines = []
    for network, condition in cases(run):
        if condition is None:
            continue
        clean, attacked = (confidences(run, network, each) for each in (None, condition))
        found = confidence_fall(clean, attacked, counts)
        auroc = Interval(*(100 * value for value in found.auroc))
        lines.append(_line(network, condition, {"auroc": auroc, "fell": found.fell}))
    return pl.DataFrame(lines, schema=_schema("auroc", "fell"))


def plausibility_table(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> pl.DataFrame:
    """Return the share of answers that no body could be in, as bodies of these people go.

    1 % of the annotated poses would count as implausible. No line where too few poses are known.
    """
    schema = _schema("implausible")
    known = bodies_of(run)
    if known is None:
        return pl.DataFrame(schema=schema)
    counts = counts_of(run, resamples=resamples, seed=seed)
    lines = []
    for network, condition in cases(run):
        joints = run.points(network, condition)
        answered = ~np.isnan(joints).any(axis=2) & run.counted
        share = implausible_share(implausibility(joints, answered, known), counts)
        lines.append(_line(network, condition, {"implausible": share}))
    return pl.DataFrame(lines, schema=schema)


def floor_table(run: Run, *, resamples: int = RESAMPLES, seed: int = 0) -> pl.DataFrame:
    """Return what lies above the score of one constant pose, and how much of it is kept.

    `floor` is the score of that pose (`report.guess`), `clean` and `attacked` the score less the
    floor in points, `kept` 100 x attacked / clean; negative where negative. `target_floor` is what
    the same pose scores against the poses that a targeted attack asks for. The floor is that of a
    guess, not the attacker's, which is zero.
    """
    counts = counts_of(run, resamples=resamples, seed=seed)
    guess = run.rule.credit(guess_errors(run))
    lines = []
    for network, condition in cases(run):
        if condition is None:
            continue
        attacked, clean = (run.errors(network, each) for each in (condition, None))
        found = above_floor(attacked, clean, guess, run.rule, counts)
        shares = found._asdict()
        if condition.goal == "targeted":
            to_target = guess_errors_to_target(run, network, condition)
            shares["target_floor"] = score_interval(to_target, run.rule, counts)
        lines.append(_line(network, condition, shares))
    schema = _schema("floor", "clean", "attacked", "kept", "target_floor")
    return pl.DataFrame(lines, schema=schema, orient="row")


def with_guess(scores: pl.DataFrame, floors: pl.DataFrame) -> pl.DataFrame:
    """Return scores with `guess`: what the constant pose has where a chart shows the network's.

    That is the floor relative to the clean score, for targeted attacks `target_floor`. `floors` is
    a `floor_table` of the same run.
    """
    share = 100 * pl.col("floor") / (pl.col("floor") + pl.col("clean"))
    guess = pl.coalesce("target_floor", share).fill_nan(None).alias("guess")
    guesses = floors.select("network", "attack", "eps255", guess)
    return scores.join(guesses, on=["network", "attack", "eps255"], how="left")


def bodies_of(run: Run) -> Population | None:
    """Return the annotated poses that answers are held against; None if they are too few."""
    try:
        return population(run.truth, run.scored, run.skeleton)
    except ValueError:
        return None


def confidences(run: Run, network: str, condition: Condition | None) -> Float[np.ndarray, "n"]:
    """Return each person's mean confidence over the joints that count; NaN without an answer."""
    nothing = [math.nan] * len(run.skeleton)
    values = [each or nothing for each in run.column(network, condition, "confidence")]
    return mean_confidence(np.array(values, dtype=float), run.counted)


def cases(run: Run) -> Iterator[tuple[str, Condition | None]]:
    """Yield what has all its cells: each network's clean images, then its attacks."""
    for network in run.networks:
        if run.missing_for(network):
            continue
        yield network, None
        for conditions in run.attacks_on(network).values():
            whole = (each for each in conditions if not run.missing_for(network, [each]))
            yield from ((network, condition) for condition in whole)


def kinds_of(run: Run, network: str, condition: Condition | None) -> np.ndarray:
    """Return what became of each joint of each person: codes of `metrics.error_kinds`."""
    return error_kinds(
        run.points(network, condition),
        run.truth,
        run.scored,
        run.size,
        run.skeleton.mirror,
        threshold=run.threshold,
    )


def _line(
    network: str, condition: Condition | None, intervals: Mapping[str, Interval]
) -> dict[str, Any]:
    line: dict[str, Any] = {
        "network": network,
        "attack": CLEAN if condition is None else condition.name,
        "eps255": None if condition is None else condition.eps255,
    }
    for name, interval in intervals.items():
        for end, value in zip(("", "_low", "_high"), interval, strict=True):
            line[f"{name}{end}"] = None if math.isnan(value) else value
    return line


def _schema(*names: str) -> pl.Schema:
    shares = {f"{name}{end}": pl.Float64 for name in names for end in ("", "_low", "_high")}
    return pl.Schema({"network": pl.String, "attack": pl.String, "eps255": pl.Float64, **shares})
