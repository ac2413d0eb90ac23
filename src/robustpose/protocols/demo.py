"""A small study of a few minutes: the study's white-box attacks on people that are drawn."""

from dataclasses import replace

from robustpose.data import load_people
from robustpose.models import bundled_networks
from robustpose.protocols.jain2019 import jain2019
from robustpose.studies.study import Study

PEOPLE = 24
EPSILONS = (0.5, 1, 2, 4, 8)


def demo() -> Study:
    """Return the study of `robustpose demo`: bundled networks, rendered people."""
    networks = bundled_networks()
    people = load_people("rendered", split="test")
    study = jain2019(people, networks, epsilons=EPSILONS, limit=PEOPLE, batch_size=PEOPLE)
    return replace(study, name="demo-v1")
