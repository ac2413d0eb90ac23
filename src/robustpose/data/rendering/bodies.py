"""A body in space: proportions, and where its points are for a pose and a camera.

Body axes are x to the person's left, y up and z forward, in units of the stature. Seen by the
camera they become x to the right, y *down* and z towards the viewer.
"""

from math import cos, radians, sin
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.random import RandomState

from robustpose.data.rendering.activities import LimbAngles, Pose
from robustpose.data.rendering.draws import between, chance

Matrix = Float[np.ndarray, "3 3"]
Point = Float[np.ndarray, "3"]

DOWN: Point = np.array([0.0, -1.0, 0.0])
UP: Point = np.array([0.0, 1.0, 0.0])
FORWARD: Point = np.array([0.0, 0.0, 1.0])


class Proportions(NamedTuple):
    """Lengths and thicknesses of a body, in units of the stature."""

    shoulder: float
    hip: float
    trunk: float
    upper_arm: float
    lower_arm: float
    upper_leg: float
    lower_leg: float
    foot: float
    neck: float
    head: tuple[float, float, float]
    girth: float
    muscle: float


class Chain(NamedTuple):
    """The points of an arm or a leg: shoulder, elbow, wrist, fingertips or hip to toes."""

    root: Point
    middle: Point
    end: Point
    tip: Point
    heel: Point


class Figure(NamedTuple):
    """A posed body as the camera sees it. Frames hold the axes left, up and forward as rows."""

    arms: tuple[Chain, Chain]
    legs: tuple[Chain, Chain]
    waist: Point
    neck: Point
    head: Point
    crown: Point
    chest_frame: Matrix
    head_frame: Matrix


def turn_x(angle: float) -> Matrix:
    """Return the turn about x by degrees: up goes forward."""
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def turn_y(angle: float) -> Matrix:
    """Return the turn about y by degrees: forward goes to the person's left."""
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def turn_z(angle: float) -> Matrix:
    """Return the turn about z by degrees: left goes up."""
    c, s = cos(radians(angle)), sin(radians(angle))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def sample_proportions(random: RandomState) -> Proportions:
    """Draw the proportions of an adult or, now and then, of a child (shorter, larger head)."""
    scale = between(random, 1.1, 1.25) if chance(random, 0.12) else between(random, 0.95, 1.08)
    width = between(random, 0.9, 1.12)
    return Proportions(
        shoulder=0.108 * width * between(random, 0.93, 1.07),
        hip=0.066 * between(random, 0.9, 1.15),
        trunk=between(random, 0.265, 0.305),
        upper_arm=between(random, 0.158, 0.182),
        lower_arm=between(random, 0.135, 0.158),
        upper_leg=between(random, 0.225, 0.26),
        lower_leg=between(random, 0.22, 0.25),
        foot=between(random, 0.085, 0.105),
        neck=between(random, 0.018, 0.032),
        head=(0.054 * scale, 0.074 * scale, 0.062 * scale),
        girth=between(random, 0.85, 1.3),
        muscle=between(random, 0.85, 1.25),
    )


def sample_camera(random: RandomState) -> Matrix:
    """Draw the camera: any yaw (the front a little more often), pitch up to 25 degrees, roll."""
    front = chance(random, 0.2)
    yaw = between(random, -50, 50) if front else between(random, -180, 180)
    pitch = between(random, -25, 25)
    roll = between(random, -45, 45) if chance(random, 0.12) else between(random, -9, 9)
    turned: Matrix = turn_z(roll) @ turn_x(pitch) @ turn_y(yaw)
    return turned


def _chain(
    root: Point, frame: Matrix, angles: LimbAngles, lengths: tuple[float, float, float], side: int,
    *, leg: bool,
) -> Chain:  # fmt: skip
    """Return the points of a limb that hangs from `root`; `side` is +1 for the left."""
    upper = (
        frame @ turn_x(-angles.swing) @ turn_z(side * angles.spread) @ turn_y(side * angles.twist)
    )
    # A knee closes backward, an elbow forward.
    lower = upper @ turn_x(angles.bend if leg else -angles.bend)
    middle = root + upper @ DOWN * lengths[0]
    end = middle + lower @ DOWN * lengths[1]
    if not leg:
        return Chain(root, middle, end, end + lower @ DOWN * lengths[2], end)
    foot = lower @ turn_x(angles.point)
    sole = end + foot @ DOWN * 0.02
    return Chain(
        root, middle, end, sole + foot @ FORWARD * lengths[2], sole - foot @ FORWARD * 0.012
    )


def pose_body(body: Proportions, pose: Pose, camera: Matrix) -> Figure:
    """Return where the points of a body in a pose are, seen by a camera, y down."""
    pelvis = camera @ turn_z(pose.tilt) @ turn_x(pose.lean)
    forward, sideways, twist = pose.spine
    chest = pelvis @ turn_x(forward) @ turn_z(sideways) @ turn_y(twist)
    nod, slant, turn = pose.head
    head = chest @ turn_x(0.4 * nod) @ turn_z(slant) @ turn_y(turn) @ turn_x(0.6 * nod)
    # The lower third of the trunk goes with the pelvis, the rest with the chest.
    shoulders = pelvis @ UP * (0.35 * body.trunk) + chest @ UP * (0.65 * body.trunk)
    neck = shoulders + chest @ np.array([0.0, 0.022, 0.0])
    centre = neck + chest @ np.array([0.0, body.neck, 0.006]) + head @ np.array(
        [0.0, 0.8 * body.head[1], 0.012]
    )  # fmt: skip
    arms, legs = [], []
    for position, side in enumerate((-1, 1)):
        shoulder = shoulders + chest @ np.array([side * body.shoulder, 0.0, 0.0])
        hip = pelvis @ np.array([side * body.hip, 0.0, 0.0])
        reach = (body.upper_arm, body.lower_arm, 0.062)
        arms.append(_chain(shoulder, chest, pose.arms[position], reach, side, leg=False))
        reach = (body.upper_leg, body.lower_leg, body.foot)
        legs.append(_chain(hip, pelvis, pose.legs[position], reach, side, leg=True))
    flip = np.array([1.0, -1.0, 1.0])
    chains = [Chain(*(point * flip for point in chain)) for chain in (*arms, *legs)]
    return Figure(
        arms=(chains[0], chains[1]),
        legs=(chains[2], chains[3]),
        waist=np.zeros(3),
        neck=neck * flip,
        head=centre * flip,
        # The crown of the skull; hair makes the drawn head a little higher.
        crown=(centre + head @ UP * (0.93 * body.head[1])) * flip,
        chest_frame=(chest * flip[:, None]).T,
        head_frame=(head * flip[:, None]).T,
    )


def lsp_joints(figure: Figure) -> Float[np.ndarray, "14 3"]:
    """Return the joints of the skeleton `LSP14`, in its order."""
    right_arm, left_arm = figure.arms
    right_leg, left_leg = figure.legs
    return np.stack(
        [
            right_leg.end, right_leg.middle, right_leg.root,
            left_leg.root, left_leg.middle, left_leg.end,
            right_arm.end, right_arm.middle, right_arm.root,
            left_arm.root, left_arm.middle, left_arm.end,
            figure.neck, figure.crown,
        ]
    )  # fmt: skip
