"""A reference in a file: what an extractor saw in real images, for who compares with the same ones again and again.

The file is safetensors: the features, the logits if there are any, and in words what they are of. Nothing in it is run.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as packed
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..base.files import replace
from .features import Extractor, Features
from .reference import Reference

VERSION = "1"
SUFFIX = ".safetensors"
FACTS = ("saddle_reference", "label", "hash", "extractor", "extractor_hash", "resize", "shape")


def save(path: str | PathLike[str], reference: Reference, extractor: Extractor, shape: Sequence[int]) -> Path:
    """Write the file, at once; `shape` is that of an image, [C, H, W]. UsageError for a name with another ending."""
    path = Path(path)
    if path.suffix != SUFFIX:
        raise UsageError(f"a reference is kept in a file whose name ends in {SUFFIX}, and {path} does not")
    said = (VERSION, reference.label, reference.hash, extractor.name, extractor.hash, extractor.resize, _words(shape))
    tensors = {"features": reference.seen.features}
    if reference.seen.logits is not None:
        tensors["logits"] = reference.seen.logits
    plain = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    return replace(path, packed(plain, dict(zip(FACTS, said, strict=True))))


def extractor_of(path: str | PathLike[str]) -> str:
    """The name of the extractor that saw the images. SaddleError for a file that is no reference."""
    return _read(path)[0]["extractor"]


def load(path: str | PathLike[str], extractor: Extractor, shape: Sequence[int]) -> Reference:
    """The reference, for samples of a shape, [C, H, W], that this extractor looks at.

    UsageError where the extractor or the shape is another one, SaddleError for a file that is no reference or damaged.
    """
    facts, seen = _read(path)
    if (facts["extractor"], facts["extractor_hash"]) != (extractor.name, extractor.hash):
        other = extractor.name if extractor.name != facts["extractor"] else f"{extractor.name} with other weights"
        raise UsageError(
            f"{path} was made with the extractor {facts['extractor']} (hash {facts['extractor_hash'][:12]}), and this "
            f"one is {other} (hash {extractor.hash[:12]}); choose that one, or make the reference anew"
        )
    if facts["shape"] != _words(shape):
        raise UsageError(
            f"{path} is of samples of shape {facts['shape']}, and these are of shape {_words(shape)}; bring them to "
            "one size, or make the reference anew"
        )
    return Reference(facts["label"], facts["hash"], seen)


def _words(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _read(path: str | PathLike[str]) -> tuple[dict[str, str], Features]:
    if not Path(path).is_file():
        raise UsageError(f"no reference at {path}: saddle score A B --save-reference {path} makes one")
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            there: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise SaddleError(f"{path} is damaged, or no safetensors file: {error}") from error
    features, logits = there.get("features"), there.get("logits")
    wrong = features is None or features.ndim != 2 or not len(features) or not features.isfinite().all()
    if set(FACTS) - facts.keys() or facts["saddle_reference"] != VERSION or wrong:
        raise SaddleError(
            f"{path} is no reference that saddle score --save-reference has made, or one of another version"
        )
    assert features is not None
    return facts, Features(features, logits)
