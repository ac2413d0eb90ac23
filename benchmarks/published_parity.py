"""Print how far our outputs lie from those of the published code, for every recorded reference.

    OMP_NUM_THREADS=1 python -m benchmarks.published_parity

from the top of the repository. Differences are of the largest value of a stage; weights are random.
"""

import tempfile
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import torch

from robustpose.models.published.recognition import load_published
from tests.models.published.filling import filled, picture
from tests.models.published.recording import FOLDER, reference, summary


def difference(name: str) -> float:
    """Return the largest relative difference over stages and recorded values of one reference."""
    expected = reference(name)
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(StringIO()):
        path = Path(folder) / "weights.pth"
        torch.save(filled(expected.shapes, expected.seed), path)
        model = load_published(expected.family, path, size=expected.size)
    torch.manual_seed(expected.seed)
    with torch.no_grad():
        stages = model(picture(expected.size, expected.seed))
    worst = 0.0
    for stage, output in zip(stages, expected.outputs, strict=True):
        found, wanted = torch.tensor(summary(stage)["values"]), torch.tensor(output["values"])
        worst = max(worst, float((found - wanted).abs().max()) / output["largest"])
    return worst


def main() -> None:
    """Print a line for each reference, and the largest of all."""
    names = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))
    differences = {name: difference(name) for name in names}
    for name, value in differences.items():
        print(f"{name:40s} {value:.1e}")
    print(f"{'largest of ' + str(len(names)):40s} {max(differences.values()):.1e}")


if __name__ == "__main__":
    main()
