"""Record the crops that published code cuts out of a drawn picture for people of MPII.

Needs checkouts of leoxiaobin/deep-high-resolution-net.pytorch (6f69e46) and open-mmlab/mmpose
(759b39c) in folders REPOSITORY@OWNER; mmpose itself is not installed. From the top of this
repository:

    python -m tests.data.make.mpii_crops CHECKOUTS
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

REFERENCE = Path(__file__).parents[1] / "reference" / "mpii_crops.npz"
HRNET = "deep-high-resolution-net.pytorch@leoxiaobin/lib/utils/transforms.py"
MMPOSE = "mmpose@open-mmlab/mmpose/structures/bbox/transforms.py"

# `center` and `scale` as annotated: five people of the validation split, and boxes that leave the
# picture over a corner, at a side, on all sides, and altogether.
BOXES = {
    "005808361": ((966.0, 340.0), 4.718488),
    "052475643": ((316.0, 220.0), 1.761835),
    "051423444": ((1030.0, 396.0), 3.139233),
    "004645041": ((809.0, 403.0), 3.248877),
    "060754485": ((698.0, 404.0), 3.374796),
    "corner": ((20.0, 30.0), 2.0),
    "side": ((1271.5, 300.25), 0.9),
    "larger": ((640.0, 360.0), 8.0),
    "outside": ((-157.0, -900.0), 1.5),
    "small": ((633.4, 211.7), 0.461),
}
SMALL, LARGE = (64, 64), (256, 256)
CASES = {
    "hrnet": (SMALL, tuple(BOXES)),
    "hrnet-256": (LARGE, ("corner",)),
    "mmpose": (SMALL, ("051423444", "corner")),
    "mmpose-udp": (SMALL, ("005808361", "060754485", "corner", "side")),
}
"""Which code cuts which boxes out, and onto which canvas (height, width)."""


def picture() -> np.ndarray:
    """Return a picture of 1280 x 720 that changes by some levels from any pixel to the next."""
    rows, columns = np.mgrid[:720, :1280].astype(np.float64)
    waves = [columns / 9 + rows / 31, rows / 11 - columns / 47, (rows + columns) / 23]
    levels = [100 + 30 * index + 90 * np.sin(wave) for index, wave in enumerate(waves)]
    return np.stack(levels, axis=2).round().clip(0, 255).astype(np.uint8)


def published(code: str, checkouts: Path) -> dict[str, np.ndarray]:
    """Return the crops of one case, and the maps that made them."""
    canvas, names = CASES[code]
    module = load(checkouts / (HRNET if code.startswith("hrnet") else MMPOSE))
    size, image = canvas[::-1], picture()
    results = {}
    for name in names:
        centre, scale = placed(*BOXES[name])
        if code.startswith("hrnet"):
            affine = module.get_affine_transform(centre, scale, 0, size)
        else:
            udp = code.endswith("udp")
            warp = module.get_udp_warp_matrix if udp else module.get_warp_matrix
            affine = warp(centre.astype(np.float32), np.float32(200 * scale), 0, output_size=size)
        results[f"{code}/{name}/affine"] = affine
        results[f"{code}/{name}/image"] = cv2.warpAffine(
            image, affine, size, flags=cv2.INTER_LINEAR
        )
    return results


def placed(centre: tuple[float, float], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and scale as the MPII data sets of both make them, counted from 0."""
    return np.add(centre, (0, 15 * scale)) - 1, np.array([scale, scale]) * 1.25


def load(path: Path) -> ModuleType:
    """Import one file of a checkout."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Write the reference from the checkouts on the command line."""
    results = {}
    for code in CASES:
        results |= published(code, Path(sys.argv[1]))
    REFERENCE.parent.mkdir(exist_ok=True)
    np.savez_compressed(REFERENCE, **results)


if __name__ == "__main__":
    main()
