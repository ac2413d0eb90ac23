"""Batches of people, seeds from names, and skeletons."""

import subprocess
import sys

import pytest
import torch

from robustpose.poses import PoseBatch
from robustpose.seeds import seed_of
from robustpose.skeletons import LSP14


def test_seeds_depend_on_every_part_and_its_type() -> None:
    parts = [("a", "b"), ("ab",), ("b", "a"), ("a", "b", 0), ("a", "b", "0"), ("a", 1), ("a", "1")]
    seeds = [seed_of(*part) for part in parts]
    assert len(set(seeds)) == len(parts)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_are_the_same_in_every_process() -> None:
    code = "from robustpose.seeds import seed_of; print(seed_of('noise', 0, 'x'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert int(found.stdout) == seed_of("noise", 0, "x")


def test_people_keep_their_seeds_in_any_batch(batch: PoseBatch) -> None:
    taken = batch.take([3, 0])
    assert taken.seeds == (batch.seeds[3], batch.seeds[0])
    assert len(set(batch.seeds)) == 4


def test_taking_people_takes_all_of_them(batch: PoseBatch) -> None:
    taken = batch.take(torch.tensor([2, 1]))
    assert taken.ids == (batch.ids[2], batch.ids[1])
    for name in ("images", "joints", "labelled", "size", "to_photo"):
        assert torch.equal(getattr(taken, name), getattr(batch, name)[[2, 1]])
    assert taken.threshold == batch.threshold
    assert len(batch.to("cpu")) == len(batch)


def test_a_mirror_swaps_left_and_right_and_nothing_else() -> None:
    mirror = LSP14.mirror
    assert [mirror[i] for i in mirror] == list(range(14))
    for here, there in enumerate(mirror):
        names = {LSP14.joints[here], LSP14.joints[there]}
        if here == there:
            assert names & {"neck", "head_top"}
        else:
            assert {name.split("_")[0] for name in names} == {"left", "right"}
    assert sorted(i for group in LSP14.groups.values() for i in group) == list(range(14))
    assert LSP14.groups["ankle"] == (0, 5)
    with pytest.raises(ValueError, match="not in tuple"):
        LSP14.index("tail")
