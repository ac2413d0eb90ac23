"""Activities as families of poses: joint angles drawn within what a body can do.

Angles are in degrees. An arm or a leg hangs down at zero; `swing` lifts it forward, `spread`
outward, `twist` turns it about its own axis (outward is positive) and `bend` closes the elbow
or the knee.
"""

from collections.abc import Callable
from typing import NamedTuple

from numpy.random import RandomState

from robustpose.data.rendering.draws import between, chance, one_of


class LimbAngles(NamedTuple):
    """The angles of one arm or leg; `point` stretches the foot and means nothing for arms."""

    swing: float
    spread: float
    twist: float
    bend: float
    point: float = 0.0


class Pose(NamedTuple):
    """Joint angles of a body. Pairs of limbs are (right, left).

    `lean` turns the whole body forward and `tilt` sideways; `spine` and `head` are
    (forward, sideways, twist), relative to the pelvis and the chest.
    """

    lean: float
    tilt: float
    spine: tuple[float, float, float]
    head: tuple[float, float, float]
    arms: tuple[LimbAngles, LimbAngles]
    legs: tuple[LimbAngles, LimbAngles]


def _hanging_arm(random: RandomState) -> LimbAngles:
    return LimbAngles(
        between(random, -20, 30), between(random, 4, 28), between(random, -40, 40),
        between(random, 3, 50),
    )  # fmt: skip


def _bent_arm(random: RandomState) -> LimbAngles:
    return LimbAngles(
        between(random, -35, 70), between(random, 5, 50), between(random, -70, 60),
        between(random, 50, 135),
    )  # fmt: skip


def _raised_arm(random: RandomState) -> LimbAngles:
    return LimbAngles(
        between(random, 110, 185), between(random, 0, 45), between(random, -50, 50),
        between(random, 0, 70),
    )  # fmt: skip


def _sideways_arm(random: RandomState) -> LimbAngles:
    return LimbAngles(
        between(random, -20, 50), between(random, 55, 125), between(random, -80, 80),
        between(random, 0, 80),
    )  # fmt: skip


def _forward_arm(random: RandomState) -> LimbAngles:
    return LimbAngles(
        between(random, 45, 110), between(random, -15, 30), between(random, -40, 40),
        between(random, 0, 70),
    )  # fmt: skip


_ARMS = (_hanging_arm, _bent_arm, _raised_arm, _sideways_arm, _forward_arm)


def _any_arms(random: RandomState) -> tuple[LimbAngles, LimbAngles]:
    first = one_of(random, _ARMS)
    second = first if chance(random, 0.5) else one_of(random, _ARMS)
    return first(random), second(random)


def _quiet_arms(random: RandomState) -> tuple[LimbAngles, LimbAngles]:
    quiet = (_hanging_arm, _hanging_arm, _bent_arm)
    return one_of(random, quiet)(random), one_of(random, quiet)(random)


def _leg(
    random: RandomState,
    swing: tuple[float, float],
    bend: tuple[float, float],
    spread: tuple[float, float] = (0, 14),
) -> LimbAngles:
    return LimbAngles(
        between(random, *swing), between(random, *spread), between(random, -5, 25),
        between(random, *bend), between(random, -10, 35),
    )  # fmt: skip


def _trunk(random: RandomState, amount: float) -> tuple[float, float, float]:
    return (
        between(random, -0.6 * amount, amount),
        between(random, -amount, amount),
        between(random, -1.5 * amount, 1.5 * amount),
    )


def _gaze(random: RandomState) -> tuple[float, float, float]:
    return between(random, -25, 30), between(random, -14, 14), between(random, -50, 50)


def _pose(
    random: RandomState,
    arms: tuple[LimbAngles, LimbAngles],
    legs: tuple[LimbAngles, LimbAngles],
    *,
    lean: tuple[float, float] = (-5, 8),
    tilt: tuple[float, float] = (-5, 5),
    trunk: float = 10,
) -> Pose:
    """Return the pose, its sides exchanged half of the time."""
    spine = _trunk(random, trunk)
    pose = Pose(between(random, *lean), between(random, *tilt), spine, _gaze(random), arms, legs)
    if chance(random, 0.5):
        return pose._replace(arms=(arms[1], arms[0]), legs=(legs[1], legs[0]))
    return pose


def _standing(random: RandomState) -> Pose:
    arms = _any_arms(random) if chance(random, 0.45) else _quiet_arms(random)
    legs = (_leg(random, (-10, 15), (0, 18), (1, 20)), _leg(random, (-10, 10), (0, 12), (1, 20)))
    return _pose(random, arms, legs)


