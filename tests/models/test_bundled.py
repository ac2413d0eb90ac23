"""The networks that come with the package: trained, documented, and fooled by attacks."""

from pathlib import Path

import pytest

import robustpose as rp
from robustpose.attacks.iterated import fgsm, igsm
from robustpose.errors import UsageError
from robustpose.models import bundled_card, bundled_networks, bundled_path, bundled_trainings


@pytest.fixture(scope="module")
def drawn():
    return rp.load_people("rendered")[:24]


@pytest.mark.parametrize("name", bundled_networks())
def test_card_says_how_the_weights_came_about(name):
    card = bundled_card(name)
    assert {entry["name"] for entry in card["data"]} == {"lsp/train", "rendered/train"}
    assert all(entry["licence"] for entry in card["data"])
    assert card["recipe"]["seed"] in (0, 1)
    assert f"robustpose train {name}" in card["command"]
    assert set(card["scores"]) == {"PCK lsp/test", "PCK rendered/test"}


def test_matched_networks_share_data_recipe_and_images():
    cards = [bundled_card(name) for name in bundled_networks() if name.endswith("-matched")]
    assert len(cards) >= 3
    first = cards[0]
    for card in cards:
        assert card["data"] == first["data"]
        assert card["recipe"] == first["recipe"]
        assert card["seen"] == first["seen"] == first["recipe"]["images"]
        assert card["encoder"] is card["start"] is None


@pytest.mark.parametrize("name", bundled_trainings())
def test_further_trainings_differ_in_their_seed_alone(name):
    network, _, seed = name.partition("#")
    first, further = bundled_card(network), bundled_card(name)
    assert further["recipe"] == {**first["recipe"], "seed": int(seed)}
    assert further["data"] == first["data"]
    assert further["seen"] == first["seen"]
    model = rp.load_model(name)
    assert model.name == name
    one, other = (rp.load_model(each).network.state_dict() for each in (network, name))
    assert one.keys() == other.keys()
    assert any(not one[key].equal(other[key]) for key in one)


@pytest.mark.parametrize("name", ["hourglass2-matched#7", "resdec#1", "hourglass#1", "hrnet#"])
def test_trainings_that_do_not_come_with_the_package_are_refused(name):
    with pytest.raises(UsageError, match="another training"):
        rp.load_model(name)


def test_files_are_small_enough_to_be_committed():
    names = [*bundled_networks(), *bundled_trainings()]
    sizes = [Path(bundled_path(name)).stat().st_size for name in names]
    assert max(sizes) < 12 * 2**20
    assert sum(sizes) < 60 * 2**20


@pytest.mark.parametrize("name", ["hourglass2-compact", "resdec-compact"])
def test_trained_networks_find_people_and_iterated_attacks_beat_single_steps(name, drawn):
    model = rp.load_model(name)
    batch = rp.crop(drawn, model)
    clean = rp.pck(model.predict(batch.images), batch)
    assert clean > 55
    loss = rp.Untargeted().loss(model, batch)

    def left(attack):
        return rp.pck(model.predict(attack(loss, batch.images, batch.seeds)), batch)

    one, ten, small = (
        left(fgsm(eps=8 / 255)),
        left(igsm(eps=8 / 255, steps=10)),
        left(igsm(eps=0.5 / 255, steps=10)),
    )
    assert ten < one < clean
    assert ten < small < clean


def test_the_better_regressor_is_nearer_to_the_heatmap_networks(drawn):
    scores = {
        name: rp.evaluate(rp.load_model(name), drawn).pck
        for name in ("deeppose-compact", "deeppose-best-compact")
    }
    assert scores["deeppose-best-compact"] > scores["deeppose-compact"]
