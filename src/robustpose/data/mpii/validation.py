"""Tompson's validation split: 2,958 people, listed by photograph and place in its `annorect`.

Tompson, Goroshin, Jain, LeCun and Bregler, "Efficient Object Localization Using Convolutional
Networks", CVPR 2015. Everybody with joints on the training photographs that the list does not
name is in the train split, 22,246 people; others on its photographs are in neither.
"""

import csv
from functools import cache
from importlib.resources import files

TRAIN, VALIDATION = 22_246, 2_958


@cache
def validation_people() -> tuple[tuple[str, int], ...]:
    """Return everybody's photograph and place (from 0) among its people, in the split's order."""
    table = files("robustpose.data.mpii").joinpath("validation.csv").read_text()
    rows = csv.DictReader(table.splitlines())
    return tuple((f"{row['photo']}.jpg", int(row["person"])) for row in rows)
