"""A page that draws with an exported game: gradio, onnxruntime and numpy, and nothing else.

Everything it must know lies in saddle.json beside it: what goes in, how latents are drawn, what comes out.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
MOST = 64  # samples at a time
Array = NDArray[Any]


@cache
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "saddle.json").read_text())
    return found


@cache
def session(file: str) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(HERE / file), providers=["CPUExecutionProvider"])


def file_of(task: str) -> str:
    """The file of a task; of a translation that goes several ways the first."""
    return next(name for name, entry in manifest()["files"].items() if entry["task"].startswith(task))


def latents(n: int, seed: int, parts: Sequence[dict[str, Any]]) -> Array:
    """n latents [n, K], each part of its distribution."""
    dice = np.random.default_rng(seed)
    return np.concatenate([_part(n, dice, part) for part in parts], 1).astype(np.float32)


def _part(n: int, dice: np.random.Generator, part: dict[str, Any]) -> Array:
    size = part["size"]
    if part["distribution"] == "normal":
        found = dice.standard_normal((n, size))
        while (beyond := np.abs(found) > part.get("within", np.inf)).any():
            found[beyond] = dice.standard_normal(beyond.sum())
        return part.get("scale", 1.0) * found
    if part["distribution"] == "uniform":
        return dice.uniform(part["low"], part["high"], (n, size))
    if part["distribution"] == "one-hot":
        return np.eye(size)[dice.choice(size, n, p=_shares(part.get("shares"), size))]
    raise ValueError(f"latents of this game are found, not drawn: {part['distribution']}")


def _shares(shares: Sequence[float] | None, size: int) -> Array:
    found = np.asarray(shares or [1 / size] * size, np.float64)
    return found / found.sum()


def tokens(text: str, tokenizer: dict[str, Any]) -> Array:
    """The numbers of a text, [1, length]."""
    import re

    row = np.zeros((1, tokenizer["length"]), np.int64)
    if tokenizer["kind"] == "bytes":
        numbers = list(text.encode())
    else:
        places = {word: i + 1 for i, word in enumerate(tokenizer["vocabulary"])}
        said = dict.fromkeys(re.findall(r"\w+", text.lower()))
        numbers = [places[word] for word in said if word in places]
    numbers = numbers[: tokenizer["length"]]
    row[0, : len(numbers)] = numbers
    return row


def pictures(out: Array) -> list[Array]:
    """Images [N, C, H, W] in [-1, 1] as uint8 [H, W, 3] each."""
    whole = ((np.nan_to_num(out, nan=-1.0).clip(-1, 1) + 1) * 127.5).round().astype(np.uint8)
    return [
        np.repeat(image, 3, 0).transpose(1, 2, 0) if len(image) == 1 else image[:3].transpose(1, 2, 0)
        for image in whole
    ]


def compute(file: str, *inputs: Array) -> list[Array]:
    names = [each.name for each in session(file).get_inputs()]
    found: list[Array] = session(file).run(None, dict(zip(names, inputs, strict=True)))
    return found


def draw(seed: float, n: float, asked: str = "") -> list[Array]:
    """n samples of a seed; `asked` is a class by its name, or a text, where the game takes one."""
    file, count = file_of("sample"), int(min(max(n, 1), MOST))
    entry = manifest()["files"][file]
    z, *rest = entry["inputs"]
    inputs = [latents(count, int(seed), z["parts"])]
    if rest and entry.get("tokenizer"):
        inputs.append(np.repeat(tokens(asked, entry["tokenizer"]), count, 0))
    elif rest and rest[0]["dtype"] == "int64":
        inputs.append(_labels(count, int(seed), asked, rest[0]))
    elif rest:
        inputs.append(
            np.repeat([[float(name in asked.split(",")) for name in rest[0]["names"]]], count, 0).astype("f4")
        )
    return [image for out in compute(file, *inputs) for image in pictures(out)]


def _labels(n: int, seed: int, asked: str, port: dict[str, Any]) -> Array:
    """Classes int64 [n]: the one that is asked for, or drawn as in the data."""
    names = port["names"]
    if asked in names:
        return np.full(n, names.index(asked), np.int64)
    return np.random.default_rng(seed).choice(len(names), n, p=_shares(port.get("shares"), len(names)))


def turn(image: Array) -> list[Array]:
    """The game's result for an image uint8 [H, W] or [H, W, C], at the size that the file takes."""
    files = manifest()["files"]
    file = next(name for name, entry in files.items() if entry["task"].startswith(("translate", "restore")))
    port = files[file]["inputs"][0]
    x = np.asarray(image, np.float32)
    x = x[..., None] if x.ndim == 2 else x[..., :3]
    channels, height, width = port["shape"][1:]
    x = x.mean(2, keepdims=True) if channels == 1 else x
    step = files[file].get("multiple", 1)
    high, wide = (
        x.shape[i] // step * step if isinstance(side, str) else side for i, side in enumerate((height, width))
    )
    rows, columns = (np.arange(out) * size // out for out, size in zip((high, wide), x.shape[:2], strict=True))
    x = x[rows[:, None], columns].transpose(2, 0, 1)[None] / 127.5 - 1
    return pictures(compute(file, x.astype(np.float32))[0])


def page() -> Any:
    """The page of what the files can do."""
    import gradio

    tasks = {entry["task"].partition("-")[0] for entry in manifest()["files"].values()}
    title = f"{manifest()['game']} of Saddle"
    if "sample" in tasks:
        entry = manifest()["files"][file_of("sample")]
        names = entry["inputs"][1].get("names", []) if entry["inputs"][1:] else []
        asked = gradio.Dropdown(["", *names], label="label") if names else gradio.Textbox(label="text")
        boxes = [gradio.Number(0, label="seed"), gradio.Slider(1, MOST, 16, step=1, label="samples")]
        given = [*boxes, asked] if entry["inputs"][1:] else boxes
        return gradio.Interface(draw, given, gradio.Gallery(label="samples"), title=title)
    return gradio.Interface(turn, gradio.Image(), gradio.Gallery(label="result"), title=title)


if __name__ == "__main__":
    page().launch()
