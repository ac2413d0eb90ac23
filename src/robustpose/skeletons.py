"""Which joints a pose has, how they are connected and which swap places in a mirror."""

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Skeleton:
    """The joints of a data set or a model, in its order.

    `limbs` are pairs of joint names that a drawing connects. Left and right joints carry the
    prefixes `left_` and `right_`; a mirror image swaps them. `oks_sigmas` say, one a joint, how
    far annotators differ about it, over the root of the person's area: the unit of object key
    point similarity. None: nobody has measured them. They are no part of a skeleton's identity.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]
    oks_sigmas: tuple[float, ...] | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Return the position of a joint. Raises `ValueError` for a name that is not one."""
        return self.joints.index(joint)

    def place(self, joint: str) -> int | None:
        """Return the position of a joint, or None for a name that is not one."""
        return self.joints.index(joint) if joint in self.joints else None

    @cached_property
    def limb_indices(self) -> tuple[tuple[int, int], ...]:
        """The limbs as pairs of positions."""
        return tuple((self.index(a), self.index(b)) for a, b in self.limbs)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint, the position of the joint that takes its place in a mirror image."""
        return tuple(self.index(_mirrored(joint)) for joint in self.joints)

    @cached_property
    def groups(self) -> dict[str, tuple[int, ...]]:
        """Left and right joints under one name: `{"ankle": (0, 5), ..., "neck": (12,)}`."""
        groups: dict[str, tuple[int, ...]] = {}
        for position, joint in enumerate(self.joints):
            name = joint.removeprefix("left_").removeprefix("right_")
            groups[name] = (*groups.get(name, ()), position)
        return groups


def _mirrored(joint: str) -> str:
    if joint.startswith("left_"):
        return "right_" + joint.removeprefix("left_")
    if joint.startswith("right_"):
        return "left_" + joint.removeprefix("right_")
    return joint


LSP14 = Skeleton(
    name="lsp-14",
    joints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "neck",
        "head_top",
    ),
    limbs=(
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("right_hip", "left_hip"),
        ("right_hip", "right_shoulder"),
        ("left_hip", "left_shoulder"),
        ("right_wrist", "right_elbow"),
        ("right_elbow", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_shoulder", "neck"),
        ("left_shoulder", "neck"),
        ("neck", "head_top"),
    ),
    oks_sigmas=(
        0.089,
        0.087,
        0.107,
        0.107,
        0.087,
        0.089,
        0.062,
        0.072,
        0.079,
        0.079,
        0.072,
        0.062,
        0.026,
        0.026,
    ),
)
"""Leeds Sports Pose (and its extended set): 14 joints, person-centric left and right.

Nobody has measured its sigmas: twelve are those of COCO's joints of the same names, neck and head
top, which COCO has not, are MMPose's for MPII.
"""

MPII16 = Skeleton(
    name="mpii-16",
    joints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    limbs=(
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("right_hip", "pelvis"),
        ("left_hip", "pelvis"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("pelvis", "thorax"),
        ("thorax", "neck"),
        ("neck", "head_top"),
        ("right_wrist", "right_elbow"),
        ("right_elbow", "right_shoulder"),
        ("right_shoulder", "thorax"),
        ("left_shoulder", "thorax"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
    ),
    oks_sigmas=(
        0.089,
        0.083,
        0.107,
        0.107,
        0.083,
        0.089,
        0.026,
        0.026,
        0.026,
        0.026,
        0.062,
        0.072,
        0.179,
        0.179,
        0.072,
        0.062,
    ),
)
"""MPII Human Pose: 16 joints, person-centric left and right. Its "upper neck" is LSP's neck.

The sigmas are MMPose's, made after COCO's: no measurements on MPII, and knees and shoulders are
not COCO's 0.087 and 0.079. MPII has no areas, so that OKS on it is no published score.
"""

COCO17 = Skeleton(
    name="coco-17",
    joints=(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    limbs=(
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("right_shoulder", "right_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_elbow", "right_wrist"),
        ("left_eye", "right_eye"),
        ("nose", "left_eye"),
        ("nose", "right_eye"),
        ("left_eye", "left_ear"),
        ("right_eye", "right_ear"),
    ),
    oks_sigmas=(
        0.026,
        0.025,
        0.025,
        0.035,
        0.035,
        0.079,
        0.079,
        0.072,
        0.072,
        0.062,
        0.062,
        0.107,
        0.107,
        0.087,
        0.087,
        0.089,
        0.089,
    ),
)
"""COCO key points: 17 joints, person-centric left and right. The sigmas are the official ones."""
