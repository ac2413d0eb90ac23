"""What `study.json` says of a study: its networks, people and conditions."""

import re

from robustpose.conditions import Condition, Smallest
from robustpose.data.people import Split
from robustpose.defenses import Defended
from robustpose.models import ZOO
from robustpose.models.model import PoseModel
from robustpose.models.resnet import ResNet
from robustpose.studies.provenance import described
from robustpose.studies.study import Study


def victim_entry(model: PoseModel, digest: str, *, repeat_difference: float) -> dict[str, object]:
    """Return what reports may ask of a network, which may be called NAME#SEED+DEFENSE.

    `repeat_difference` is what `models.repeating` measured.
    """
    name = re.split(r"[#+]", model.name)[0]
    defenses = model.defenses if isinstance(model, Defended) else ()
    encoders = [module.name for module in model.modules() if isinstance(module, ResNet)]
    return {
        "checkpoint": digest,
        "model": name,
        "family": ZOO[name].family if name in ZOO else name,
        "stages": len(model.codecs),
        "backbone": encoders[0] if encoders else None,
        "random": model.random,
        "repeat_difference": repeat_difference,
        "differentiable": all(defense.differentiable for defense in defenses),
        "defenses": [defense.name for defense in defenses],
        "summary": f"{model.name}, {model.size[0]} x {model.size[1]} px",
        "parameters": sum(p.numel() for p in model.parameters()),
        "card": dict(model.card),
    }


def people_entry(study: Study, scored: list[bool]) -> dict[str, object]:
    """Return whom a study judges, and by which rule; `scored` are the joints all networks know."""
    people = study.people
    return {
        "name": people.name,
        "count": len(people),
        "available": len(study.sources.judged),
        "digest": people.digest,
        "threshold": people.threshold,
        "reference": people.reference,
        "sigmas": None if people.sigmas is None else list(people.sigmas),
        "skeleton": people.skeleton.name,
        "scored": scored,
        "unscored": list(people.unscored),
        "cropping": cropping_entry(people),
        "joints": list(people.skeleton.joints),
        "limbs": [list(limb) for limb in people.skeleton.limbs],
        "left_out": dict(people.left_out),
    }


def cropping_entry(people: Split) -> dict[str, object]:
    """Return how boxes become canvases."""
    cropping = people.cropping
    return {"alignment": cropping.alignment.name.lower(), "smoothed": cropping.smoothed}


def condition_entry(label: str, condition: Condition) -> dict[str, object]:
    """Return what `study.json` says of a condition; no `eps` where each person has their own."""
    ball = condition.ball
    settings = described(condition)
    method = settings.get("attack") or settings.get("method") or {}
    each_their_own = isinstance(condition, Smallest)
    return {
        "label": label,
        "condition": condition.name,
        "goal": condition.goal,
        "norm": None if ball is None else ball.norm,
        "eps": None if ball is None or each_their_own else ball.eps,
        "steps": condition.steps,
        "step_size": method.get("step_size"),
        "description": condition.description,
        "settings": settings,
    }
