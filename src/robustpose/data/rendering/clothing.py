"""Skin, hair and clothes, and the solids of a dressed person."""

from colorsys import hsv_to_rgb
from typing import NamedTuple

from numpy.random import RandomState

from robustpose.data.rendering.bodies import Chain, Figure, Point, Proportions
from robustpose.data.rendering.draws import between, chance, one_of, whole
from robustpose.data.rendering.heads import Head
from robustpose.data.rendering.shapes import XYZ, Limb, Solid
from robustpose.data.rendering.textures import NOISES, TILES, Colour, Material
from robustpose.data.rendering.torsos import Torso

PARTS = (
    "background",
    "head",
    "torso",
    "right_upper_arm",
    "right_lower_arm",
    "left_upper_arm",
    "left_lower_arm",
    "right_upper_leg",
    "right_lower_leg",
    "left_upper_leg",
    "left_lower_leg",
)
"""What the numbers of a part mask mean. Hands and feet belong to the lower arms and legs."""

_SKINS = (
    (255, 224, 196), (240, 200, 168), (226, 180, 145), (205, 155, 118),
    (178, 125, 90), (141, 94, 64), (104, 68, 46), (74, 48, 35),
)  # fmt: skip
_HAIRS = ((28, 22, 20), (60, 40, 26), (105, 70, 40), (170, 130, 75), (150, 75, 40), (150, 148, 145))


class Outfit(NamedTuple):
    """What a person wears: materials, and how far sleeves and trouser legs reach.

    `sleeve` and `trouser` run from 0 (none) to 2 (to the wrist or ankle); `sock` is a fraction
    of the lower leg.
    """

    skin: Material
    hair: Material
    shirt: Material
    trousers: Material
    shoes: Material
    socks: Material
    print_: Material
    gloves: bool
    sleeve: float
    trouser: float
    sock: float
    hairline: float
    tail: float
    style: tuple[int, int]


def any_colour(random: RandomState) -> Colour:
    """Draw a colour of cloth: grey, muted or bright."""
    saturation = between(random, 0, 0.15) if chance(random, 0.35) else between(random, 0.25, 0.95)
    value = between(random, 0.12, 1.0)
    red, green, blue = hsv_to_rgb(between(random, 0, 1), saturation, value)
    return 255 * red, 255 * green, 255 * blue


def skin_colour(random: RandomState) -> Colour:
    """Draw a colour of skin."""
    red, green, blue = one_of(random, _SKINS)
    bright = between(random, 0.9, 1.05)
    return red * bright, green * bright, blue * bright * between(random, 0.94, 1.06)


def plain(random: RandomState, colour: Colour, contrast: float, scale: float) -> Material:
    """Return a material of one colour with soft noise."""
    dark = (colour[0] * (1 - contrast), colour[1] * (1 - contrast), colour[2] * (1 - contrast))
    tile = whole(random, 0, NOISES - 1)
    return Material(dark, colour, tile, 150 / scale, whole(random, 0, 64))


def cloth(random: RandomState, scale: float) -> Material:
    """Draw a cloth: mostly plain with folds, else stripes, checks, dots or patches."""
    colour = any_colour(random)
    if chance(random, 0.6):
        return plain(random, colour, between(random, 0.1, 0.4), scale)
    tile = whole(random, NOISES, TILES)
    texels = between(random, 130, 420) / scale
    return Material(colour, any_colour(random), tile, texels, whole(random, 0, 64))


def sample_outfit(random: RandomState, scale: float) -> Outfit:
    """Draw an outfit for a person whose stature is `scale` picture sides."""
    skin = plain(random, skin_colour(random), 0.14, scale)
    shirt = cloth(random, scale)
    whole_suit = chance(random, 0.1)
    trousers = shirt if whole_suit else cloth(random, scale)
    sleeve = one_of(random, (0.0, 0.15, 0.45, 0.55, 0.65, 1.9, 1.95))
    trouser = one_of(random, (0.12, 0.35, 0.5, 0.6, 0.8, 1.85, 1.95))
    socks = plain(random, any_colour(random), 0.2, scale)
    hair = one_of(random, _HAIRS)
    return Outfit(
        skin=skin,
        hair=Material((hair[0] * 0.6, hair[1] * 0.6, hair[2] * 0.6), hair, 2, 200 / scale, 0),
        shirt=skin if chance(random, 0.05) else shirt,
        trousers=trousers,
        shoes=plain(random, any_colour(random), 0.3, scale),
        socks=socks,
        print_=plain(random, any_colour(random), 0.2, scale),
        gloves=chance(random, 0.06),
        sleeve=sleeve,
        trouser=trouser,
        sock=one_of(random, (1.0, 0.92, 0.85, 0.55, 0.25)),
        hairline=between(random, -0.08, 0.1),
        tail=one_of(random, (0.0, 0.0, 0.0, 0.05, 0.1)),
        style=(whole(random, 0, 3), whole(random, 0, 3)),
    )


def _limb(
    part: int, start: Point, end: Point, radii: tuple[float, float], bulge: float,
    first: Material, second: Material, cut: float,
) -> Limb:  # fmt: skip
    return Limb(part, _xyz(start), _xyz(end), radii, bulge, first, second, cut)


def _xyz(point: Point) -> XYZ:
    x, y, z = point.tolist()
    return x, y, z


