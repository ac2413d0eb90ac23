"""Files of weights: opened whatever encloses them, refused in one line, never run."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from robustpose.data import load_people
from robustpose.errors import UsageError
from robustpose.models import load_model
from robustpose.models.published import FORMATS
from robustpose.models.published.files import read_weights
from robustpose.models.published.recognition import load_published, recognised
from robustpose.protocols.jain2019 import jain2019

from .filling import filled, picture
from .recording import FOLDER, reference

NAME = "hourglass-princeton-3-64-32"
SIZE = (64, 64)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return filled(reference(NAME).shapes, seed=1)


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def answer(path: Path) -> Tensor:
    model = load_published("hourglass", path, size=SIZE)
    with torch.no_grad():
        last: Tensor = model(picture(SIZE, 0))[-1]
    return last


ENCLOSED = {
    "bare": lambda weights: weights,
    "tuple": lambda weights: (3, weights),
    "data parallel": lambda weights: {f"module.{name}": t for name, t in weights.items()},
    "trainer of data parallel": lambda weights: {
        "state_dict": {f"model.module.{name}": t for name, t in weights.items()},
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": []},
        "epoch": 7,
    },
    "best score of numpy": lambda weights: {
        "epoch": 1,
        "arch": "hg",
        "state_dict": OrderedDict(weights),
        "best_acc": np.float64(0.87),
        "curve": np.arange(3.0),
    },
    "model_state": lambda weights: {"model_state": weights, "optimizer_state": {}, "epoch": 2},
}


@pytest.mark.parametrize("form", ENCLOSED)
@pytest.mark.parametrize("legacy", [False, True])
def test_weights_are_found_in_whatever_encloses_them(
    weights: dict[str, Tensor], form: str, legacy: bool, tmp_path: Path
) -> None:
    plain = saved(weights, tmp_path / "plain.pth")
    path = tmp_path / "enclosed.anything"
    torch.save(ENCLOSED[form](weights), path, _use_new_zipfile_serialization=not legacy)
    assert torch.equal(answer(path), answer(plain))


def test_published_weights_may_be_safetensors(weights: dict[str, Tensor], tmp_path: Path) -> None:
    plain = saved(weights, tmp_path / "plain.pth")
    other = tmp_path / "weights.pth"
    save_file(weights, other)
    assert torch.equal(answer(other), answer(plain))


class Runs:
    """What is run when a pickle of it is opened carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "dump", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))]
)
def test_code_in_a_file_is_never_run(dump: Any, weights: dict[str, Tensor], tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "weights.pth"
    dump({"state_dict": weights, "extra": Runs(trace)}, path)
    with pytest.raises(UsageError, match=r"refused|damaged, or something else"):
        load_model("hourglass", checkpoint=path)
    assert not trace.exists()


@pytest.mark.parametrize("call", ["os.system", "builtins.eval", "subprocess.call"])
def test_the_refusal_names_what_the_file_asks_for(call: str, tmp_path: Path) -> None:
    module, name = call.split(".")
    path = tmp_path / "weights.pth"
    path.write_bytes(f"\x80\x02c{module}\n{name}\nX\x01\x00\x00\x00a\x85R.".encode("latin1"))
    with pytest.raises(UsageError) as error:
        read_weights(path)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_program_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(1, 2)).save(path)
    with pytest.raises(UsageError, match="TorchScript program: refused"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "web page"),
    ],
)
def test_what_is_often_had_instead_of_a_file_is_named(
    content: bytes, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=named):
        read_weights(path)


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused(
    weights: dict[str, Tensor], share: float, tmp_path: Path
) -> None:
    content = saved(weights, tmp_path / "whole.pth").read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError, match="expected a PyTorch or safetensors checkpoint"):
        load_model("hourglass", checkpoint=path)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_changed_byte_is_noticed(
    weights: dict[str, Tensor], place: float, tmp_path: Path
) -> None:
    content = bytearray(saved(weights, tmp_path / "whole.pth").read_bytes())
    content[int(place * len(content))] ^= 255
    path = tmp_path / "changed.pth"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="damaged"):
        load_model("hourglass", checkpoint=path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"PK\x03\x04" + bytes(64),
        b"\x80\x02K\x07.",
    ],
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"damaged, or something else|no weights|is empty"):
        load_model("resdec", checkpoint=path)
    with pytest.raises(UsageError, match="found no file"):
        load_model("resdec", checkpoint=tmp_path / "nothing.pth")
    with pytest.raises(UsageError, match="found no file"):
        load_model("resdec", checkpoint=tmp_path)