def _stride(random: RandomState, reach: float, bend: tuple[float, float], elbow: float) -> Pose:
    arms = (
        LimbAngles(between(random, -reach, 0), between(random, 3, 25), between(random, -40, 10),
                   between(random, 0.5 * elbow, elbow)),
        LimbAngles(between(random, 0, reach), between(random, 3, 25), between(random, -50, 10),
                   between(random, 0.5 * elbow, elbow)),
    )  # fmt: skip
    legs = (
        _leg(random, (0.3 * reach, 1.2 * reach), (0.2 * bend[0], bend[0]), (-3, 10)),
        _leg(random, (-0.7 * reach, 0.1 * reach), (0.1 * bend[1], bend[1]), (-3, 10)),
    )
    return _pose(random, arms, legs, lean=(-2, 0.4 * reach), trunk=9)


def _walking(random: RandomState) -> Pose:
    return _stride(random, between(random, 15, 38), (30, 50), between(random, 20, 80))


def _running(random: RandomState) -> Pose:
    return _stride(random, between(random, 40, 75), (110, 120), between(random, 80, 130))


def _jumping(random: RandomState) -> Pose:
    first = _leg(random, (-30, 100), (0, 120), (0, 50))
    second = first if chance(random, 0.3) else _leg(random, (-40, 90), (0, 120), (0, 50))
    lean = (-20, 35)
    return _pose(random, _any_arms(random), (first, second), lean=lean, tilt=(-15, 15), trunk=18)


def _sitting(random: RandomState) -> Pose:
    first, second = (_leg(random, (60, 110), (35, 120), (2, 35)) for _ in range(2))
    return _pose(random, _any_arms(random), (first, second), lean=(-20, 20), trunk=14)


def _crouching(random: RandomState) -> Pose:
    first, second = (_leg(random, (60, 135), (70, 145), (3, 45)) for _ in range(2))
    if chance(random, 0.35):
        second = _leg(random, (-20, 20), (70, 110))
    return _pose(random, _any_arms(random), (first, second), lean=(0, 50), trunk=14)


def _bending(random: RandomState) -> Pose:
    lean = between(random, 35, 110)
    first, second = (
        _leg(random, (lean - 25, lean + 10), (0, 50), (2, 22)) for _ in range(2)
    )  # fmt: skip
    arms = (_forward_arm(random), _forward_arm(random))
    if chance(random, 0.5):
        arms = _any_arms(random)
    return _pose(random, arms, (first, second), lean=(lean - 8, lean + 8), trunk=16)


def _throwing(random: RandomState) -> Pose:
    arm = LimbAngles(between(random, -40, 60), between(random, 70, 150),
                     between(random, -30, 90), between(random, 10, 120))  # fmt: skip
    arms = (arm, one_of(random, (_forward_arm, _sideways_arm, _bent_arm))(random))
    legs = (_leg(random, (-45, 15), (0, 60)), _leg(random, (5, 60), (0, 60)))
    return _pose(random, arms, legs, lean=(-15, 30), tilt=(-12, 12), trunk=20)


def _reaching(random: RandomState) -> Pose:
    arms = (_raised_arm(random), one_of(random, (_raised_arm, *_ARMS))(random))
    legs = (_leg(random, (-20, 45), (0, 70)), _leg(random, (-30, 20), (0, 40)))
    return _pose(random, arms, legs, lean=(-10, 25), tilt=(-15, 15), trunk=16)


def _kicking(random: RandomState) -> Pose:
    kick = _leg(random, (35, 125), (0, 60), (0, 45))
    if chance(random, 0.3):
        kick = _leg(random, (-45, -5), (20, 100), (0, 35))
    support = _leg(random, (-20, 15), (0, 35))
    return _pose(random, _any_arms(random), (kick, support), lean=(-30, 15), tilt=(-20, 20))


def _gymnastics(random: RandomState) -> Pose:
    arms = tuple(
        LimbAngles(between(random, 145, 190), between(random, 0, 50), between(random, -30, 30),
                   between(random, 0, 25))
        for _ in range(2)
    )  # fmt: skip
    first, second = (_leg(random, (-45, 60), (0, 60), (0, 75)) for _ in range(2))
    if chance(random, 0.4):
        second = first
    lean, tilt = ((150, 210), (-25, 25)) if chance(random, 0.6) else ((-20, 20), (60, 300))
    return _pose(random, (arms[0], arms[1]), (first, second), lean=lean, tilt=tilt, trunk=14)


def _lying(random: RandomState) -> Pose:
    first, second = (_leg(random, (-10, 70), (0, 100), (0, 30)) for _ in range(2))
    lean = one_of(random, ((70.0, 105.0), (-105.0, -65.0)))
    return _pose(random, _any_arms(random), (first, second), lean=lean, tilt=(-40, 40), trunk=12)


FAMILIES: dict[str, Callable[[RandomState], Pose]] = {
    "standing": _standing,
    "walking": _walking,
    "running": _running,
    "jumping": _jumping,
    "sitting": _sitting,
    "crouching": _crouching,
    "bending": _bending,
    "throwing": _throwing,
    "reaching": _reaching,
    "kicking": _kicking,
    "gymnastics": _gymnastics,
    "lying": _lying,
}
