"""Record what HRNet's evaluation makes of seeded maps: AP and AR, with both kinds of boxes.

Needs a checkout of leoxiaobin/deep-high-resolution-net.pytorch (6f69e46) in a folder
REPOSITORY@OWNER. What its modules import and this does not need is stood in for; its boxes,
decoding, rescoring, suppression and call of pycocotools run as they are. From the top of this
repository:

    python -m tests.evaluation_reference.make CHECKOUTS
"""

import importlib
import json
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from .scene import PHOTOS, RECORD, SIZE, Content, Seen, annotated, annotations, detected


def published(checkouts: Path) -> tuple[Any, Any]:
    """Return HRNet's class of COCO and its module of decoding."""
    root = checkouts / "deep-high-resolution-net.pytorch@leoxiaobin/lib"
    vars(np)["float"] = float  # a name that NumPy has given up
    sys.modules["json_tricks"] = json
    for package in ("core", "utils", "nms", "dataset"):
        module = ModuleType(package)
        module.__path__ = [str(root / package)]
        sys.modules[package] = module
    for name in ("nms.cpu_nms", "nms.gpu_nms", "dataset.JointsDataset"):
        module = ModuleType(name)
        vars(module).update(cpu_nms=None, gpu_nms=None, JointsDataset=object)
        sys.modules[name] = module
    return importlib.import_module("dataset.coco").COCODataset, importlib.import_module(
        "core.inference"
    )


def evaluator(coco: Any, file: Path) -> Any:
    """Return HRNet's set with the settings of its experiments."""
    from pycocotools.coco import COCO

    self = coco.__new__(coco)
    vars(self).update(
        coco=COCO(str(file)),
        image_set="val2017",
        image_path_from_index=str,
        aspect_ratio=SIZE[1] / SIZE[0],
        pixel_std=200,
        num_joints=17,
        in_vis_thre=0.2,
        oks_thre=0.9,
        soft_nms=False,
        classes=["__background__", "person"],
        _class_to_coco_ind={"person": 1},
        _coco_ind_to_class_ind={1: 1},
    )
    return self


def crops_of_people(self: Any, content: Content) -> list[tuple[int, Any, Any]]:
    """Return place, centre and scale of those whom HRNet's loader takes, from their own boxes."""
    places = {
        tuple(np.reshape(person["keypoints"], (17, 3))[:, :2].ravel()): place
        for place, person in enumerate(content["annotations"])
    }
    return [
        (places[tuple(found["joints_3d"][:, :2].ravel())], found["center"], found["scale"])
        for photo in PHOTOS
        for found in self._load_coco_keypoint_annotation_kernal(photo)
    ]


def figures(self: Any, inference: Any, seen: Seen, crops: list[tuple[int, Any, Any]]) -> list[Any]:
    """Return the ten figures, in percent."""
    places, centres, scales = (list(column) for column in zip(*crops, strict=True))
    settings = SimpleNamespace(TEST=SimpleNamespace(POST_PROCESS=True), RANK=0)
    joints, heights = inference.get_final_preds(settings, seen.maps[places], centres, scales)
    boxes = np.zeros((len(places), 6))
    boxes[:, :2], boxes[:, 2:4] = centres, scales
    boxes[:, 4] = np.prod(np.array(scales) * 200, axis=1)
    boxes[:, 5] = [seen.scores[place] for place in places]
    photos = [f"{seen.photos[place]:012d}.jpg" for place in places]
    with tempfile.TemporaryDirectory() as folder:
        poses = np.concatenate([joints, heights], axis=2)
        found, _ = self.evaluate(settings, poses, folder, boxes, photos)
    return [100 * value for value in found.values()]


def main() -> None:
    """Write the record."""
    coco, inference = published(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "person_keypoints_val2017.json"
        file.write_text(json.dumps(annotations()))
        self = evaluator(coco, file)
        own, boxes = annotated(), detected()
        from_boxes = [(place, *self._box2cs(box)) for place, box in enumerate(boxes.boxes)]
        record = {
            "annotated": figures(self, inference, own, crops_of_people(self, annotations())),
            "detected": figures(self, inference, boxes, from_boxes),
        }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
