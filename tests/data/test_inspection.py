"""What a folder holds: counts, missing and empty photographs, digests, what can be loaded."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from robustpose.coco_files import read_annotations
from robustpose.data.inspection import inspect_folder, recognised
from robustpose.data.inspection import lsp as lsp_module
from robustpose.data.inspection.coco import inspect_coco
from robustpose.data.inspection.findings import Kind
from robustpose.data.inspection.lsp import digest_of_photographs, inspect_lsp
from robustpose.data.inspection.mpii import inspect_mpii
from robustpose.data.mpii import splits
from robustpose.data.sources import SOURCES
from robustpose.errors import UsageError

from .mpii_forms import annotated, h5_arrays, photo_rows, write_h5, write_json, write_official


def write_photo(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 30, 3), 90, np.uint8))


@pytest.fixture
def lsp(tmp_path):
    """A folder of five people in the format of Leeds Sports Pose."""
    folder = tmp_path / "lsp"
    joints = np.random.default_rng(0).uniform(2, 28, (14, 3, 5))
    joints[:, 2] = 1
    for number in range(1, 6):
        write_photo(folder / "images" / f"im{number:05d}.jpg")
    scipy.io.savemat(folder / "joints.mat", {"joints": joints})
    return folder


def coco_person(number, labelled):
    """Return a person on the photograph of the same number, with some joints labelled."""
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "keypoints": labelled * [3, 4, 2] + (17 - labelled) * [0, 0, 0],
        "num_keypoints": labelled,
        "bbox": [1, 2, 20, 30],
        "area": 300.0,
        "iscrowd": 0,
    }


@pytest.fixture
def coco(tmp_path):
    """A folder with three photographs of val2017, of which two have people with key points."""
    folder = tmp_path / "coco"
    names = ["000000000001.jpg", "000000000002.jpg", "000000000003.jpg"]
    for name in names:
        write_photo(folder / "val2017" / name)
    content = {
        "images": [
            {"id": n, "file_name": name, "width": 30, "height": 40} for n, name in enumerate(names)
        ],
        "annotations": [coco_person(n, labelled) for n, labelled in enumerate((5, 1, 0))],
    }
    (folder / "annotations").mkdir()
    path = folder / "annotations" / "person_keypoints_val2017.json"
    path.write_text(json.dumps(content))
    return folder


@pytest.fixture
def mpii(tmp_path):
    """A folder with two photographs of three people in HRNet's JSON."""
    folder = tmp_path / "mpii"
    for name in ("1.jpg", "2.jpg"):
        write_photo(folder / "images" / name)
    write_json(folder, annotated(["1.jpg", "1.jpg", "2.jpg"]))
    return folder


def texts(inspection, kind=None):
    return [finding.text for finding in inspection.findings if kind in (None, finding.kind)]


def wrong(inspection):
    return texts(inspection, Kind.WRONG)


def test_a_part_of_lsp_loads_as_test(lsp):
    (found,) = inspect_folder(lsp)
    assert found.complete
    assert texts(found, Kind.RIGHT) == [
        "images/: 5 photographs",
        "joints.mat: 5 people in 5 photographs",
        "images/: every annotated photograph is there",
    ]
    assert list(found.splits) == ["test"]
    assert any("train cannot be loaded" in text for text in texts(found, Kind.NOTE))


def test_missing_photographs_are_counted_and_the_first_are_named(lsp):
    for number in (1, 2, 4, 5):
        (lsp / "images" / f"im{number:05d}.jpg").unlink()
    (found,) = inspect_folder(lsp)
    assert not found.complete
    assert wrong(found) == [
        "images/: 4 of the 5 annotated photographs are missing: "
        "im00001.jpg, im00002.jpg, im00004.jpg and 1 more"
    ]
    assert found.splits == {}


def test_names_of_four_digits_and_other_formats_are_found(lsp):
    (lsp / "images" / "im00002.jpg").unlink()
    write_photo(lsp / "images" / "im0002.png")
    assert not wrong(inspect_lsp(lsp))


def test_empty_photographs_are_found(lsp):
    (lsp / "images" / "im00003.jpg").write_bytes(b"")
    assert wrong(inspect_lsp(lsp)) == ["images/: im00003.jpg without content"]


