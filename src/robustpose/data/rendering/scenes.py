"""Scenes: one person somewhere, described without pixels, and the drawing of it at any size."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy.random import RandomState

from robustpose.data.rendering.activities import FAMILIES
from robustpose.data.rendering.backgrounds import draw_background
from robustpose.data.rendering.bodies import (
    Chain,
    Figure,
    Proportions,
    lsp_joints,
    pose_body,
    sample_camera,
    sample_proportions,
)
from robustpose.data.rendering.clothing import (
    cloth,
    dress,
    plain,
    sample_outfit,
    skin_colour,
)
from robustpose.data.rendering.drawing import Light, draw, parts_at
from robustpose.data.rendering.draws import between, chance, one_of, stream, whole
from robustpose.data.rendering.heads import Head
from robustpose.data.rendering.shapes import Limb, Solid
from robustpose.data.rendering.textures import Painting, grain

ACTIVITIES = tuple(FAMILIES)
SHORTEST = 0.5
"""A view is drawn again if it shows the joints within less than this part of the stature."""

ADJACENT = (
    (8,), (7, 8), (2, 7), (2, 9), (9, 10), (10,),
    (4,), (3, 4), (2, 3), (2, 5), (5, 6), (6,),
    (1, 2), (1,),
)  # fmt: skip
"""For each joint of `LSP14`, the parts that meet there (numbers of `PARTS`)."""


class Rendering(NamedTuple):
    """A drawn picture, 8-bit RGB, and its part mask (numbers of `PARTS`)."""

    image: UInt8[np.ndarray, "pixels pixels 3"]
    parts: UInt8[np.ndarray, "pixels pixels"]


class Finish(NamedTuple):
    """What the camera does to the picture: exposure, colour cast, gamma, blur and grain."""

    gains: tuple[float, float, float]
    gamma: float
    blur: float
    grain: float
    offset: tuple[int, int]


class Scene(NamedTuple):
    """A person, things behind and in front, and the light, in picture sides.

    `joints` are (x, y) in the order of `LSP14`, with (0, 0) the picture's corner and (1, 1) the
    opposite one. `head_size` is 0.6 x the diagonal of the box of the drawn head's ellipse.
    """

    activity: int
    joints: Float[np.ndarray, "14 2"]
    visible: Bool[np.ndarray, "14"]
    head_size: float
    behind: tuple[Solid, ...]
    person: tuple[Solid, ...]
    before: tuple[Solid, ...]
    light: Light
    finish: Finish
    background: int


def sample_scene(*seed: str | int) -> Scene:
    """Draw the scene that belongs to a seed."""
    random = stream(*seed)
    activity = _activity(random)
    body = sample_proportions(random)
    figure, scale = _place(random, _view(random, activity, body))
    person = tuple(dress(figure, body, sample_outfit(random, scale), scale))
    joints = lsp_joints(figure)[:, :2]
    before = _occluders(random, joints, scale)
    seen = parts_at((*person, *before), joints)
    head = next(solid for solid in person if isinstance(solid, Head))
    across, down = head.half_axes()
    return Scene(
        activity=activity,
        joints=joints,
        visible=np.array([part in parts for part, parts in zip(seen, ADJACENT, strict=True)]),
        head_size=0.6 * 2 * (across**2 + down**2) ** 0.5,
        behind=_distractors(random, scale),
        person=person,
        before=before,
        light=_light(random),
        finish=_finish(random),
        background=whole(random, 0, 1 << 30),
    )


def sample_activity(*seed: str | int) -> int:
    """Return the activity of the scene that belongs to a seed, without drawing up the rest."""
    return _activity(stream(*seed))


def draw_scene(scene: Scene, pixels: int) -> Rendering:
    """Return the picture of a scene with `pixels` rows and columns, and its part mask."""
    background = draw_background(scene.background, pixels)
    canvas = background.transpose(2, 0, 1).astype(np.float32, order="C")
    parts = np.zeros((pixels, pixels), np.uint8)
    draw(canvas, parts, scene.behind, scene.light)
    draw(canvas, parts, (*scene.person, *scene.before), scene.light)
    return Rendering(_finished(canvas, scene.finish), parts)


def _activity(random: RandomState) -> int:
    """Draw an index into `ACTIVITIES`, each equally likely; it is the first draw of a scene."""
    return whole(random, 0, len(ACTIVITIES))


def _view(random: RandomState, activity: int, body: Proportions) -> Figure:
    """Draw a pose and a camera that do not look at the person end on."""
    family = FAMILIES[ACTIVITIES[activity]]
    figure = pose_body(body, family(random), sample_camera(random))
    for _ in range(20):
        if _extent(figure) >= SHORTEST:
            break
        figure = pose_body(body, family(random), sample_camera(random))
    return figure


def _extent(figure: Figure) -> float:
    return float(np.ptp(lsp_joints(figure)[:, :2], axis=0).max())


def _place(random: RandomState, figure: Figure) -> tuple[Figure, float]:
    """Put a figure into the picture; return it with the stature in picture sides."""
    near = between(random, 0.0, 0.16)
    figure = _moved(figure, near, 1.0, np.zeros(2))
    joints = lsp_joints(figure)[:, :2]
    low, high = joints.min(axis=0), joints.max(axis=0)
    extent = between(random, 0.55, 0.75)
    scale = extent / float((high - low).max())
    # Room that a crop of 1.3 x the extent leaves, and a little more.
    play = max(0.5 - 0.65 * extent, 0.0) + 0.03
    centre = np.array([0.5 + between(random, -play, play), 0.5 + between(random, -play, play)])
    return _moved(figure, 0.0, scale, centre - scale * (low + high) / 2), scale


def _moved(figure: Figure, near: float, scale: float, shift: Float[np.ndarray, "2"]) -> Figure:
    """Return a figure scaled and shifted; `near` is the strength of the weak perspective."""

    def moved(point: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
        x, y, z = point.tolist()
        grown = scale / (1 - near * z)
        return np.array([x * grown + shift[0], y * grown + shift[1], z * scale])

    arms = [Chain(*map(moved, chain)) for chain in figure.arms]
    legs = [Chain(*map(moved, chain)) for chain in figure.legs]
    return figure._replace(
        arms=(arms[0], arms[1]),
        legs=(legs[0], legs[1]),
        waist=moved(figure.waist),
        neck=moved(figure.neck),
        head=moved(figure.head),
        crown=moved(figure.crown),
    )


def _light(random: RandomState) -> Light:
    across, down, ahead = (
        between(random, -1, 1), between(random, -1, 0.3), between(random, 0.5, 1.2),
    )  # fmt: skip
    length = (across**2 + down**2 + ahead**2) ** 0.5
    ambient = between(random, 0.35, 0.7)
    towards = (across / length, down / length, ahead / length)
    return Light(towards, ambient, between(random, 1.0, 1.25) - ambient)


def _finish(random: RandomState) -> Finish:
    bright = between(random, 0.85, 1.2)
    red, green, blue = (bright * between(random, 0.9, 1.1) for _ in range(3))
    return Finish(
        gains=(red, green, blue),
        gamma=between(random, 0.75, 1.15),
        blur=between(random, 0.002, 0.005) if chance(random, 0.3) else 0.0,
        grain=between(random, 0.0, 0.13),
        offset=(whole(random, 0, 256), whole(random, 0, 256)),
    )


def _occluders(
    random: RandomState, joints: Float[np.ndarray, "14 2"], scale: float
) -> tuple[Solid, ...]:
    """Draw, for a quarter of the people, something that stands before one to three joints."""
    if not chance(random, 0.25):
        return ()
    target = joints[whole(random, 0, len(joints))]
    x, y = (float(c) + between(random, -0.02, 0.02) for c in target)
    kind = one_of(random, ("bar", "ball", "board"))
    if kind == "ball":
        reach, radius = 0.002, between(random, 0.03, 0.065)
    elif kind == "bar":
        reach, radius = between(random, 0.3, 0.9), between(random, 0.012, 0.03)
    else:
        reach, radius = between(random, 0.05, 0.14), between(random, 0.035, 0.065)
    return (_bar(random, (x, y), reach, radius, 5.0, flat=kind != "ball", scale=scale),)


def _distractors(random: RandomState, scale: float) -> tuple[Solid, ...]:
    """Draw up to four lone limbs and poles that stand behind the person."""
    solids = []
    for _ in range(whole(random, 0, 5)):
        place = (between(random, 0, 1), between(random, 0, 1))
        reach, radius = between(random, 0.04, 0.13) * scale / 0.6, between(random, 0.01, 0.03)
        flat = chance(random, 0.3)
        solids.append(_bar(random, place, reach, radius, -5.0, flat=flat, scale=scale))
    return tuple(solids)


def _bar(
    random: RandomState, place: tuple[float, float], reach: float, radius: float, depth: float, *,
    flat: bool, scale: float,
) -> Limb:  # fmt: skip
    """Draw a bar through a place, like a limb or, with flat ends, like a thing."""
    x, y = place
    dx, dy = between(random, -1, 1), between(random, -1, 1)
    length = max((dx * dx + dy * dy) ** 0.5, 1e-3)
    dx, dy = reach * dx / length, reach * dy / length
    share = between(random, 0.3, 0.7)
    start = (x - share * dx, y - share * dy, depth)
    end = (x + (1 - share) * dx, y + (1 - share) * dy, depth)
    skin = plain(random, skin_colour(random), 0.14, scale)
    radii = (radius, radius if flat else radius * between(random, 0.6, 1.0))
    cut = 1.0 if flat else between(random, 0.0, 1.2)
    return Limb(0, start, end, radii, 0.0, cloth(random, scale), skin, cut, flat)


def _finished(canvas: Painting, finish: Finish) -> UInt8[np.ndarray, "h w 3"]:
    """Return the canvas as the camera gives it: exposed, blurred and with grain, 8-bit."""
    side = canvas.shape[1]
    image = cv2.merge([cv2.convertScaleAbs(plane) for plane in canvas])
    if finish.blur:
        image = cv2.GaussianBlur(image, (0, 0), max(finish.blur * side, 0.3))
    levels = np.array([(level / 255) ** finish.gamma for level in range(256)])[:, None]
    curves = np.clip(255 * levels * np.array(finish.gains) + 0.5, 0, 255)
    image = cv2.LUT(image, curves.astype(np.uint8)[None])
    rows = (np.arange(side) + finish.offset[0]) & 255
    columns = (np.arange(side) + finish.offset[1]) & 255
    speckle = np.ascontiguousarray(grain()[rows][:, columns])
    for sign, change in ((1, cv2.add), (-1, cv2.subtract)):
        table = np.clip(sign * (np.arange(256) - 126) * finish.grain + 0.5, 0, 255)
        plane = cv2.LUT(speckle, table.astype(np.uint8))
        image = change(image, cv2.merge([plane, plane, plane]))
    return np.asarray(image, np.uint8)
