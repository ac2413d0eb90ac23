"""Tracks of the leaderboard: who is judged on which canvas in which ball, frozen for good.

A track never changes: other people or another threat model are another track. Its digests are of
what `people.parquet` holds, so that they can be checked where no photograph is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from robustpose.errors import UsageError
from robustpose.studies.digests import digest_of
from robustpose.studies.rows import truth_of

ATTACK = "pose-auto-attack-v1"
"""How the conditions are called whose scores count."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """The terms of a track.

    `people` is the split's name, of which the first `count` are judged on a canvas of (height,
    width); `truth` is a digest of their ids and annotations (`truth_digest`), `photographs` the
    split's own digest, which knows the files' sizes (None: it depends on the form of the files).
    Images of the L-inf balls `epsilons` (0-255 units) stay in [0, 1] and have 8-bit levels where
    the ball holds any. Networks are ranked at these epsilons.
    """

    name: str
    people: str
    count: int
    canvas: tuple[int, int]
    cropping: Mapping[str, object]
    measure: tuple[float, str]
    truth: str
    photographs: str | None
    norm: str = "linf"
    epsilons: tuple[float, ...] = (0.5, 1.0, 2.0)


TRACKS: Mapping[str, Track] = {
    track.name: track
    for track in (
        Track(
            name="lsp-v1",
            people="lsp/test",
            count=64,
            canvas=(128, 128),
            cropping={"alignment": "edges", "smoothed": True},
            measure=(0.2, "torso"),
            truth="952f6e352d822dce834e5f77",
            photographs="69223c3d4ddb171b493cbc929e341d9b",
        ),
        Track(
            name="mpii-v1",
            people="mpii/val",
            count=64,
            canvas=(256, 256),
            cropping={"alignment": "index", "smoothed": False},
            measure=(0.5, "head"),
            truth="c4d342fb5b0272053bf61ad0",
            photographs=None,
        ),
    )
}
"""At 8 nothing undefended is left, so nobody is ranked there."""


def truth_digest(people: pl.DataFrame) -> str:
    """Return a digest of the ids of a run's people, and of their joints to a tenth of a pixel."""
    truth = truth_of(people)
    joints = [
        [
            [round(float(v), 1) for v in point] if known else None
            for point, known in zip(*each, strict=True)
        ]
        for each in zip(truth.joints, truth.labelled, strict=True)
    ]
    return digest_of(
        [people["person"].to_list(), joints, [round(v, 1) for v in truth.size.tolist()]]
    )


def track_of(study: Mapping[str, Any], name: str | None = None) -> Track:
    """Return the track of a run's people, or the one named.

    Raises `UsageError` if there is none, or the one named is of other people.
    """
    if name is not None and name not in TRACKS:
        raise UsageError(f"expected a track ({', '.join(TRACKS)}), found {name}")
    people = study["people"]["name"]
    found = [
        each for each in TRACKS.values() if name in (each.name, None) and each.people == people
    ]
    if not found:
        offered = ", ".join(f"{each.name} of {each.people}" for each in TRACKS.values())
        without = "no track does" if name is None else f"{name} does not"
        raise UsageError(f"the run judges people of {people}; {without}: there are {offered}")
    return found[0]


def check_terms(track: Track, study: Mapping[str, Any], people: pl.DataFrame) -> None:
    """Raise `UsageError` for a run on other people, another canvas or under other rules."""
    judged = study["people"]
    joints = zip(judged["joints"], judged.get("scored") or [], strict=False)
    unknown = [joint for joint, scored in joints if not scored]
    terms: tuple[tuple[str, object, object], ...] = (
        ("people", track.count, judged["count"]),
        ("a canvas of", list(track.canvas), list(study["canvas"])),
        ("crops with", dict(track.cropping), judged.get("cropping")),
        ("errors within", list(track.measure), [judged["threshold"], judged["reference"]]),
        ("images in the valid range", True, study.get("valid_range")),
        ("8-bit images", True, study.get("rounding")),
        ("joints unknown to a network of the run", [], unknown),
        ("ids and annotations with the digest", track.truth, truth_digest(people)),
    )
    if track.photographs is not None:
        terms += (("photographs with the digest", track.photographs, judged.get("digest")),)
    for what, expected, found in terms:
        if expected != found:
            raise UsageError(
                f"the track {track.name} is of the first {track.count} of {track.people}: expected "
                f"{what} {_shown(expected)}, found {_shown(found)}"
            )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, []) else str(value)