@pytest.mark.parametrize("content", [b"", b"no MATLAB file", b"MATLAB 5.0" + bytes(200)])
def test_annotations_that_cannot_be_read_are_told(lsp, content):
    (lsp / "joints.mat").write_bytes(content)
    (found,) = inspect_folder(lsp)
    (text,) = wrong(found)
    assert text.startswith("joints.mat cannot be read: expected a MATLAB file")
    assert texts(found, Kind.NOTE) == ["train cannot be loaded", "test cannot be loaded"]


def test_annotations_of_another_shape_are_told(lsp):
    scipy.io.savemat(lsp / "joints.mat", {"joints": np.zeros((3, 14, 5))})
    assert "14 joints x 3 (x, y, flag) x people" in wrong(inspect_lsp(lsp))[0]


def test_missing_parts_are_told(lsp):
    (lsp / "joints.mat").unlink()
    assert recognised(lsp) == ["lsp"]
    assert "joints.mat is missing" in wrong(inspect_lsp(lsp))[0]


def test_the_whole_set_is_compared_with_the_public_copy(lsp, monkeypatch):
    monkeypatch.setattr(lsp_module, "WHOLE_SET", 5)
    assert [text.split(":")[0] for text in wrong(inspect_lsp(lsp))] == ["joints.mat", "images/"]
    joints = lsp_module.digest_of(lsp / "joints.mat", "sha256")
    monkeypatch.setattr(lsp_module, "JOINTS_DIGEST", f"sha256:{joints}")
    monkeypatch.setattr(lsp_module, "PHOTOS_DIGEST", digest_of_photographs(lsp / "images"))
    found = inspect_lsp(lsp)
    assert not wrong(found)
    assert sum("SHA-256 is that of" in text for text in texts(found, Kind.RIGHT)) == 2
    (lsp / "images" / "im00001.jpg").write_bytes(b"x")
    assert "images/: SHA-256 differs" in wrong(inspect_lsp(lsp))[0]


def test_coco_is_counted_split_by_split(coco):
    assert recognised(coco) == ["coco"]
    found = inspect_coco(coco)
    assert "val2017/: 3 photographs" in texts(found, Kind.RIGHT)
    counts = "3 people, 2 of them with key points in 3 photographs"
    assert f"annotations/person_keypoints_val2017.json: {counts}" in texts(found, Kind.RIGHT)
    assert any("nothing of train2017" in text for text in texts(found, Kind.NOTE))
    (coco / "val2017" / "000000000002.jpg").unlink()
    assert "1 of the 3 annotated photographs are missing" in wrong(inspect_coco(coco))[0]


def test_coco_may_have_its_photographs_in_images(coco):
    (coco / "images").mkdir()
    (coco / "val2017").rename(coco / "images" / "val2017")
    path = coco / "annotations" / "person_keypoints_val2017.json"
    path.rename(coco / path.name)
    assert recognised(coco) == ["coco"]
    found = inspect_coco(coco)
    assert not wrong(found)
    assert f"{path.name}: 3 people" in " ".join(texts(found))


@pytest.mark.parametrize(("posed", "kind"), [(2, Kind.RIGHT), (9, Kind.WRONG)])
def test_the_whole_of_coco_is_compared_with_its_published_counts(coco, monkeypatch, posed, kind):
    counts = {"photographs of val2017": 3, "people with key points of val2017": posed}
    monkeypatch.setitem(SOURCES["coco"].counts, "photographs of val2017", 3)
    for name, value in counts.items():
        monkeypatch.setitem(SOURCES["coco"].counts, name, value)
    text = f"val2017: 2 people with key points, {posed} are published"
    assert text in texts(inspect_coco(coco), kind)


@pytest.mark.parametrize("content", ["", "[1]", '{"images": 3}', "{}"])
def test_broken_json_is_told(coco, content):
    (coco / "annotations" / "person_keypoints_val2017.json").write_text(content)
    assert "cannot be read" in wrong(inspect_coco(coco))[0]


def test_mpii_is_counted_file_by_file(mpii):
    assert recognised(mpii) == ["mpii"]
    found = inspect_mpii(mpii)
    assert texts(found, Kind.NOTE)[:2] == [
        "images/: 2 photographs of the whole set's 24,984",
        "annot/valid.json: 3 people in 2 photographs, and the published file 2,958",
    ]
    (mpii / "images" / "2.jpg").unlink()
    assert "1 of the 2 annotated photographs are missing: 2.jpg" in wrong(inspect_mpii(mpii))[0]


