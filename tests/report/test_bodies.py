"""The bodies say what the table says."""

from itertools import pairwise
from xml.etree import ElementTree

import polars as pl
import pytest

from robustpose.report.bodies import bodies, scale_top
from robustpose.report.palette import hexadecimal, ramp_colour
from robustpose.skeletons import LSP14, Skeleton

SVG = "{http://www.w3.org/2000/svg}"


def _table(relative: dict[str, float | None], network: str = "A & B") -> pl.DataFrame:
    lines = [
        {"network": network, "joint": joint, "clean": 90.0, "relative": value}
        for joint, value in relative.items()
    ]
    schema = {"network": pl.String, "joint": pl.String, "clean": pl.Float64, "relative": pl.Float64}
    return pl.DataFrame(lines, schema=schema)


def _parsed(table: pl.DataFrame, skeleton: Skeleton) -> ElementTree.Element:
    networks = table["network"].unique(maintain_order=True).to_list()
    return ElementTree.fromstring(bodies(table, networks, skeleton, score="PCK"))


def test_a_disc_for_every_joint_and_a_label_for_every_group() -> None:
    relative = {group: 10.0 * place for place, group in enumerate(LSP14.groups)}
    root = _parsed(_table(relative), LSP14)
    assert len(root.findall(f".//{SVG}circle")) == len(LSP14)
    text = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    assert "A & B" in text
    for group, value in relative.items():
        assert f"{group.replace('_', ' ')} {value:.1f}" in text


def test_left_and_right_share_the_colour_of_their_value() -> None:
    skeleton = Skeleton("two", ("left_knee", "right_knee", "neck"), ())
    root = _parsed(_table({"knee": 25.0, "neck": 50.0}), skeleton)
    fills = [disc.get("fill") for disc in root.findall(f".//{SVG}circle")]
    knee, neck = hexadecimal(ramp_colour(0.5)), hexadecimal(ramp_colour(1.0))
    assert fills == [knee, knee, neck]


def test_a_joint_without_a_value_is_white_and_has_a_dash() -> None:
    root = _parsed(_table({"neck": None}), Skeleton("one", ("neck",), ()))
    assert root.find(f".//{SVG}circle").get("fill") == "#ffffff"  # type: ignore[union-attr]
    assert any("neck –" in "".join(each.itertext()) for each in root.iter(f"{SVG}text"))


def test_a_joint_that_bodies_do_not_have_is_still_shown() -> None:
    root = _parsed(_table({"tail": 5.0}), Skeleton("cat", ("tail",), ()))
    assert any("tail 5.0" in "".join(each.itertext()) for each in root.iter(f"{SVG}text"))


def test_labels_do_not_overlap() -> None:
    names = (*LSP14.joints, "pelvis", "thorax", "nose")
    skeleton = Skeleton("seventeen", names, ())
    root = _parsed(_table(dict.fromkeys(skeleton.groups, 20.0)), skeleton)
    labels = [t for t in root.iter(f"{SVG}text") if "clean" in "".join(t.itertext())]
    heights = sorted(float(label.get("y", "nan")) for label in labels)
    assert len(heights) == len(skeleton.groups)
    assert min(b - a for a, b in pairwise(heights)) >= 14


@pytest.mark.parametrize(("largest", "top"), [(3.0, 25), (25.0, 25), (25.1, 50), (110.0, 100)])
def test_the_scale_ends_above_the_largest_value(largest: float, top: int) -> None:
    assert scale_top(_table({"neck": largest, "hip": 1.0, "knee": None})) == top
