"""What all tests share: one thread, checked shapes, tiny networks and a few drawn people."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, runtime_checkable

import cv2
import jaxtyping
import numpy as np
import pytest
import torch
from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintException
from hypothesis import settings

_strict = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check types and shapes of every call of a function of the package.

    Functions within functions run unchecked: they would be prepared anew at each call. beartype
    refuses plain protocols, so those of the package are made checkable first. Hints of polars'
    data types are beyond it: the few functions that have one run unchecked.
    """
    if "<locals>" in function.__qualname__:
        return function
    for module in [module for name, module in sys.modules.items() if name.startswith("robustpose")]:
        for value in list(vars(module).values()):
            if getattr(value, "_is_protocol", False) and value.__module__.startswith("robustpose"):
                runtime_checkable(value)
    try:
        return _strict(function)
    except BeartypeDecorHintException:
        return function


_hook = ModuleType("robustpose_checks")
_hook.checked = checked  # type: ignore[attr-defined]
sys.modules[_hook.__name__] = _hook
jaxtyping.install_import_hook("robustpose", "robustpose_checks.checked")

from robustpose.data.crops import crop  # noqa: E402
from robustpose.data.people import Split  # noqa: E402
from robustpose.data.rendered import rendered_people  # noqa: E402
from robustpose.models.deeppose import deeppose  # noqa: E402
from robustpose.models.hourglass import hourglass  # noqa: E402
from robustpose.models.model import PoseModel  # noqa: E402
from robustpose.models.simple_baseline import resdec  # noqa: E402
from robustpose.poses import PoseBatch  # noqa: E402

torch.set_num_threads(1)
settings.register_profile("tests", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("tests")

SIZE = (64, 64)
TINY: dict[str, Callable[[], PoseModel]] = {
    "deeppose": lambda: deeppose("tiny-deeppose", depth=18, width=8, size=SIZE),
    "hourglass": lambda: hourglass("tiny-hourglass", stacks=2, features=16, depth=2, size=SIZE),
    "resdec": lambda: resdec("tiny-resdec", depth=18, width=8, features=16, size=SIZE),
}


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of real photographs, which are not part of the repository."""
    folder = os.environ.get("ROBUSTPOSE_SAMPLES")
    if not folder:
        pytest.skip("ROBUSTPOSE_SAMPLES does not name the folder of sample photographs")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny() -> Callable[[str], PoseModel]:
    """Return how a tiny untrained network is built: the same weights each time, trainable."""

    def build(name: str, seed: int = 0) -> PoseModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return TINY[name]()

    return build


@pytest.fixture(scope="session")
def networks(tiny: Callable[[str], PoseModel]) -> dict[str, PoseModel]:
    """Return the tiny networks, frozen."""
    return {name: tiny(name).frozen() for name in TINY}


@pytest.fixture(scope="session", params=TINY)
def network(request: pytest.FixtureRequest, networks: dict[str, PoseModel]) -> PoseModel:
    """Return each of the tiny networks, frozen."""
    return networks[request.param]


@pytest.fixture(scope="session")
def people() -> Split:
    """Return four drawn people in pictures of 64 px."""
    return rendered_people("test", count=4, pixels=64)


@pytest.fixture(scope="session")
def batch(people: Split) -> PoseBatch:
    """Return the four people on a canvas of 64 px; nobody may change it."""
    return crop(people, SIZE)


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Return a folder of COCO: three people on two photographs, a crowd and somebody unlabelled."""
    folder, draw = tmp_path / "coco", np.random.default_rng(0)
    (folder / "val2017").mkdir(parents=True)
    (folder / "annotations").mkdir()
    images = [
        {"id": each, "file_name": f"{each:012d}.jpg", "width": 160, "height": 120}
        for each in (7, 8)
    ]
    for image in images:
        pixels = draw.integers(0, 256, (120, 160, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "val2017" / str(image["file_name"])), pixels)
    people = []
    for number, (photo, crowd, flag) in enumerate(
        [(7, 0, 2), (7, 0, 2), (8, 0, 1), (8, 1, 2), (7, 0, 0)], start=1
    ):
        low = np.array([30 * number - 20, 8 * number])
        joints = low + draw.integers(0, (40, 60), (17, 2))
        flagged = np.concatenate([joints, np.full((17, 1), flag)], axis=1) * (flag > 0)
        people.append(
            {
                "id": number,
                "image_id": photo,
                "category_id": 1,
                "iscrowd": crowd,
                "area": 1500.0,
                "bbox": [*low.tolist(), 40, 60],
                "num_keypoints": 17 * (flag > 0),
                "keypoints": flagged.ravel().tolist(),
            }
        )
    content = {
        "images": images,
        "annotations": people,
        "categories": [{"id": 1, "name": "person"}],
    }
    path = folder / "annotations" / "person_keypoints_val2017.json"
    path.write_text(json.dumps(content))
    return folder


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Turn the checks of shapes off, to see what a user sees who does not have them."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that runs the command line in this process, and returns the exit code."""
    from robustpose.cli import main

    def called(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["robustpose", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return called
