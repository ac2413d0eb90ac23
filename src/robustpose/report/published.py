"""The numbers of Jain et al. (2019), as they are published.

N. Jain, S. Shah, A. Kumar and A. Jain, "On the Robustness of Human Pose Estimation", CVPR Workshops
2019 (arXiv 1908.06401). Figure 2 was read off its vector paths. Tables 1 and 2 do not say their
epsilon: 16 and 8, by what their averages are in the text.
"""

from importlib import resources

import polars as pl

CURVES = ("2a", "2b", "2c", "2d")
"""Figures 2e and 2f repeat some of their points, two of them wrongly."""


def published_curves() -> pl.DataFrame:
    """Return the curves of Figure 2: attack, published, eps255, value (in percent)."""
    chosen = (
        published_table("figures")
        .filter(pl.col("figure").is_in(CURVES))
        .select(
            "attack",
            pl.col("model").alias("published"),
            pl.col("epsilon").cast(pl.Float64).alias("eps255"),
            pl.col("value_percent").alias("value"),
        )
    )
    # 2b and 2c share some of their networks.
    return chosen.unique(["attack", "published", "eps255"], keep="first", maintain_order=True)


def published_points(eps255: float) -> dict[tuple[str, str], float]:
    """Return (network, attack) -> percent of all of Figure 2 at an epsilon; 2a to 2d come first."""
    table = published_table("figures").filter(pl.col("epsilon") == eps255)
    points: dict[tuple[str, str], float] = {}
    for row in table.sort("figure", maintain_order=True).to_dicts():
        points.setdefault((row["model"], row["attack"]), row["value_percent"])
    return points


def published_joints(attack: str) -> dict[str, dict[str, float]]:
    """Return network -> joint -> percent of Table 2, left and right joints together."""
    found: dict[str, dict[str, float]] = {}
    for row in published_table("table2_joints").filter(attack=attack).to_dicts():
        found.setdefault(row["model"], {})[row["joint"]] = row["value_percent"]
    return found


def published_transfer() -> dict[str, dict[str, float]]:
    """Return victim -> made on -> relative PCKh of Table 1, universal perturbations."""
    found: dict[str, dict[str, float]] = {}
    for row in published_table("table1_universal_transfer").to_dicts():
        found.setdefault(row["victim"], {})[row["made_on"]] = row["relative_pckh_percent"]
    return found


def published_table(name: str) -> pl.DataFrame:
    """Return `jain2019_NAME.csv` as it is shipped."""
    path = resources.files("robustpose.report") / f"jain2019_{name}.csv"
    return pl.read_csv(path.read_bytes())
