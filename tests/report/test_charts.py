"""Charts: how networks are told apart."""

from robustpose.report.charts import by_network


def test_no_two_of_many_networks_look_alike() -> None:
    names = [f"network {place}" for place in range(30)]
    looks = [
        by_network(channel, names).to_dict()["scale"]["range"] for channel in ("color", "shape")
    ]
    dashes = by_network("strokeDash", names).to_dict()["scale"]["range"]
    assert len(set(zip(*looks, strict=True))) == 30
    assert len({(colour, *dash) for colour, dash in zip(looks[0], dashes, strict=True)}) == 30


def test_the_line_of_a_network_is_never_as_dotted_as_a_guess() -> None:
    dashes = by_network("strokeDash", [str(place) for place in range(8)]).to_dict()["scale"][
        "range"
    ]
    assert all(dash[0] >= 4 or dash == [1, 0] for dash in dashes)