@pytest.mark.parametrize("letters", [True, False], ids=["strings", "numbers"])
def test_mpii_names_in_hdf5_are_read(mpii, letters):
    (mpii / "annot" / "valid.json").unlink()
    arrays = h5_arrays(annotated(["1.jpg", "2.jpg"]))
    if not letters:
        names = arrays["imgname"].tolist()
        arrays["imgname"] = np.array([list(name.ljust(8, b"\0")) for name in names], float)
    write_h5(mpii, arrays)
    (found,) = inspect_folder(mpii)
    assert "annot/valid.h5: 2 people in 2 photographs" in " ".join(texts(found))
    assert found.splits == {"test": 2}
    (mpii / "images" / "2.jpg").unlink()
    assert "2.jpg" in wrong(inspect_mpii(mpii))[0]


def test_ground_truth_of_mpii_alone_is_recognised(tmp_path):
    truth = {
        "jnt_missing": np.zeros((16, 2958)),
        "pos_gt_src": np.ones((16, 2, 2958)),
        "headboxes_src": np.stack([np.zeros((2, 2958)), np.ones((2, 2958))]),
    }
    scipy.io.savemat(tmp_path / "detections_our_format.mat", truth)
    assert recognised(tmp_path) == ["mpii"]
    found = inspect_mpii(tmp_path)
    assert "detections_our_format.mat: 2,958 people" in texts(found, Kind.RIGHT)


def test_mpiis_own_annotations_are_split(mpii, monkeypatch):
    monkeypatch.setattr(splits, "validation_people", lambda: (("1.jpg", 1),))
    monkeypatch.setattr(splits, "VALIDATION", 1)
    write_official(mpii, photo_rows(annotated(["1.jpg", "1.jpg", "2.jpg", "2.jpg", "9.jpg"])))
    (found,) = inspect_folder(mpii)
    own = [text for text in texts(found) if text.startswith("mpii_human_pose_v1_u12_1.mat")]
    assert [text.split(":")[1].split(",")[0] for text in own] == [
        " 1 person in 1 photograph",
        " 3 people in 2 photographs",
    ]
    assert wrong(found) == ["images/: 1 of the 2 annotated photographs are missing: 9.jpg"]


def test_what_is_no_file_is_a_missing_photograph(lsp, mpii, coco):
    for path in (
        lsp / "images" / "im00002.jpg",
        mpii / "images" / "2.jpg",
        coco / "val2017" / "000000000002.jpg",
    ):
        path.unlink()
        path.symlink_to("nowhere")
    for found in inspect_folder(lsp.parent):
        assert any("1 of the" in text for text in wrong(found))
        assert not found.splits


def test_the_reader_says_what_is_wrong(coco):
    path = coco / "annotations" / "person_keypoints_val2017.json"
    content = json.loads(path.read_text())
    content["annotations"][1]["area"] = None
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError) as error:
        read_annotations(path)
    (found,) = inspect_folder(coco)
    assert wrong(found) == [f"annotations/{path.name} cannot be read: {error.value}"]
    assert "test cannot be loaded" in texts(found, Kind.NOTE)


def test_a_folder_of_folders_is_inspected_one_by_one(lsp, coco):
    (lsp.parent / "other").mkdir()
    assert [found.key for found in inspect_folder(lsp.parent)] == ["coco", "lsp"]


def test_other_folders_are_refused_with_what_was_expected(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"lsp has joints.mat .* found letter.txt"):
        inspect_folder(tmp_path)
    with pytest.raises(UsageError, match="found a file"):
        inspect_folder(tmp_path / "letter.txt")
    with pytest.raises(UsageError, match="found nothing"):
        inspect_folder(tmp_path / "none")


def test_real_samples_are_recognised(samples: Path):
    found = {inspection.key: inspection for inspection in inspect_folder(samples)}
    assert found["lsp"].complete
    assert "images/: 300 photographs" in texts(found["lsp"])
    if "coco" in found:
        assert not wrong(found["coco"])
