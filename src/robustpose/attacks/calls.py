"""One call for people who want one: attack these images of this model."""

import torch
from jaxtyping import Bool
from torch import Tensor

from robustpose.attacks.attack import Attack
from robustpose.attacks.goals import Targeted, Untargeted
from robustpose.attacks.iterated import igsm
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel, check_evaluating
from robustpose.poses import Images, Joints, PoseBatch
from robustpose.seeds import seed_of


def attack(
    model: PoseModel,
    images: Images,
    joints: Joints,
    *,
    labelled: Bool[Tensor, "n k"] | None = None,
    target: Joints | None = None,
    algorithm: Attack | None = None,
    eps: float | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> Images:
    """Return perturbed copies of images (n, 3, h, w; RGB in [0, 1]).

    `joints` are the true ones in pixels of these images; where `labelled` is False they are not
    read. With `target` (n, k, 2) the attack pulls every joint there instead. Without
    `algorithm` it is IGSM in the L-inf ball of `eps` (8 / 255), `steps` (10) of eps / 3 (eps / 9
    if targeted). Raises `UsageError` for values out of range, NaN, or shapes that do not fit.
    """
    check_evaluating(model)
    if algorithm is not None and (eps is not None or steps is not None):
        raise UsageError("an algorithm has its own eps and steps: leave them out here")
    _check(images, joints, labelled, target, model)
    known = torch.ones(joints.shape[:2], dtype=torch.bool) if labelled is None else labelled
    count = len(images)
    batch = PoseBatch(
        ids=tuple(f"attack/{seed}/{row}" for row in range(count)),
        images=images,
        joints=torch.where(known[..., None].to(joints.device), joints, 0).to(images.device),
        labelled=known.to(images.device),
        size=torch.zeros(count),
        threshold=0.0,
        skeleton=model.skeleton,
        to_photo=torch.eye(2, 3).expand(count, 2, 3),
    )
    goal = Untargeted() if target is None else Targeted(target)
    if algorithm is None:
        radius = 8 / 255 if eps is None else eps
        step_size = radius / 3 if target is None else radius / 9
        algorithm = igsm(eps=radius, steps=10 if steps is None else steps, step_size=step_size)
    seeds = [seed_of("attack", seed, row) for row in range(count)]
    return algorithm(goal.loss(model, batch), images, seeds)


def _check(
    images: Images,
    joints: Joints,
    labelled: Tensor | None,
    target: Joints | None,
    model: PoseModel,
) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.float32:
        raise UsageError("expected images as a torch tensor of float32")
    if images.dim() != 4 or images.shape[1] != 3:
        raise UsageError(f"expected images (n, 3, h, w), found {tuple(images.shape)}")
    if not ((images >= 0) & (images <= 1)).all():
        raise UsageError(
            f"expected RGB images in [0, 1], found values from {images.min():.3g} to "
            f"{images.max():.3g}: divide 8-bit images by 255 and do not normalise them"
        )
    shape = (len(images), len(model.skeleton), 2)
    for name, points in (("joints", joints), ("target", target)):
        if points is not None and tuple(points.shape) != shape:
            raise UsageError(f"expected {name} {shape}, found {tuple(points.shape)}")
    if labelled is not None and tuple(labelled.shape) != shape[:2]:
        raise UsageError(f"expected labelled {shape[:2]}, found {tuple(labelled.shape)}")
    read = joints if labelled is None else joints[labelled.to(joints.device)]
    if not torch.isfinite(read).all() or (target is not None and not target.isfinite().all()):
        raise UsageError(
            "expected finite joints, found NaN or infinity: mark joints without annotation in "
            "labelled="
        )
