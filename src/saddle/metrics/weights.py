"""Files of weights in the user's hands, read without running anything that lies in them."""

from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..base.errors import SaddleError, UsageError

_BUILT_IN = (KeyError, AttributeError, TypeError)  # of what only looks like a file of weights


def read(path: str | Path, like: str) -> dict[str, Tensor]:
    """The weights of a network by name, on the processor; of .safetensors too. `like` names the file that is wanted.

    UsageError where there is no such file, SaddleError for one that is damaged or holds anything else.
    """
    if not Path(path).is_file():
        raise UsageError(f"no weight file at {path}: give the path of {like}")
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError, *_BUILT_IN) as error:
        raise SaddleError(
            f"{path} is not a file of weights alone, as {like} is: it is damaged, or holds more, which is never run"
        ) from error
    if not isinstance(state, dict):
        raise SaddleError(f"{path} holds {type(state).__name__}, not the weights of a network by name")
    if other := next((name for name, value in state.items() if not isinstance(value, Tensor)), None):
        raise SaddleError(f"{path} holds under {other!r} no weights; {like} holds nothing else")
    return state


def digest(path: str | Path) -> str:
    """SHA-256 of a file."""
    with Path(path).open("rb") as file:
        hashed = sha256()
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()
