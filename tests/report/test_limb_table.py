"""The table of limbs against counting in the rows, limb by limb."""

import re
from pathlib import Path

import numpy as np
import pytest

from robustpose.report.limb_table import limb_table
from robustpose.report.runs import open_run
from robustpose.skeletons import LSP14
from robustpose.studies.rows import read_people, read_rows

from .conftest import NETWORKS, write_run


def right_and_scored(folder: Path, network: str, condition: str) -> dict[str, list[int]]:
    people = {row["person"]: row for row in read_people(folder).to_dicts()}
    rows = read_rows(folder).filter(victim=network, condition=condition)
    rows = rows if condition == "clean" else rows.filter(made_on=network)
    counts: dict[str, list[int]] = {}
    for row in rows.to_dicts():
        person = people[row["person"]]
        for a, b in LSP14.limb_indices:
            name = "-".join(sorted(re.sub("^(left|right)_", "", LSP14.joints[i]) for i in (a, b)))
            if not (person["labelled"][a] and person["labelled"][b]):
                continue
            truth = np.array([person["joints"][end] for end in (a, b)])
            found = np.array([row["joints"][end] for end in (a, b)])
            far = np.linalg.norm(found - truth, axis=1)
            hit = bool((far <= 0.5 * np.linalg.norm(truth[0] - truth[1])).all())
            tally = counts.setdefault(name, [0, 0])
            tally[0] += hit
            tally[1] += 1
    return counts


def test_limbs_are_counted_in_the_rows(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", attacks=("IGSM-U-10",), epsilons=(8,), keep=0)
    table = limb_table(open_run(folder))
    assert set(table["network"]) == set(NETWORKS)
    for network in NETWORKS:
        clean = right_and_scored(folder, network, "clean")
        attacked = right_and_scored(folder, network, "IGSM-U-10")
        own = {row["limb"]: row for row in table.filter(network=network).to_dicts()}
        assert len(own) == len(clean)
        for name, (hits, scored) in clean.items():
            row = own[name]
            assert row["clean"] == pytest.approx(100 * hits / scored)
            assert row["score"] == pytest.approx(100 * attacked[name][0] / attacked[name][1])
