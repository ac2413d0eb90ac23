"""The poses that targeted attacks asked for, so that others can ask for the same."""

import math

import polars as pl

from robustpose.report.runs import Condition, Run

SCHEMA = pl.Schema(
    {
        "network": pl.String,
        "attack": pl.String,
        "person": pl.String,
        "joint": pl.String,
        "x": pl.Float64,
        "y": pl.Float64,
    }
)


def target_list(run: Run) -> pl.DataFrame:
    """Return one line for each network attacked, person and joint asked for, in canvas pixels.

    `attack` is the first that asked for these poses: those of one network with the same poses
    (other steps, other epsilons) are not listed again. Empty without a targeted attack.
    """
    lines = []
    for network in run.networks:
        seen: list[pl.Series] = []
        for conditions in run.attacks_on(network).values():
            for condition in conditions:
                if condition.goal != "targeted" or not run.complete(network, condition):
                    continue
                asked = run.of(network, condition).sort("person")["target"]
                if not any(asked.equals(each) for each in seen):
                    seen.append(asked)
                    lines += _lines(run, network, condition)
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


def _lines(run: Run, network: str, condition: Condition) -> list[dict[str, object]]:
    return [
        {
            "network": network,
            "attack": condition.name,
            "person": person,
            "joint": joint,
            "x": float(x),
            "y": float(y),
        }
        for person, pose in zip(
            run.people["person"], run.points(network, condition, "target"), strict=True
        )
        for joint, (x, y) in zip(run.skeleton.joints, pose, strict=True)
        if not math.isnan(x)
    ]
