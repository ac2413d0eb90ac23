"""Losses made for the metric: how near each joint is to leaving the radius where it is right.

Each is a function of a view of an output (`PoseModel.views`), the true joints (n, k, 2) and their
radius (n, k), both in canvas pixels, and gives one value a joint (n, k): the higher, the farther
from being right. A user's own function is used in the same way.

Scores are divided by their own range, which does not count as a part of the gradient: no loss
depends on the scale that a network gives its output, on purpose or not. Gradients do not vanish
where scores are far apart, and there is none at a distance of 0 (where there is no way out that is
shorter than others).
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from robustpose.models.codecs import Points, Table, View
from robustpose.poses import Joints

PerJoint = Float[Tensor, "n k"]
JointLoss = Callable[[View, Joints, PerJoint], PerJoint]

TEMPERATURE = 10.0
"""What scores are multiplied by before a soft-max, when their range is 1."""
_NEVER = -1e3  # a logarithm of nothing that is finite


def pck_margin(view: View, joints: Joints, radius: PerJoint) -> PerJoint:
    """Return the best score outside the radius less the best inside, over the range: -1 to 1.

    Above 0 the joint is lost. Where each axis has scores of its own, the axis that is nearer to
    losing the joint counts. Of points it is their distance over the radius, less 1. The margin of
    Carlini and Wagner ("Towards Evaluating the Robustness of Neural Networks", S&P 2017, f6) with
    the places of PCK for classes; the range for a scale is after the ratio of Croce and Hein
    ("Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
    attacks", ICML 2020, section 4.1).
    """
    if isinstance(view, Points):
        return _distance(view.joints, joints, radius) - 1
    margins = []
    for table in view.tables:
        scores, inside = _normalised(table.scores), _inside(table, joints, radius)
        # The least score stands where there is no place on one side.
        least = scores.detach().amin(dim=2, keepdim=True)
        outer = torch.where(inside, least, scores).amax(dim=2)
        margins.append(outer - torch.where(inside, scores, least).amax(dim=2))
    return torch.stack(margins).amax(dim=0)


def cross_entropy(
    view: View, joints: Joints, radius: PerJoint, *, temperature: float = TEMPERATURE
) -> PerJoint:
    """Return minus the logarithm of the probability of being inside the radius: from 0 up.

    The probability is a soft-max over the places of `temperature` times the scores; of scores along
    each axis, the product of both. A point is inside with the probability of a logistic law: a
    half at the border. Cross-entropy over places is the loss of Sun et al. 2018 and SimCC; over the
    inside as a whole, this project's.
    """
    if isinstance(view, Points):
        margin = _distance(view.joints, joints, radius) - 1
        return F.softplus(temperature * margin)
    total = torch.zeros_like(radius)
    for table in view.tables:
        logits = temperature * _normalised(table.scores)
        inside = _inside(table, joints, radius)
        total = total + logits.logsumexp(dim=2) - _log_sum(logits, inside)
    return total


def log_odds(
    view: View, joints: Joints, radius: PerJoint, *, temperature: float = TEMPERATURE
) -> PerJoint:
    """Return the logarithm of the odds of being outside the radius.

    The probability is that of `cross_entropy`, whose gradient fades where a joint is safely inside;
    this one does not fade. For a high temperature it is that many times the PCK margin; here all
    places have a part in it, and both axes where each has scores of its own.
    """
    if isinstance(view, Points):
        return temperature * (_distance(view.joints, joints, radius) - 1)
    each = []
    for table in view.tables:
        logits = temperature * _normalised(table.scores)
        inside = _inside(table, joints, radius)
        each.append(_log_sum(logits, ~inside) - _log_sum(logits, inside))
    if len(each) == 1:
        return each[0]
    # Outside along x, along y, or along both, against inside along both.
    return torch.stack([*each, each[0] + each[1]]).logsumexp(dim=0)


def soft_argmax_distance(
    view: View, joints: Joints, radius: PerJoint, *, temperature: float = TEMPERATURE
) -> PerJoint:
    """Return the distance of the mean place from the joint over the radius, less 1.

    The mean is under the soft-max of `cross_entropy`: the soft-argmax of Sun et al. ("Integral
    Human Pose Regression", ECCV 2018), which Luvizon et al. have too.
    """
    return _distance(_mean_place(view, temperature), joints, radius) - 1


def oks(
    view: View, joints: Joints, radius: PerJoint, *, temperature: float = TEMPERATURE
) -> PerJoint:
    """Return minus the joint's part in the object key point similarity of the mean place: -1 to 0.

    That is exp(-d^2 / (8 sigma^2)), a half at the radius of people who are scored by OKS
    (https://cocodataset.org/#keypoints-eval); so it is for others. The mean place is that of
    `soft_argmax_distance`.
    """
    distance = _distance(_mean_place(view, temperature), joints, radius)
    return -torch.exp(-math.log(2) * distance.square())


def cos_pgd(
    view: View, joints: Joints, radius: PerJoint, *, temperature: float = TEMPERATURE
) -> PerJoint:
    """Return the cross-entropy, its gradient times how alike prediction and truth are.

    Agnihotri, Jung and Keuper, "CosPGD: an efficient white-box adversarial attack for pixel-wise
    prediction tasks", ICML 2024: the cosine between the predicted distribution and the true one,
    here the places inside the radius, weighs the gradient of each joint's loss. Joints that are
    right so come first. Of points it is the cosine between two Gaussian bumps of half the radius.
    Values are not weighed, as in the paper: they would fall where a joint is lost, and attacks keep
    the image of the highest.
    """
    loss = cross_entropy(view, joints, radius, temperature=temperature)
    if isinstance(view, Points):
        alike = torch.exp(-_distance(view.joints, joints, radius).square())
    else:
        alike = torch.ones_like(radius)
        for table in view.tables:
            predicted = F.softmax(temperature * _normalised(table.scores), dim=2)
            truth = _inside(table, joints, radius).to(predicted)
            alike = alike * F.cosine_similarity(predicted, truth, dim=2, eps=1e-20)
    weight = alike.detach()
    return weight * loss + (1 - weight) * loss.detach()


def _inside(table: Table, joints: Joints, radius: PerJoint) -> Bool[Tensor, "n k m"]:
    """Return which places are inside the radius along the table's axes.

    A place is where a codec reads it give or take a quarter of the way to the next, which counts as
    inside too. So does the nearest place, however small the radius, unless the joint lies beyond
    all places.
    """
    axes = list(table.axes)
    apart = torch.linalg.vector_norm((table.places[1] - table.places[0])[axes])
    offset = joints[:, :, None, axes] - table.places[:, axes]
    distance = torch.linalg.vector_norm(offset, dim=3)
    nearest = torch.minimum(distance.amin(dim=2), apart)
    inside: Tensor = distance <= torch.maximum(radius + apart / 4, nearest)[..., None]
    return inside


def _normalised(scores: Float[Tensor, "n k m"]) -> Float[Tensor, "n k m"]:
    """Return scores with a range of 1 and a maximum of 0, as far as they differ at all."""
    known = scores.detach()
    highest = known.amax(dim=2, keepdim=True)
    return (scores - highest) / (highest - known.amin(dim=2, keepdim=True)).clamp_min(1e-30)


def _log_sum(logits: Float[Tensor, "n k m"], where: Bool[Tensor, "n k m"]) -> PerJoint:
    return torch.where(where, logits, _NEVER).logsumexp(dim=2)


def _mean_place(view: View, temperature: float) -> Joints:
    if isinstance(view, Points):
        return view.joints
    mean = torch.zeros_like(view.joints)
    for table in view.tables:
        share = F.softmax(temperature * _normalised(table.scores), dim=2)
        told = table.places.new_tensor([axis in table.axes for axis in (0, 1)])
        mean = mean + share @ (table.places * told)
    return mean


def _distance(points: Joints, joints: Joints, radius: PerJoint) -> PerJoint:
    """Return distances over the radius; the gradient at 0 is 0."""
    offset = (points - joints) / radius[..., None]
    return (offset.square().sum(dim=2) + 1e-12).sqrt()
