"""How a body is composed of parts: joints make bones, and bones make larger parts."""

from dataclasses import dataclass

from robustpose.models.codecs.parts import Bone, Part
from robustpose.skeletons import LSP14, MPII16, Skeleton


@dataclass(frozen=True)
class Composition:
    """The larger parts of a skeleton; each is the bones that it is made of, by joint names.

    That tells three levels: the joints, the bones of all parts in their order, the parts.
    """

    skeleton: Skeleton
    parts: tuple[tuple[tuple[str, str], ...], ...]

    @property
    def levels(self) -> tuple[tuple[Part, ...], ...]:
        """The parts of each level besides the joints, as positions of joints: none on the first."""
        parts = tuple(tuple(self._bone(*bone) for bone in part) for part in self.parts)
        bones = tuple((bone,) for part in parts for bone in part)
        return (), bones, parts

    def _bone(self, one: str, other: str) -> Bone:
        return self.skeleton.index(one), self.skeleton.index(other)


MPII_PARTS = Composition(
    MPII16,
    (
        (("right_ankle", "right_knee"), ("right_knee", "right_hip")),
        (("left_hip", "left_knee"), ("left_knee", "left_ankle")),
        (("right_hip", "pelvis"), ("left_hip", "pelvis")),
        (("thorax", "neck"), ("neck", "head_top")),
        (("right_wrist", "right_elbow"), ("right_elbow", "right_shoulder")),
        (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")),
    ),
)
"""16 joints, 12 bones and 6 parts: legs, waist, neck with head, arms. Tang et al. for MPII."""

LSP_PARTS = Composition(
    LSP14,
    (
        (("right_ankle", "right_knee"), ("right_knee", "right_hip")),
        (("left_hip", "left_knee"), ("left_knee", "left_ankle")),
        (("neck", "head_top"),),
        (("right_wrist", "right_elbow"), ("right_elbow", "right_shoulder")),
        (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")),
    ),
)
"""14 joints, 9 bones and 5 parts: without pelvis and thorax no waist and no lower neck.

Tang et al. for Leeds Sports Pose.
"""
