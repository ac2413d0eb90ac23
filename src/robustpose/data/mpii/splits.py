"""Which people of a file of annotations are in which split."""

from robustpose.data.mpii.records import Records
from robustpose.data.mpii.validation import TRAIN, VALIDATION, validation_people
from robustpose.errors import UsageError


def of_split(records: Records, split: str) -> tuple[Records, bool]:
    """Return the people of the split, and whether they are all that MPII has of it."""
    if has_both(records):
        return divided(records, split), True
    whole = {TRAIN: "train", VALIDATION: "test"}.get(len(records))
    if split == "train" and whole != "train":
        raise UsageError(
            f"training needs the {TRAIN:,} people of the train split, but {records.path} has "
            f"{len(records):,}: " + ("those of the test" if whole else "such a file is all test")
        )
    if split == "test" and whole == "train":
        raise UsageError(
            f"expected people to test on, but {records.path} has the {TRAIN:,} of the train split"
        )
    if whole:
        _check_photographs(records, split)
    return records, whole is not None


def has_both(records: Records) -> bool:
    """Tell whether a file has people of both splits, as MPII's own has."""
    if records.person is None or len(records) <= VALIDATION:
        return False
    return set(_keys(records)).issuperset(validation_people())


def divided(records: Records, split: str) -> Records:
    """Return the people on Tompson's list, or everybody on a photograph that it does not name."""
    place = {key: index for index, key in enumerate(_keys(records))}
    if split == "test":
        return records.take([place[key] for key in validation_people()])
    photographs = {image for image, _ in validation_people()}
    return records.take([i for i, image in enumerate(records.images) if image not in photographs])


def _keys(records: Records) -> list[tuple[str, int]]:
    assert records.person is not None
    return list(zip(records.images, records.person.tolist(), strict=True))


def _check_photographs(records: Records, split: str) -> None:
    """Refuse a file that has the right number of people, but not those of the split."""
    listed = {image for image, _ in validation_people()}
    for index, image in enumerate(records.images):
        if (image in listed) != (split == "test"):
            message = (
                f"a photograph of the validation split, in a file of {TRAIN:,} people to train on"
            )
            if split == "test":
                message = (
                    f"no photograph of the validation split, in a file of {VALIDATION:,} people"
                )
            raise records.fault(index, message)
