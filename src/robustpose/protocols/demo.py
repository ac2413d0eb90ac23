"""A small study of a few minutes: the study's white-box attacks on people that are drawn."""

from dataclasses import replace

from robustpose.data import load_people
from robustpose.protocols.jain2019 import jain2019
from robustpose.studies.study import Study

NETWORKS = ("deeppose-compact", "deeppose-best-compact", "resdec-compact", "hourglass2-compact")
PEOPLE = 24
EPSILONS = (0.5, 1, 2, 4, 8)
ATTACKS = ("FGSM-U", "IGSM-U-10", "IGSM-T-20")


def demo() -> Study:
    """Return the study of `robustpose demo`: four bundled networks, rendered people."""
    people = load_people("rendered", split="test")
    study = jain2019(
        people,
        NETWORKS,
        training=load_people("rendered", split="train"),
        attacks=ATTACKS,
        epsilons=EPSILONS,
        limit=PEOPLE,
        batch_size=PEOPLE,
    )
    return replace(study, name="demo-v1")
