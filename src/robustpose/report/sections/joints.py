"""Which joints fall, and how: the paper's Table 2 with kinds of error and the guess beside it."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from robustpose.metrics.error_kinds import KINDS, kind_shares_by_group
from robustpose.metrics.robustness import score_interval
from robustpose.report.explanations import kinds_of
from robustpose.report.guess import guess_errors
from robustpose.report.listings import Value
from robustpose.report.published import published_joints
from robustpose.report.runs import Condition, Run
from robustpose.report.sections.section import PLAIN, Row, Section, Table, number
from robustpose.report.tables import counts_of

EPSILON = 8.0
"""By inference: the paper does not say it for its Table 2."""
ATTACKS = {"IGSM-U-10": "relative", "IGSM-T-20": "target"}


def joints(run: Run, scores: pl.DataFrame) -> Section | None:
    """Return Table 2 of this run; None without either of its attacks. `scores` are by joint."""
    shown = [name for name in ATTACKS if len(scores.filter(attack=name, eps255=EPSILON))]
    if not shown:
        return None
    tables = [_table(run, scores.filter(attack=name, eps255=EPSILON), name) for name in shown]
    kinds = kind_table_by_joint(run, shown[0])
    return Section(
        "by-joint",
        "Joints, as the paper lists them",
        [
            "Left and right joints together. The paper's own rows stand below: they are of other "
            "networks and people, and of MPII's heads, so only their order can be compared. A "
            "constant pose for everybody scores what its row says without a network, in percent "
            "of all such joints: not relative to any network's clean score.",
        ],
        tables=[*tables, *_kinds(run, kinds, shown[0])],
        files={"kinds_by_joint": kinds},
    )


def kind_table_by_joint(run: Run, attack: str) -> pl.DataFrame:
    """Return what becomes of each joint under an attack at the paper's epsilon, in percent.

    One line for each network whose cells are all there and each joint, left and right together.
    """
    condition = _condition(run, attack)
    counts, lines = counts_of(run), []
    for network in run.networks:
        if condition is None or not run.complete(network, condition):
            continue
        found = kind_shares_by_group(kinds_of(run, network, condition), counts, run.skeleton.groups)
        lines += [
            {"network": network, "attack": attack, "eps255": EPSILON, "joint": joint}
            | {kind: _known(share.value) for kind, share in shares.items()}
            for joint, shares in found.items()
        ]
    shares = dict.fromkeys(KINDS, pl.Float64)
    keys = {"network": pl.String, "attack": pl.String, "eps255": pl.Float64, "joint": pl.String}
    return pl.DataFrame(lines, schema={**keys, **shares}, orient="row")


def _table(run: Run, table: pl.DataFrame, attack: str) -> Table:
    measure = ATTACKS[attack]
    groups = [name for name in run.skeleton.groups if name in set(table["joint"])]
    cells = {(row["network"], row["joint"]): row[measure] for row in table.to_dicts()}
    networks = [name for name in run.networks if name in set(table["network"])]
    rows = [Row(name, [number(cells.get((name, joint))) for joint in groups]) for name in networks]
    rows.append(Row("mean", [_mean(cells, networks, joint) for joint in groups]))
    if measure == "relative":
        rows.append(Row("a constant pose", _guess(run, groups), quiet=True))
    theirs = published_joints(attack)
    rows += [
        Row(f"{model} (published)", [number(by_joint.get(_plain(joint))) for joint in groups], True)
        for model, by_joint in theirs.items()
    ]
    about = f"{measure} {run.rule.name} in percent"
    heads = [joint.replace("_", " ") for joint in groups]
    return Table(f"{attack} at ε = {EPSILON:g}, joint by joint", about, "Network", heads, rows)


def _mean(cells: Mapping[tuple[str, str], float | None], networks: list[str], joint: str) -> Value:
    values = [cells.get((network, joint)) for network in networks]
    known = [each for each in values if each is not None]
    return number(sum(known) / len(known)) if known else PLAIN


def _guess(run: Run, groups: list[str]) -> list[Value]:
    errors, counts = guess_errors(run), counts_of(run, resamples=1)
    places = run.skeleton.groups
    return [
        number(
            _known(
                score_interval(
                    errors[:, list(places[joint])], run.rule.among(places[joint]), counts
                ).value
            )
        )
        for joint in groups
    ]


def _kinds(run: Run, kinds: pl.DataFrame, attack: str) -> list[Table]:
    networks = kinds["network"].unique(maintain_order=True).to_list()
    if not networks:
        return []
    means = kinds.group_by("joint", maintain_order=True).agg(pl.col(*KINDS).mean())
    rows = [
        Row(row["joint"].replace("_", " "), [number(row[kind]) for kind in KINDS])
        for row in means.to_dicts()
    ]
    about = f"mean over {len(networks)} networks, in percent of the scored joints"
    caption = f"What becomes of each joint under {attack} at ε = {EPSILON:g}"
    return [Table(caption, about, "Joint", list(KINDS), rows)]


def _condition(run: Run, attack: str) -> Condition | None:
    found = [each for each in run.attacks.get(attack, ()) if each.eps255 == EPSILON]
    return found[0] if found else None


def _plain(joint: str) -> str:
    """Return the paper's name of a joint: its head is the top of the head."""
    return {"head_top": "head", "upper_neck": "neck"}.get(joint, joint)


def _known(share: float) -> float | None:
    return None if np.isnan(share) else share
