"""Record how published code crops people of COCO, and which of their joints it counts.

Needs checkouts of leoxiaobin/deep-high-resolution-net.pytorch (6f69e46), open-mmlab/mmpose
(759b39c, version 1.3.2) and Naman-ntc/Pytorch-Human-Pose-Estimation (11525c3) in folders
REPOSITORY@OWNER. What their modules import and this does not need is stood in for. From the top of
this repository:

    python -m tests.data.coco_reference.make CHECKOUTS
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

EXPECTED = Path(__file__).with_name("expected.json")
CANVASES = ((192, 256), (256, 256), (288, 384))
BOXES = {  # (width, height) of the picture: annotated boxes
    (640, 427): (
        (388.66, 69.92, 109.41, 277.62),
        (0.0, 262.81, 62.16, 36.77),
        (-12.5, -7.25, 200.0, 90.5),
        (500.3, 300.1, 300.0, 300.0),
        (600.5, 5.0, 80.0, 415.0),
        (10.0, 20.0, 3.0, 4.0),
        (0.0, 0.0, 640.0, 427.0),
    ),
    (375, 500): ((20.25, 30.5, 90.0, 120.0), (100.0, 0.0, 275.0, 55.5)),
}
EDGES = (-30, -2.1, -1.9, 0, 3, 5.9, 6, 7, 128.3, 251, 255, 258, 264, 265.9, 266, 270, 300)


def stand_in(name: str, **content: Any) -> None:
    """Put a module in the place of one that is not needed."""
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


def loaded(path: Path, name: str) -> Any:
    """Return the module of a file, as one of that name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def crops(checkouts: Path) -> list[dict[str, Any]]:
    """Return HRNet's map from the photograph to each canvas, and MMPose's for UDP."""
    root = checkouts / "deep-high-resolution-net.pytorch@leoxiaobin/lib"
    for name in ("pycocotools.coco", "pycocotools.cocoeval", "json_tricks", "nms.nms"):
        stand_in(name, COCO=None, COCOeval=None, oks_nms=None, soft_oks_nms=None)
    stand_in("dataset.JointsDataset", JointsDataset=object)
    hrnet = loaded(root / "dataset/coco.py", "hrnet_coco").COCODataset
    published = loaded(root / "utils/transforms.py", "hrnet_transforms").get_affine_transform
    path = checkouts / "mmpose@open-mmlab/mmpose/structures/bbox/transforms.py"
    unbiased = loaded(path, "mmpose_transforms").get_udp_warp_matrix
    cases = []
    for size, boxes in BOXES.items():
        for canvas in CANVASES:
            for box, found in zip(boxes, records(hrnet, size, boxes, canvas), strict=True):
                centre, scale = found["center"], found["scale"]
                cases.append(
                    {
                        "size": size,
                        "box": box,
                        "canvas": canvas,
                        "published": rounded(published(centre, scale, 0, canvas)),
                        "udp": rounded(unbiased(centre, scale * 200, 0, canvas)),
                    }
                )
    return cases


def records(
    hrnet: Any, size: tuple[int, int], boxes: tuple[Any, ...], canvas: tuple[int, int]
) -> list[dict[str, Any]]:
    """Return what HRNet's loader makes of people with these boxes on one photograph."""
    people = [
        {"bbox": box, "area": 1.0, "category_id": 1, "keypoints": [1.0] * 51} for box in boxes
    ]
    self = hrnet.__new__(hrnet)
    self.aspect_ratio, self.pixel_std, self.num_joints = canvas[0] / canvas[1], 200, 17
    self._coco_ind_to_class_ind = {1: 1}
    self.image_path_from_index = str
    self.coco = SimpleNamespace(
        loadImgs=lambda index: [{"width": size[0], "height": size[1]}],
        getAnnIds=lambda **_: None,
        loadAnns=lambda _: people,
    )
    found: list[dict[str, Any]] = self._load_coco_keypoint_annotation_kernal(0)
    return found


def counted(checkouts: Path) -> list[dict[str, Any]]:
    """Return which joints the authors' PCK counts, by their place on a canvas of 256."""
    root = checkouts / "Pytorch-Human-Pose-Estimation@Naman-ntc"
    stand_in("datasets.img", Rnd=None)
    stand_in("authors", __path__=[])
    stand_in("authors.utils", __path__=[])
    loaded(root / "datasets/COCO/utils/transforms.py", "authors.utils.transforms")
    dataset = loaded(root / "datasets/COCO/JointsDataset.py", "authors.dataset").JointsDataset
    metric = loaded(root / "metrics.py", "authors_metrics").PCK
    self = dataset.__new__(dataset)
    self.num_joints, self.sigma, self.target_type = 17, 1, "heatmap"
    self.image_size, self.heatmap_size = np.array([256, 256]), np.array([64, 64])
    pck = metric(SimpleNamespace(TargetType="heatmap", outputRes=64))
    cases = []
    for other in (128.0, 5.9, 6.0, 265.9, 266.0):
        joints = np.array([[edge, other, 0] for edge in EDGES])
        target, _ = self.generate_target(joints, np.ones((17, 3)))
        cells, _ = pck.get_max_preds(target[None])
        distance = pck.calc_dists(cells, cells, np.full((1, 2), 6.4))[:16, 0]
        cases.append({"joints": joints[:, :2].tolist(), "counted": (distance >= 0).tolist()})
    return cases


def rounded(affine: np.ndarray) -> list[list[float]]:
    """Return a map in single precision, which is what published code has."""
    rows: list[list[float]] = np.asarray(affine, np.float64).round(6).tolist()
    return rows


if __name__ == "__main__":
    np.float = float  # type: ignore[attr-defined]
    folder = Path(sys.argv[1])
    content = {"crops": crops(folder), "counted": counted(folder)}
    lists = ",\n".join(
        f'"{name}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]"
        for name, cases in content.items()
    )
    EXPECTED.write_text("{\n" + lists + "\n}\n")
