"""What a run of jain2019 calls its conditions, experiments, defences and families of networks."""

FGSM_U = "FGSM-U"
IGSM_U_10 = "IGSM-U-10"
IGSM_U_100 = "IGSM-U-100"
IGSM_T_20 = "IGSM-T-20"
IGSM_T_100 = "IGSM-T-100"
SEGMENTATION_RULE = "IGSM-U-N"
"""min(eps + 4, ceil(1.25 eps)) steps of one grey level (Arnab et al., CVPR 2018)."""

TENFOLD = "IGSM-U-10N"
"""Ten times as many of the same steps."""

UAP = "UAP"
"""Metzen's universal perturbation, fitted on training people and scored on others."""

NOISE = "noise"
"""Random noise of the size of epsilon, which nobody's gradients made."""

ALL_STAGES = "-ALL"
"""Ends the name of an attack on the losses of all stages."""

STEP = " step "
"""Stands between an attack and its step size in the names of a sweep: "IGSM-U-10 step 1/2"."""

WHITE_BOX = "white-box"
ITERATIONS = "iterations"
STEP_SIZES = "step-sizes"
UNIVERSAL = "universal"
TASKS = "tasks"
DEFENCES = "defenses"

SMOOTHING = ("gaussian", "median")
MIRROR = "mirror"
"""Defences, as in "resdec-matched+gaussian:1" and "resdec-matched+mirror"."""

COORDINATES = frozenset({"deeppose"})
"""Families that regress coordinates directly, as the paper's DeepPose."""

REGRESSORS = COORDINATES | {"rle"}
"""The same at its best: with a learned law of the errors."""

HOURGLASSES = frozenset({"hourglass", "hourglass52", "attention", "ported_attention", "dlcm"})
"""The hourglass and what is built of it."""

HEATMAPS = HOURGLASSES | {"chained", "resdec", "hrnet", "pyranet"}
"""Families that answer with a map a joint."""

POSE, SEGMENTATION = "pose", "parts"
"""Tasks that have a network in common."""

JOINTS = {
    "ankle": ("ankle",),
    "knee": ("knee",),
    "hip": ("hip",),
    "wrist": ("wrist",),
    "elbow": ("elbow",),
    "shoulder": ("shoulder",),
    "neck": ("neck", "upper_neck"),
    "head": ("head", "head_top"),
}
"""The joints of Table 2, each with the names that skeletons have for it."""


def targeted(attack: str) -> bool:
    """Tell whether an attack asks for a pose."""
    return attack.startswith((IGSM_T_20, IGSM_T_100, "FGSM-T"))
