"""The paper's own numbers as evidence: values without intervals, of one training each.

`report.published` says where they come from. Two bars of Figure 2f show values of other epsilons:
Figure 2d comes first. `jain2019_networks.csv` adds what the authors' released code
(github.com/Naman-ntc/Pytorch-Human-Pose-Estimation) tells of three networks: clean PCKh, backbone,
an activation before the first convolution.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from robustpose.metrics.estimates import Estimate, quoted
from robustpose.report.claims.evidence import Network
from robustpose.report.claims.measures import EPS, UNIVERSAL_EPS
from robustpose.report.claims.names import ALL_STAGES, UAP
from robustpose.report.published import published_table

RELATIVE, TARGET = "relative PCKh", "target PCKh"


@dataclass(frozen=True, eq=False)
class PublishedEvidence:
    """Published tables, in the columns of the CSV files of the package (see `Evidence`)."""

    figures: pl.DataFrame
    universal: pl.DataFrame
    joints: pl.DataFrame
    facts: pl.DataFrame

    trainings_known = False
    people = None

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The networks of the paper."""
        return tuple(
            Network(
                label=row["network"],
                model=row["network"].removesuffix("-NoPre").removesuffix("-Pre"),
                family=row["family"],
                stages=row["stages"],
                backbone=row["backbone"],
                pretrained=row["pretrained"],
            )
            for row in self.facts.to_dicts()
        )

    def epsilons(self, attack: str) -> tuple[float, ...]:
        """Return the epsilons of an attack, rising."""
        return tuple(sorted({eps for _, name, eps, _ in self._points if name == attack}))

    def step_shares(self, attack: str) -> dict[str, float]:
        """Return nothing: only the ranges that the paper found best are published."""
        return {}

    def clean(self, network: str) -> Estimate | None:
        """Return the PCKh on clean images of the authors' released network."""
        return _quoted(self._facts[network]["clean_pckh_percent"])

    def relative(
        self,
        network: str,
        attack: str,
        eps255: float,
        *,
        made_on: str | None = None,
        joint: str | None = None,
    ) -> Estimate | None:
        """Return a relative PCKh of Figure 2, Table 1 (universal) or Table 2 (a joint)."""
        if joint is not None:
            return _quoted(self._joints.get((network, attack, eps255, joint, RELATIVE)))
        if attack in (UAP, UAP + ALL_STAGES):
            source = made_on or network
            return _quoted(self._universal.get((network, source, attack, eps255)))
        if made_on not in (None, network):
            return None
        return _quoted(self._points.get((network, attack, eps255, RELATIVE)))

    def attacked(
        self, network: str, attack: str, eps255: float, *, made_on: str | None = None
    ) -> Estimate | None:
        """Return nothing: the paper gives relative scores alone."""
        return None

    def kept(
        self,
        network: str,
        attack: str,
        eps255: float,
        *,
        made_on: str | None = None,
        joint: str | None = None,
    ) -> Estimate | None:
        """Return nothing: the clean scores behind the figures are not published."""
        return None

    def target(self, network: str, attack: str, eps255: float) -> Estimate | None:
        """Return a target PCKh of Figure 2."""
        return _quoted(self._points.get((network, attack, eps255, TARGET)))

    def implausible(
        self, network: str, attack: str | None = None, eps255: float | None = None
    ) -> Estimate | None:
        """Return nothing: the paper shows pictures."""
        return None

    def told(self, network: str, attack: str, eps255: float) -> Estimate | None:
        """Return nothing: what the paper measured of heatmaps is in its supplement."""
        return None

    def task(
        self, task: str, attack: str, eps255: float, *, above_chance: bool = False
    ) -> Estimate | None:
        """Return nothing: the paper holds its curves against those of another paper, by eye."""
        return None

    def masked(self, network: str) -> bool | None:
        """Tell whether the released network has an activation before its first convolution."""
        masked: bool | None = self._facts[network]["masked_stem"]
        return masked

    def missing(self, experiment: str) -> str:
        """Say that it is not in the paper."""
        return "not among the figures and tables of the paper"

    @cached_property
    def _facts(self) -> dict[str, dict[str, Any]]:
        return {row["network"]: row for row in self.facts.to_dicts()}

    @cached_property
    def _points(self) -> dict[tuple[str, str, float, str], float]:
        points: dict[tuple[str, str, float, str], float] = {}
        for row in self.figures.to_dicts():
            network, attack = _without_all(row["model"], row["attack"])
            key = (network, attack, float(row["epsilon"]), row["metric"])
            points.setdefault(key, float(row["value_percent"]))
        return points

    @cached_property
    def _universal(self) -> dict[tuple[str, str, str, float], float]:
        return {
            (row["victim"], *_without_all(row["made_on"], UAP), UNIVERSAL_EPS): float(
                row["relative_pckh_percent"]
            )
            for row in self.universal.to_dicts()
        }

    @cached_property
    def _joints(self) -> dict[tuple[str, str, float, str, str], float]:
        return {
            (row["model"], row["attack"], EPS, row["joint"], row["metric"]): float(
                row["value_percent"]
            )
            for row in self.joints.to_dicts()
        }


def published_evidence(
    *,
    figures: pl.DataFrame | None = None,
    universal: pl.DataFrame | None = None,
    joints: pl.DataFrame | None = None,
    facts: pl.DataFrame | None = None,
) -> PublishedEvidence:
    """Return the paper's numbers, or other tables of the same columns in their place.

    `figures` is jain2019_figures.csv, `universal` jain2019_table1_universal_transfer.csv, `joints`
    jain2019_table2_joints.csv, `facts` jain2019_networks.csv, all in `robustpose/report`.
    """
    return PublishedEvidence(
        published_table("figures") if figures is None else figures,
        published_table("table1_universal_transfer") if universal is None else universal,
        published_table("table2_joints") if joints is None else joints,
        published_table("networks") if facts is None else facts,
    )


def _without_all(model: str, attack: str) -> tuple[str, str]:
    """Return the network and its attack: "-ALL" is how the paper's networks are attacked."""
    if model.endswith(ALL_STAGES):
        return model.removesuffix(ALL_STAGES), attack + ALL_STAGES
    return model, attack


def _quoted(value: float | None) -> Estimate | None:
    return None if value is None else quoted(float(value))
