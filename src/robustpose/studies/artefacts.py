"""What conditions prepare before they perturb anybody: made once, and kept on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from robustpose.conditions import Artefact, Preparation
from robustpose.data.people import Split
from robustpose.models.model import PoseModel
from robustpose.studies.configuration import cropping_entry
from robustpose.studies.digests import digest_of
from robustpose.studies.provenance import arithmetic, described
from robustpose.studies.rows import partial_of
from robustpose.studies.study import Cell, Study


class Artefacts:
    """The artefacts of a study in the folder of its run.

    `models` are the victims on `device`, `digests` those of their weights, `joints` which of the
    people's joints are attacked.
    """

    def __init__(
        self,
        study: Study,
        out: Path,
        device: torch.device,
        *,
        models: Mapping[str, PoseModel],
        digests: Mapping[str, str],
        joints: Sequence[bool],
    ) -> None:
        self.study, self.out, self.device = study, out, device
        self.models, self.digests, self.joints = models, digests, joints
        self._loaded: dict[str, Artefact] = {}
        self._splits: dict[int, tuple[Split, str]] = {}

    def prepared_on(self, label: str) -> str | None:
        """Return a digest of the people that a condition prepares on, if it does."""
        people = self.study.conditions[label].prepares_on(self.study.sources)
        return None if people is None else self._digest_of(people)

    def path(self, cell: Cell) -> Path | None:
        """Return where what the condition prepares is kept; None if it prepares nothing."""
        people = self.prepared_on(cell.label)
        if people is None:
            return None
        study = self.study
        condition = described(study.conditions[cell.label])
        model = cell.made_on and [self.digests[cell.made_on], study.precision]
        place = [
            cropping_entry(study.people),
            study.canvas,
            self.joints,
            arithmetic(self.device),
        ]
        key = digest_of([condition, model, people, *place, study.seed])
        return self.out / "artefacts" / f"{key}.safetensors"

    def of(self, cell: Cell) -> Artefact | None:
        """Return what the condition prepares, from disk if it was made before."""
        path = self.path(cell)
        if path is None:
            return None
        if path.stem not in self._loaded:
            if not path.exists():
                self._prepare(cell, path)
            found = load_file(path)
            self._loaded[path.stem] = {name: each.to(self.device) for name, each in found.items()}
        return self._loaded[path.stem]

    def entries(self) -> list[dict[str, object]]:
        """Return which file holds what a condition prepared on a model, for study.json."""
        first = (cell for cell in self.study.cells() if cell.batch == 0)
        paths = ((cell, self.path(cell)) for cell in first)
        return [
            {"condition": cell.label, "made_on": cell.made_on, "file": path.name}
            for cell, path in paths
            if path is not None
        ]

    def _digest_of(self, people: Split) -> str:
        # Few splits, asked for once a cell; drawn people take a moment to tell their ids.
        if id(people) not in self._splits:
            self._splits[id(people)] = people, digest_of([people.digest, people.ids])
        return self._splits[id(people)][1]

    def _prepare(self, cell: Cell, path: Path) -> None:
        condition = self.study.conditions[cell.label]
        people = condition.prepares_on(self.study.sources)
        assert people is not None
        preparation = Preparation(
            people=people,
            canvas=self.study.canvas,
            model=None if cell.made_on is None else self.models[cell.made_on],
            seed=self.study.seed,
            state=path.with_suffix(".state"),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_artefact(condition.prepare(preparation), path)
        preparation.state.unlink(missing_ok=True)


def write_artefact(artefact: Artefact, path: Path) -> None:
    """Write what was prepared; the file appears whole or not at all."""
    partial = partial_of(path)
    save_file(dict(artefact), partial)
    partial.replace(path)
