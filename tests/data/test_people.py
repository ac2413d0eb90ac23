"""Names of data sets, and splits of people."""

from pathlib import Path

import numpy as np
import pytest

from robustpose.data import load_people
from robustpose.data.people import Box, Split, joints_square
from robustpose.errors import UsageError
from robustpose.geometry import Alignment, box_to_canvas, inverse, transformed


def test_rendered_people_need_no_folder() -> None:
    assert load_people("rendered").name == "rendered/test"
    assert load_people("rendered", split="train").name == "rendered/train"
    with pytest.raises(UsageError, match="found '/tmp'"):
        load_people("rendered:/tmp")


def test_rendered_people_are_drawn_at_the_size_asked_for() -> None:
    assert load_people("rendered:48")[0].photo.read().shape == (48, 48, 3)
    assert load_people("rendered")[0].photo.read().shape == (160, 160, 3)


def test_lsp_is_looked_for_where_the_name_or_the_environment_says(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = samples / "lspet-sample"
    named = load_people(f"lsp:{folder}")
    (tmp_path / "lsp").symlink_to(folder.resolve(), target_is_directory=True)
    monkeypatch.setenv("ROBUSTPOSE_DATA", str(tmp_path))
    assert load_people("lsp").digest == named.digest


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("mpi", "test", r"data set.*mpi.*rendered, lsp|rendered, lsp.*mpi"),
        ("", "test", "rendered, lsp"),
        ("lsp", "test", "ROBUSTPOSE_DATA"),
        ("lsp:/no/such/folder", "test", "found nothing"),
        ("rendered", "validation", "splits train and test"),
    ],
)
def test_other_names_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, split: str, message: str
) -> None:
    monkeypatch.delenv("ROBUSTPOSE_DATA", raising=False)
    with pytest.raises(UsageError, match=message):
        load_people(name, split=split)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected .*joints\.mat"):
        load_people(f"lsp:{tmp_path}")


def test_a_split_is_a_sequence_of_people(people: Split) -> None:
    assert len(people) == 4
    assert [person.id for person in people[1:3]] == [people[1].id, people[2].id]
    assert people[1:3].digest == people.digest
    assert [person.id for person in people] == [people[i].id for i in range(4)]
    assert len(people.limited(2)) == 2
    assert people.limited(None) is people
    assert len(people.limited(99)) == 4
    with pytest.raises(UsageError, match="at least 1, found 0"):
        people.limited(0)


@pytest.mark.parametrize("canvas", [(256, 192), (64, 64), (30, 90)])
@pytest.mark.parametrize("sides", [(20.0, 90.0), (90.0, 20.0), (50.0, 50.0)])
def test_a_canvas_shows_the_box_and_more_along_one_axis(
    canvas: tuple[int, int], sides: tuple[float, float]
) -> None:
    box = Box((40.0, 30.0), *sides)
    affine = box_to_canvas(box.centre, sides, canvas, alignment=Alignment.INDEX)
    corners = transformed(np.array([[0.0, 0.0], [canvas[1], canvas[0]]]), inverse(affine))
    shown = box.shown_on(canvas)
    assert (shown.width, shown.height) == pytest.approx(tuple(corners[1] - corners[0]))
    assert shown.centre == box.centre
    assert min(shown.width - box.width, shown.height - box.height) == pytest.approx(0)


def test_only_a_whole_set_has_annotations_to_be_scored_by(coco: Path) -> None:
    people = load_people(f"coco:{coco}")
    assert people.annotations == coco / "annotations" / "person_keypoints_val2017.json"
    for same in (people.limited(None), people.limited(3), people.limited(9), people[0:]):
        assert same.annotations == people.annotations
    assert people.limited(2).annotations is None
    assert load_people(f"coco-jain2019:{coco}").annotations is None


def test_the_square_never_collapses() -> None:
    joints, labelled = np.tile([5.0, 7.0], (14, 1)), np.ones(14, bool)
    square = joints_square(joints, labelled, margin=1.3)
    assert square.centre == (5.0, 7.0)
    assert square.width == 1.0


@pytest.mark.parametrize("name", ["lsp:~nobody9/lsp", "mpii:~nobody9/valid.h5", "coco:~nobody9"])
def test_folders_of_nobody_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no such user"):
        load_people(name)
