"""README.md: its example runs, its numbers are those of results/, its links lead somewhere."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_the_python_example_runs_and_the_attack_in_it_works(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    values: dict[str, object] = {}
    exec(example, values)
    attacked = float(capsys.readouterr().out)
    rp, model, batch = values["rp"], values["model"], values["batch"]
    clean = rp.pck(model.predict(batch.images), batch)
    assert attacked < clean / 2


def test_numbers_are_those_of_the_results(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from readme_results import readme_with_results

    assert readme_with_results(README, ROOT / "results") == README
    sys.modules.pop("readme_results")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=str
)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
