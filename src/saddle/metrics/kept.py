"""A reference in a file: what an extractor saw in real images, for who compares with the same ones again and again.

The file is safetensors: the features, the logits if there are any, the images' patches if they were wanted, what an
extractor that is made of the images came to, and in words what they are of. Nothing in it is run.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as packed
from torch import Tensor

from ..base.errors import SaddleError, UsageError
from ..base.files import replace
from .features import Extractor, Features, Kept
from .reference import Reference

VERSION = "1"
SUFFIX = ".safetensors"
PART = "extractor."  # before the name of a tensor that an extractor came to
_NONE = "is no reference that saddle score --save-reference has made, or one of another version"
FACTS = ("saddle_reference", "label", "hash", "extractor", "extractor_hash", "resize", "shape")


def save(path: str | PathLike[str], reference: Reference, extractor: Extractor, shape: Sequence[int]) -> Path:
    """Write the file, at once; `shape` is that of an image, [C, H, W]. UsageError for a name with another ending."""
    path = check(path)
    said = (VERSION, reference.label, reference.hash, extractor.name, extractor.hash, extractor.resize, _words(shape))
    optional = {"logits": reference.seen.logits, "patches": reference.patches}
    tensors = {"features": reference.seen.features} | {name: x for name, x in optional.items() if x is not None}
    tensors |= {PART + name: x for name, x in extractor.parts().items()}
    plain = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    return replace(path, packed(plain, dict(zip(FACTS, said, strict=True))))


def check(path: str | PathLike[str]) -> Path:
    """The path. UsageError for a name with another ending."""
    path = Path(path)
    if path.suffix != SUFFIX:
        raise UsageError(f"a reference is kept in a file whose name ends in {SUFFIX}, and {path} does not")
    return path


def extractor_of(path: str | PathLike[str]) -> str:
    """The name of the extractor that saw the images. SaddleError for a file that is no reference."""
    return _read(path, lambda name: False)[0]["extractor"]


def made_into(path: str | PathLike[str]) -> Kept | None:
    """What the extractor came to, if it is made of the images; None for any other."""
    facts, parts = _read(path, lambda name: name.startswith(PART))
    return Kept(facts["extractor_hash"], {name.removeprefix(PART): x for name, x in parts.items()}) if parts else None


def load(path: str | PathLike[str], extractor: Extractor, shape: Sequence[int]) -> Reference:
    """The reference, for samples of a shape, [C, H, W], that this extractor looks at.

    UsageError where the extractor or the shape is another one, SaddleError for a file that is no reference or damaged.
    """
    facts, there = _read(path, lambda name: not name.startswith(PART))
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
    patches, features = there.get("patches"), there.get("features")
    if features is None or features.ndim != 2 or (patches is not None and patches.ndim != (5 if shape[1:] else 2)):
        raise SaddleError(f"{path} {_NONE}")
    return Reference(facts["label"], facts["hash"], Features(features, there.get("logits")), patches)


def _words(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _read(path: str | PathLike[str], wanted: Callable[[str], bool]) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What a file says in words, and those of its tensors that are wanted, by name: numbers, one row at least."""
    if not Path(path).is_file():
        raise UsageError(f"no reference at {path}: saddle score A B --save-reference {path} makes one")
    try:
        with safe_open(path, "pt") as file:
            facts = file.metadata() or {}
            there = {name: file.get_tensor(name) for name in file.keys() if wanted(name)}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise SaddleError(f"{path} is damaged, or no safetensors file: {error}") from error
    sound = all(x.is_floating_point() and x.ndim and len(x) and x.isfinite().all() for x in there.values())
    if set(FACTS) - facts.keys() or facts["saddle_reference"] != VERSION or not sound:
        raise SaddleError(f"{path} {_NONE}")
    return facts, there
