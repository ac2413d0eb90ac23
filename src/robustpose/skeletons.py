"""Which joints a pose has, how they are connected and which swap places in a mirror."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Skeleton:
    """The joints of a data set or a model, in its order.

    `limbs` are pairs of joint names that a drawing connects. Left and right joints carry the
    prefixes `left_` and `right_`; a mirror image swaps them.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...]

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
)
"""Leeds Sports Pose (and its extended set): 14 joints, person-centric left and right."""

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
)
"""MPII Human Pose: 16 joints, person-centric left and right. Its "upper neck" is LSP's neck."""

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
)
"""COCO key points: 17 joints, person-centric left and right."""
