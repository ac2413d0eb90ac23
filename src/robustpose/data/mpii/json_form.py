"""The JSON of SimpleBaseline, HRNet and MMPose: a list of people, `train.json`, `valid.json`.

Each has `image`, `center`, `scale` (of 200 px, as annotated), `joints` (16 pairs, 1-based) and
`joints_vis` (1 where a joint is annotated, occluded or not). There are no head boxes; the head size
is 25 x scale, from which MPII's scale was made.
"""

from pathlib import Path

import numpy as np

from robustpose.data.mpii.records import HEADS, Names, Records, checked, enlarged
from robustpose.json_records import NUMBER, Numbers, Text, read_json, records_of

IMAGE = Text("the file name of a photograph", fits=lambda name: True)
CENTRE = Numbers("two finite numbers (x, y)", shape=(2,))
JOINTS = Numbers("16 pairs of numbers (x, y)", shape=(16, 2), fits=lambda values: True)
LABELLED = Numbers(
    "16 flags of 0 or 1",
    shape=(16,),
    kinds="iufb",
    fits=lambda values: bool(np.isin(values, (0, 1)).all()),
)


def read(path: Path) -> Records:
    """Read one file. Raises `UsageError` that names file, record and field."""
    people = records_of(str(path), "record", read_json(path), "a list of people", named="image")
    images = people.column("image", IMAGE).tolist()
    scale = people.column("scale", NUMBER)
    centre, joints = people.column("center", CENTRE), people.column("joints", JOINTS)
    labelled = people.column("joints_vis", LABELLED) == 1
    return enlarged(
        checked(
            Records(
                path=path,
                names=Names("image", "center", "scale", "joints", "scale"),
                images=images,
                centre=centre,
                scale=scale,
                joints=joints,
                labelled=labelled,
                visible=labelled,
                head=HEADS * scale,
            )
        )
    )
