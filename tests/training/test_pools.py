"""Pools: crops cut once, found again."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from robustpose.data.people import Split
from robustpose.training.pools import MARGIN, pool_of


def test_a_pool_is_cut_once_and_holds_the_people(people: Split, tmp_path: Path) -> None:
    said: list[str] = []
    pools = [
        pool_of(people, canvas=32, cache=tmp_path / "cache", report=said.append) for _ in range(2)
    ]
    assert len(said) == 1
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".npy"]
    for pool in pools:
        assert pool.images.shape == (4, 40, 40, 3)
        assert pool.labelled.all()
        np.testing.assert_array_equal(pool.images, pools[0].images)
    # The evaluation crop of 32 px lies in the middle.
    extent = np.ptp(pools[0].joints, axis=1).max(axis=1)
    np.testing.assert_allclose(extent, 32 / 1.3, rtol=1e-3)
    assert round(MARGIN * 32) == 40


def test_other_people_or_sizes_are_other_files(people: Split, tmp_path: Path) -> None:
    pool_of(people, canvas=32, cache=tmp_path)
    pool_of(people, canvas=16, cache=tmp_path)
    pool_of(replace(people, digest="other"), canvas=32, cache=tmp_path)
    pool_of(people, canvas=32, cache=tmp_path, most=2)
    assert len(list(tmp_path.iterdir())) == 4
