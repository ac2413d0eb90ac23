"""What the code of the robustness study's authors makes of pictures and joints."""

from typing import NamedTuple

from robustpose.models.model import Normalisation

SOURCE = "https://github.com/Naman-ntc/Pytorch-Human-Pose-Estimation"
LICENCE = "MIT"


class Convention(NamedTuple):
    """What the study authors' code makes of pictures and joints of one data set."""

    normalisation: Normalisation
    sigma: float
    origin: float | None


def convention(joints: int) -> Convention:
    """Return the convention of the data set that has so many joints: COCO (17) or MPII.

    Both read pictures with OpenCV, blue first. Those of MPII are divided by 256; a joint is drawn
    into the cell that it falls in, whose middle it then is on average, from a table of 7 x 7
    values of a Gaussian of 1.75 cells. Those of COCO are divided by 255; a joint is drawn at the
    cell nearest to a quarter of its pixel coordinates, with a Gaussian of one cell.
    """
    if joints == 17:
        return Convention(
            Normalisation((0.0,) * 3, (255.0,) * 3, bgr=True, scale=255.0), sigma=1.0, origin=0.0
        )
    return Convention(Normalisation((0.0,) * 3, (256.0,) * 3, bgr=True, scale=255.0), 1.75, None)
