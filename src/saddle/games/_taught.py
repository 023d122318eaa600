"""What games share that learn from the classes of a first domain, label_a of a batch."""

from ..base.errors import UsageError
from ..spec import DataSpec

KEY = "label_a"


def check_classes(data: DataSpec, game: str, otherwise: str = "another game") -> None:
    """UsageError for images of two domains that do not say the classes of the first one in training."""
    if {"a", "b"} <= data.fields.keys() and data.main.kind == "image":
        classes_of(data, game, otherwise)


def classes_of(data: DataSpec, game: str, otherwise: str = "another game") -> int:
    """How many classes the images of domain a have. UsageError for data that do not say them in training."""
    field = data.fields.get(KEY)
    if field is None or field.kind != "class" or len(field.names) < 2:
        raise UsageError(
            f"{game} learns from the classes of its first domain, {KEY} of a batch, and these data have none: give "
            "--data digits-blended, digits-inverted or mnist-to-digits with --data.labels true, or images of your own "
            "whose first domain has a sub-folder for each class, two or more, with --data domains:A_DIR,B_DIR "
            f"--data.labels folders; or choose {otherwise}"
        )
    return len(field.names)