def test_files_that_almost_fit_are_refused_with_all_that_differs(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    odd = dict(weights)
    del odd["outs.1.conv.bias"]
    odd["pre.9.conv.weight"] = torch.zeros(3)
    odd["features.2.1.conv.weight"] = torch.zeros(5, 64, 1, 1)
    with pytest.raises(UsageError) as error:
        load_model("hourglass", checkpoint=saved(odd, tmp_path / "odd.pth"))
    for part in (
        "princeton",
        "missing (1): outs.1.conv.bias",
        "left over (1): pre.9.conv.weight",
        "of another shape (1): features.2.1.conv.weight (5, 64, 1, 1), expected (64, 64, 1, 1)",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    "spoilt",
    [
        torch.full((64,), torch.nan),
        torch.full((64,), -1.0),
        torch.ones(64, dtype=torch.int8),
        torch.ones(1).expand(64),
        torch.ones(64, device="meta"),
        torch.ones(64).to_sparse(),
    ],
    ids=["nan", "negative", "integers", "expanded", "meta", "sparse"],
)
def test_tensors_that_are_no_weights_are_refused(
    weights: dict[str, Tensor], spoilt: Tensor, tmp_path: Path
) -> None:
    odd = {**weights, "features.0.1.bn.running_var": spoilt}
    with pytest.raises(UsageError, match=r"no weights|no plain array|damaged"):
        load_model("hourglass", checkpoint=saved(odd, tmp_path / "odd.pth"))


def test_a_single_name_does_not_ask_for_a_million_hourglasses(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    odd = {**weights, "outs.999999.conv.weight": torch.zeros(1)}
    with pytest.raises(UsageError, match="gaps"):
        load_model("hourglass", checkpoint=saved(odd, tmp_path / "odd.pth"))


def test_the_state_dict_is_preferred_to_a_larger_dictionary(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    plain = saved(weights, tmp_path / "plain.pth")
    average = {f"module.{name}": t + 1 for name, t in weights.items()}
    both = {"ema_state_dict": {**average, "steps": torch.tensor(3)}, "state_dict": weights}
    assert torch.equal(answer(saved(both, tmp_path / "both.pth")), answer(plain))


def test_a_dictionary_that_holds_itself_is_refused(tmp_path: Path) -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    with pytest.raises(UsageError, match="holds no weights"):
        load_model("hourglass", checkpoint=saved(endless, tmp_path / "endless.pth"))


def test_names_of_tensors_are_shown_in_one_short_line(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    odd = {**weights, "outs.0.conv.\n\x1b[31m" + 3000 * "x": torch.zeros(1)}
    with pytest.raises(UsageError) as error:
        load_model("hourglass", checkpoint=saved(odd, tmp_path / "odd.pth"))
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize("size", [(0, 0), (-64, 64), (37, 41)])
def test_sizes_that_no_network_has_are_refused(
    weights: dict[str, Tensor], size: tuple[int, int], tmp_path: Path
) -> None:
    path = saved(weights, tmp_path / "hg.pth")
    with pytest.raises(UsageError, match="multiples of 32"):
        load_model("hourglass", checkpoint=path, size=size)


def test_a_file_without_the_tensor_that_sets_the_width_is_refused(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    odd = {name: t for name, t in weights.items() if name != "features.0.1.conv.weight"}
    with pytest.raises(UsageError, match=r"features\.0\.1\.conv\.weight is missing"):
        load_model("hourglass", checkpoint=saved(odd, tmp_path / "odd.pth"))


def test_another_family_is_refused_by_name(weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = saved(weights, tmp_path / "hrnet_w32.pth")
    with pytest.raises(UsageError, match=r'family hourglass \(princeton.*load it as "hourglass"'):
        load_model("resdec", checkpoint=path)


def test_tensors_of_no_known_network_are_refused(tmp_path: Path) -> None:
    path = saved({"encoder.weight": torch.zeros(2, 2)}, tmp_path / "own.pth")
    with pytest.raises(UsageError, match=r"in no format that is known for hourglass"):
        load_model("hourglass", checkpoint=path)
    with pytest.raises(UsageError, match=r"known for dlcm \(none is\)"):
        load_model("dlcm", checkpoint=path)


def test_a_zoo_name_refuses_another_depth(weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = saved(weights, tmp_path / "hg.pth")
    with pytest.raises(UsageError, match=r'3 stages, hourglass2 has 2.*"hourglass"'):
        load_model("hourglass2", checkpoint=path, size=SIZE)
    assert len(load_model("hourglass", checkpoint=path, size=SIZE).codecs) == 3
    with pytest.raises(UsageError, match="safetensors file of `robustpose train"):
        load_model("hourglass2-compact", checkpoint=path)


def test_a_name_may_carry_its_file(weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = saved(weights, tmp_path / "hg.pth")
    model = load_model(f"hourglass:{path}", size=SIZE)
    assert model.name == "hourglass"
    people = load_people("rendered")[:2]
    networks = [f"hourglass:{path}", "resdec-compact"]
    study = jain2019(people, networks, experiments=("white-box",), size=SIZE)
    assert list(study.victims) == ["hourglass:hg.pth", "resdec-compact"]
    assert study.victims["hourglass:hg.pth"]().size == SIZE
    with pytest.raises(UsageError, match=r"two networks are called hourglass:hg\.pth"):
        jain2019(people, [f"hourglass:{path}"] * 2)


def test_what_weights_do_not_tell_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    expected = reference("hrnet-authors-w12-16")
    path = saved(filled(expected.shapes, 0), tmp_path / "hrnet.pth")
    assumed = load_published("hrnet", path)
    assert assumed.size == (256, 256)
    assert "256 x 256" in capsys.readouterr().err
    told = load_published("hrnet", path, size=(128, 96))
    assert told.size == (128, 96)
    assert "256 x 256" not in capsys.readouterr().err
    assert len(assumed.card["assumed"]) > len(told.card["assumed"])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json.gz")), ids=lambda path: path.name)
def test_every_published_format_is_recognised_and(path: Path) -> None:
    expected = reference(path.name.removesuffix(".json.gz"))
    form = recognised(expected.family, list(expected.shapes), "file")
    assert form.family == expected.family
    assert form.share(expected.shapes) == 1


@pytest.mark.parametrize("strange", [(2, 2, 2, 2)], ids=str)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json.gz")), ids=lambda path: path.name)
def test_strange_shapes_are_refused(path: Path, strange: tuple[int, ...], tmp_path: Path) -> None:
    expected = reference(path.name.removesuffix(".json.gz"))
    weights = {name: torch.zeros(strange) for name in expected.shapes}
    with pytest.raises(UsageError):
        load_published(expected.family, saved(weights, tmp_path / "odd.pth"))


def test_formats_have_different_names_and_known_families() -> None:
    names = [(form.name, form.family) for form in FORMATS]
    assert len(set(names)) == len(names)
    assert all(form.source.startswith("https://") for form in FORMATS)
