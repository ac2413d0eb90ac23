"""Colours, dashes and markers that stay apart for colour-blind readers and in grey print."""

from collections.abc import Sequence

RGB = tuple[int, int, int]

# Okabe and Ito (2008), ordered so that neighbours differ in lightness; yellow is too pale.
NETWORK_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
)
# No dash is as short as the dots of a guess.
NETWORK_DASHES = (
    [1, 0],
    [8, 3],
    [4, 2],
    [10, 3, 3, 3],
    [6, 2],
    [14, 4],
    [4, 5],
    [10, 3, 3, 3, 3, 3],
)
NETWORK_SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)

LEFT: RGB = (230, 159, 0)
RIGHT: RGB = (0, 114, 178)
CENTRE: RGB = (240, 240, 240)
WRONG: RGB = (213, 0, 90)

# Viridis (van der Walt and Smith 2015): lightness rises with the value, also in grey.
RAMP: tuple[RGB, ...] = (
    (68, 1, 84),
    (72, 40, 120),
    (62, 73, 137),
    (49, 104, 142),
    (38, 130, 142),
    (31, 158, 137),
    (53, 183, 121),
    (110, 206, 88),
    (181, 222, 43),
    (253, 231, 37),
)


def ramp_colour(share: float) -> RGB:
    """Return the colour of a share, clipped to 0 (dark violet) to 1 (yellow)."""
    place = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    low = min(int(place), len(RAMP) - 2)
    weight = place - low
    red, green, blue = (
        round(a * (1 - weight) + b * weight) for a, b in zip(RAMP[low], RAMP[low + 1], strict=True)
    )
    return red, green, blue


def hexadecimal(colour: Sequence[int]) -> str:
    """Return an RGB colour as `#rrggbb`."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"
