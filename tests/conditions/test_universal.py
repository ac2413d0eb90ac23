"""One perturbation for everybody: on whom it is fitted, in which order, and how a fit goes on."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

import robustpose.conditions.universal as universal
from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Targeted, Untargeted
from robustpose.attacks.universal import UniversalAscent, metzen, shafahi
from robustpose.conditions import Artefact, Noise, Preparation, Sources, Universal
from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.poses import PoseBatch
from robustpose.scoring import errors

CANVAS = (64, 64)
EPS = 16 / 255
FIT = Universal(method=shafahi(eps=EPS, step_size=EPS / 5), images=10, passes=3, batch_size=4)


@pytest.fixture(scope="module")
def crowd() -> Split:
    """Return people to fit on; the first ones lack a label."""
    people = rendered_people("train", count=14, pixels=64)
    known = list(people)
    some = [replace(person, labelled=np.arange(14) != 3) for person in known[:6]]
    return replace(people, people=(*some, *known[6:]))


@pytest.fixture(scope="module")
def model(networks: dict[str, PoseModel]) -> PoseModel:
    return networks["resdec"]


def prepared(
    condition: Universal, crowd: Split, model: PoseModel, state: Path, seed: int = 0
) -> Artefact:
    return condition.prepare(
        Preparation(people=crowd, canvas=CANVAS, model=model, seed=seed, state=state)
    )


@pytest.fixture(scope="module")
def artefact(crowd: Split, model: PoseModel, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """Return the perturbation of a quiet fit."""
    return prepared(FIT, crowd, model, tmp_path_factory.mktemp("fit") / "state")


def same(one: Artefact, other: Artefact) -> bool:
    """Tell whether two artefacts are equal to the last bit; NaN equals NaN."""
    return one.keys() == other.keys() and all(
        torch.equal(one[name].nan_to_num(-1), other[name].nan_to_num(-1)) for name in one
    )


def test_a_fit_has_a_loss_a_step_and_stays_in_its_ball(artefact: Artefact) -> None:
    assert artefact.keys() == {"perturbation", "losses", "fitted_clean", "fitted_attacked"}
    assert artefact["perturbation"].shape == (3, *CANVAS)
    assert artefact["perturbation"].abs().max() <= EPS
    assert artefact["losses"].shape == (FIT.steps,) == (9,)
    assert artefact["losses"].isfinite().all()
    assert FIT.preparation_cost == 30


@pytest.mark.parametrize("steps_before", [1, 4, 8])
def test_a_killed_fit_goes_on_to_the_same_bits(
    steps_before: int,
    crowd: Split,
    model: PoseModel,
    artefact: Artefact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []
    take = UniversalAscent.step

    def step(self: UniversalAscent, *args: object) -> object:
        if len(taken) == steps_before:
            raise KeyboardInterrupt
        taken.append(1)
        return take(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(universal, "SAVE_EVERY", 2)
    with monkeypatch.context() as patch:
        patch.setattr(UniversalAscent, "step", step)
        with pytest.raises(KeyboardInterrupt):
            prepared(FIT, crowd, model, tmp_path / "state")
    saved = steps_before - steps_before % 2
    assert (tmp_path / "state").exists() is (saved > 0)
    more: list[int] = []
    monkeypatch.setattr(UniversalAscent, "step", lambda *args: (more.append(1), take(*args))[1])
    assert same(prepared(FIT, crowd, model, tmp_path / "state"), artefact)
    assert len(more) == FIT.steps - saved
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_crops_that_do_not_fit_into_memory_are_made_anew(
    crowd: Split,
    model: PoseModel,
    artefact: Artefact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(universal, "KEPT_BYTES", 0)
    assert same(prepared(FIT, crowd, model, tmp_path / "state"), artefact)


def people_of(condition: Universal, crowd: Split, seed: int = 0) -> list[list[str]]:
    """Return who is in each mini-batch of a fit."""
    drawn = universal._Crowd(crowd, CANVAS, seed, condition.images, condition.batch_size)
    return [list(drawn.minibatch(step).ids) for step in range(condition.steps)]


def test_in_each_pass_everybody_comes_once_in_another_order(crowd: Split) -> None:
    batches = people_of(FIT, crowd)
    assert [len(batch) for batch in batches] == [4, 4, 2] * 3
    passes = [list(chain(*batches[start : start + 3])) for start in (0, 3, 6)]
    assert len({frozenset(each) for each in passes}) == 1
    assert len(set(passes[0])) == 10
    assert passes[0] != passes[1] != passes[2]


def test_fewer_people_are_part_of_more_and_follow_the_seed(crowd: Split) -> None:
    def who(images: int, seed: int = 0) -> set[str]:
        minibatch = replace(FIT, images=images, batch_size=images, passes=1)
        return set(people_of(minibatch, crowd, seed)[0])

    assert who(2) < who(4) <= set(crowd.ids)
    assert who(4) != who(4, seed=1)


def test_everybody_gets_the_same_perturbation(
    artefact: Artefact, model: PoseModel, batch: PoseBatch
) -> None:
    perturbed = FIT.perturb(batch, model, artefact, 0)
    expected = (batch.images + artefact["perturbation"]).clamp(0, 1)
    assert torch.equal(perturbed.images, expected)
    assert perturbed.targets is None
    free = replace(FIT, method=shafahi(eps=EPS, ball=lambda eps: Linf(eps, valid=False)))
    images = free.perturb(batch, model, artefact, 0).images
    assert torch.equal(images, batch.images + artefact["perturbation"])


def test_unseen_people_suffer_more_than_from_noise(
    artefact: Artefact, model: PoseModel, batch: PoseBatch
) -> None:
    loss = Untargeted().loss(model, batch)
    with torch.no_grad():
        clean, noisy, fooled = (
            loss(images).mean()
            for images in (
                batch.images,
                Noise(ball=Linf(EPS)).perturb(batch, None, None, 0).images,
                FIT.perturb(batch, model, artefact, 0).images,
            )
        )
    assert fooled - clean > 2 * (noisy - clean).abs()


def test_a_targeted_fit_pulls_everybody_to_one_pose(
    crowd: Split, model: PoseModel, batch: PoseBatch, tmp_path: Path
) -> None:
    condition = replace(FIT, targeted=True, passes=4)
    found = prepared(condition, crowd, model, tmp_path / "state")
    perturbed = condition.perturb(batch, model, found, 0)
    target = found["target"]
    assert perturbed.targets is not None
    assert torch.equal(perturbed.targets, target.expand(4, -1, -1))
    assert ((target >= 0) & (target <= 63)).all()
    loss = Targeted(perturbed.targets).loss(model, batch)
    with torch.no_grad():
        assert (loss(perturbed.images) > loss(batch.images)).all()


def pose_of(crowd: Split, seed: int = 0) -> torch.Tensor:
    return universal._Crowd(crowd, CANVAS, seed, 1, 1).pose()


def test_the_pose_asked_for_is_somebodys_whole_pose_on_the_canvas(crowd: Split) -> None:
    first = pose_of(crowd)
    assert torch.equal(first, pose_of(crowd))
    assert len({tuple(pose_of(crowd, seed).flatten().tolist()) for seed in range(8)}) > 1
    # Whoever's it is, without them it is another's.
    whole = [person for person in crowd if person.labelled.all()]
    owner = next(
        person for person in whole if torch.equal(pose_of(replace(crowd, people=(person,))), first)
    )
    others = [person for person in crowd if person is not owner]
    assert not torch.equal(pose_of(replace(crowd, people=others)), first)
    beyond = [replace(person, box=person.box.enlarged(0.5)) for person in whole]
    incomplete = [person for person in crowd if not person.labelled.all()]
    with pytest.raises(UsageError, match="found none"):
        pose_of(replace(crowd, people=[*beyond, *incomplete]))


def test_people_judged_can_be_fitted_on_and_without_others_training_is_refused(
    crowd: Split,
) -> None:
    judged = rendered_people("test", count=2, pixels=64)
    assert FIT.prepares_on(Sources(judged, crowd)) is crowd
    assert replace(FIT, people="judged").prepares_on(Sources(judged, None)) is judged
    with pytest.raises(UsageError, match="no score is taken of"):
        FIT.prepares_on(Sources(judged, None))


def test_too_few_people_are_refused(crowd: Split, model: PoseModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ask for fewer"):
        prepared(replace(FIT, images=15), crowd, model, tmp_path / "state")


@pytest.mark.parametrize("setting", ["images", "passes", "batch_size"])
def test_senseless_settings_are_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        replace(FIT, **{setting: 0})


def test_the_description_tells_goal_people_and_steps() -> None:
    studys = Universal(method=metzen(eps=EPS))
    assert "1570 steps of 0.005 ε up the training loss" in studys.description
    assert "10 passes through 2,500 of training people by 16" in studys.description
    other = replace(studys, targeted=True, all_stages=True, people="judged", name="UAP-T-ALL")
    assert "one pose for everybody, summed over all stages" in other.description
    assert (studys.goal, other.goal) == ("untargeted", "targeted")


def test_what_it_does_to_the_people_fitted_on_is_counted_on_them(
    crowd: Split, model: PoseModel, artefact: Artefact
) -> None:
    order = universal._shuffled(len(crowd), "universal people", 0)[: FIT.images]
    people = crop(replace(crowd, people=[crowd[place] for place in order]), CANVAS)
    moved = (people.images + artefact["perturbation"]).clamp(0, 1)
    for name, images in (("clean", people.images), ("attacked", moved)):
        expected = errors(model.predict(images), people)
        found = artefact[f"fitted_{name}"].numpy()
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