def _arm(part: int, chain: Chain, body: Proportions, wear: Outfit, scale: float) -> list[Solid]:
    thick = scale * body.girth * 0.0255
    muscle = thick * 0.1 * body.muscle
    glove = wear.print_ if wear.gloves else wear.skin
    # Long sleeves are wider than the arm.
    loose = 1.15 if wear.sleeve > 1 else 1.0
    upper, lower = (1.14 * thick * loose, 0.86 * thick * loose), (0.86 * thick * loose, 0.6 * thick)
    return [
        _limb(part, chain.root, chain.middle, upper, muscle, wear.shirt, wear.skin, wear.sleeve),
        _limb(
            part + 1, chain.middle, chain.end, lower, muscle, wear.shirt, wear.skin, wear.sleeve - 1
        ),
        _limb(
            part + 1,
            chain.end,
            chain.tip,
            (0.62 * thick, 0.5 * thick),
            0.2 * thick,
            glove,
            glove,
            1,
        ),
    ]


def _leg(part: int, chain: Chain, body: Proportions, wear: Outfit, scale: float) -> list[Solid]:
    thick = scale * (0.6 + 0.4 * body.girth) * 0.044
    loose = 1.1 if wear.trouser > 0.4 else 1.0
    upper = (1.12 * thick * loose, 0.72 * thick * (loose if wear.trouser > 1 else 1.0))
    lower = (0.72 * thick, 0.46 * thick * (1.25 if wear.trouser > 1 else 1.0))
    calf = 0.13 * thick * body.muscle
    long = wear.trouser > 1
    shin = (wear.trousers, wear.socks) if long else (wear.skin, wear.socks)
    cut = wear.trouser - 1 if long else wear.sock
    shoe = (0.5 * thick, 0.42 * thick)
    return [
        _limb(
            part,
            chain.root,
            chain.middle,
            upper,
            0.04 * thick,
            wear.trousers,
            wear.skin,
            wear.trouser,
        ),
        _limb(part + 1, chain.middle, chain.end, lower, calf, *shin, cut),
        _limb(part + 1, chain.heel, chain.tip, shoe, 0.06 * thick, wear.shoes, wear.shoes, 1),
    ]


def dress(figure: Figure, body: Proportions, wear: Outfit, scale: float) -> list[Solid]:
    """Return the solids of a person, all in picture sides, the farthest first."""
    solids: list[Solid] = []
    for side in (0, 1):
        solids += _arm(3 + 2 * side, figure.arms[side], body, wear, scale)
        solids += _leg(7 + 2 * side, figure.legs[side], body, wear, scale)
    solids += _trunk(figure, body, wear, scale)
    solids += _head(figure, body, wear, scale)
    return sorted(solids, key=lambda solid: _depth(solid))


def _trunk(figure: Figure, body: Proportions, wear: Outfit, scale: float) -> list[Solid]:
    radius = 0.046 * scale * (0.7 + 0.3 * body.girth)
    flanks = []
    for arm, leg in zip(figure.arms, figure.legs, strict=True):
        # The outline of the trunk runs inside the shoulder joints and round the hip joints.
        shoulder = arm.root + 0.28 * (figure.neck - arm.root)
        shoulder = shoulder + 0.1 * (leg.root - arm.root)
        hip = leg.root + 0.12 * (arm.root - leg.root)
        flanks.append((_xyz(shoulder), _xyz(hip)))
    neck = _limb(
        2, figure.neck + 0.2 * (figure.waist - figure.neck), figure.head,
        (0.036 * scale, 0.03 * scale), 0, wear.skin, wear.skin, 1,
    )  # fmt: skip
    thick = (0.098 * scale * body.girth**0.5, 0.062 * scale * body.girth**0.5)
    return [
        Torso(
            2, (flanks[0], flanks[1]), figure.chest_frame, radius, thick,
            wear.shirt, wear.trousers, wear.skin, wear.print_, wear.style,
        ),
        neck,
    ]  # fmt: skip


def _head(figure: Figure, body: Proportions, wear: Outfit, scale: float) -> list[Solid]:
    axes = (body.head[0] * scale, body.head[1] * scale, body.head[2] * scale)
    up, forward = figure.head_frame[1], figure.head_frame[2]
    tip = figure.head + forward * (1.1 * axes[2]) - up * (0.16 * axes[1])
    bridge = figure.head + forward * (0.86 * axes[2])
    nose = (0.1 * axes[0], 0.16 * axes[0])
    solids: list[Solid] = [
        Head(1, _xyz(figure.head), figure.head_frame, axes, wear.skin, wear.hair, wear.hairline),
        _limb(1, bridge, tip, nose, 0, wear.skin, wear.skin, 1),
    ]
    if wear.tail:
        knot = figure.head - forward * (0.95 * axes[2]) + up * (0.3 * axes[1])
        end = knot - (0.7 * up + 0.4 * forward) * (wear.tail + 0.05) * scale
        thick = 0.4 * axes[0]
        solids.append(_limb(1, knot, end, (thick, 0.6 * thick), 0, wear.hair, wear.hair, 1))
    return solids


def _depth(solid: Solid) -> float:
    if isinstance(solid, Limb):
        return (solid.start[2] + solid.end[2]) / 2
    if isinstance(solid, Head):
        return solid.centre[2]
    assert isinstance(solid, Torso)
    return sum(point[2] for ends in solid.flanks for point in ends) / 4
