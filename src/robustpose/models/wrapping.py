"""A model around another: one network, other passes through it."""

from robustpose.models.model import PoseModel


class Wrapped(PoseModel):
    """A model that shares the network of a plain one, and has its settings, under another name.

    Subclasses say in `forward` what they do before and after. The settings are those that the
    given model has now; its answers do not change.
    """

    def __init__(self, model: PoseModel, *, name: str) -> None:
        super().__init__(
            model.network,
            name=name,
            size=model.size,
            codecs=model.codecs,
            skeleton=model.own_skeleton,
            normalisation=model.normalisation,
        )
        self.skeleton, self.card = model.skeleton, model.card
        self.precision, self.layout = model.precision, model.layout
        self.training = model.training
        self.to(model.mean.device)
