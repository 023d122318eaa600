"""Do restored images show what the true ones show? A classifier says it that is trained on whole training images."""

from torch import Tensor

from .evidence import Evidence, Ingredient
from .judged import CLASS_LESSONS, REAL
from .metric import Compared, Metric
from .reading import reader
from .restored import RESTORATIONS, RESTORED, outdone
from .uncertainty import share_error


def _measure(evidence: Evidence) -> Compared:
    restored, (lesson,) = evidence[RESTORED], evidence[CLASS_LESSONS].values()
    assert restored.labels is not None
    there = restored.labels >= 0
    classifier, labels = reader(lesson), restored.labels[there]

    def share(images: Tensor) -> float:
        return float((classifier.read(images[there])[:, 0] == labels).double().mean())

    beside = {whose: share(images) for whose, images in restored.beside.items()}
    value = share(restored.images)
    note = outdone("restored_accuracy", value, beside)
    return Compared(value, share_error(value, len(labels)), beside=beside | {REAL: share(restored.truth)}, note=note)


CLASSES = Ingredient(
    "restored_classes",
    f"{RESTORED.lacking}, whose classes are known as those of training images are",
    make=_measure,
    needs=(RESTORATIONS, RESTORED, CLASS_LESSONS),
    can=lambda evidence: evidence.given["restorations"].labelled,
)

METRICS = {
    "restored_accuracy": Metric(
        "share of restored images whose class is seen by a classifier that is trained on true training images",
        "higher",
        (CLASSES,),
        lambda e: e[CLASSES],
        chooses=False,  # labels that are held out do not choose
    )
}
