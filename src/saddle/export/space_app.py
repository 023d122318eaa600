"""A page that draws with an exported game: gradio, onnxruntime, numpy and pillow, and nothing else.

Everything it must know lies in saddle.json beside it: what goes in, how latents are drawn, what comes out.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
MOST = 64  # samples at a time
LONGEST = 1024  # pixels of a side of an image that is given; a larger one is made smaller
Array = NDArray[Any]
Ports = Sequence[dict[str, Any]]


@cache
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "saddle.json").read_text())
    return found


@cache
def session(file: str) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(HERE / file), providers=["CPUExecutionProvider"])


def compute(file: str, *inputs: Array) -> list[Array]:
    names = [port["name"] for port in manifest()["files"][file]["inputs"]]
    found: list[Array] = session(file).run(None, dict(zip(names, inputs, strict=True)))
    return found


# What goes in.


def latents(n: int, seed: int, parts: Ports) -> Array:
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
    if part["distribution"] == "data" and part.get("rows"):
        return np.asarray(part["rows"])[dice.integers(len(part["rows"]), size=n)]
    raise ValueError(f"latents of this game are found, not drawn: {part['distribution']}")


def _shares(shares: Sequence[float] | None, size: int) -> Array:
    found = np.asarray(shares or [1 / size] * size, np.float64)
    return found / found.sum()


def tokens(text: str, tokenizer: dict[str, Any]) -> Array:
    """The numbers of a text, [1, length]."""
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


def labels(n: int, seed: int, asked: str, port: dict[str, Any]) -> Array:
    """What is asked for: classes int64 [n] or columns float [n, K]; where nothing is, as `_unasked` says.

    A class by its name. Columns by the names of those that are 1, with commas between them; the others are 0.
    """
    names = port["names"]
    wanted = {word.strip() for word in asked.split(",") if word.strip()}
    if unknown := wanted - {*names}:
        raise ValueError(f"{', '.join(sorted(unknown))}: not known; there are {', '.join(names)}")
    if not wanted:
        return _unasked(n, np.random.default_rng(seed), port)
    if port["dtype"] == "int64":
        return np.full(n, names.index(wanted.pop()), np.int64)
    return np.tile(np.array([name in wanted for name in names], np.float32), (n, 1))


def _unasked(n: int, dice: np.random.Generator, port: dict[str, Any]) -> Array:
    """Drawn as in the data; of a game that changes images, what leaves them as they are."""
    count, stays = len(port["names"]), port.get("stays")
    if port["dtype"] == "int64":
        return np.full(n, -1) if stays else dice.choice(count, n, p=_shares(port.get("shares"), count))
    if stays:
        return np.full((n, count), np.nan, np.float32)
    return np.asarray(port["rows"], np.float32)[dice.integers(len(port["rows"]), size=n)]


def given(image: Array, entry: dict[str, Any]) -> tuple[Array, tuple[slice, slice]]:
    """An image uint8 [H, W] or [H, W, C] as a file takes it, [1, C, h, w], and where in that it lies.

    A file of one size gets it at that size. Another gets it with its mirror images around it, up to whole multiples.
    """
    from PIL import Image

    channels, *sides = entry["inputs"][0]["shape"][1:]
    image = image[..., None] if image.ndim == 2 else image[..., :3]
    if channels != image.shape[2]:
        image = np.repeat(image.mean(2, keepdims=True), channels, 2).round().astype(np.uint8)
    own, fixed = image.shape[:2], not any(isinstance(side, str) for side in sides)
    shrunk = min(1.0, LONGEST / max(own))
    wanted = tuple(sides) if fixed else tuple(max(round(side * shrunk), 1) for side in own)
    if wanted != own:
        planes = [Image.fromarray(plane) for plane in np.ascontiguousarray(image.transpose(2, 0, 1))]
        image = np.stack([np.asarray(plane.resize(wanted[::-1], Image.Resampling.BICUBIC)) for plane in planes], 2)
    step, least = (1, 1) if fixed else (entry.get("multiple", 1), entry.get("smallest", 1))
    sizes = [max(-(-side // step), -(-least // step)) * step for side in wanted]
    begins = [(size - side) // 2 for size, side in zip(sizes, wanted, strict=True)]
    rows, columns = (_mirrored(*each) for each in zip(sizes, wanted, begins, strict=True))
    x = image[rows[:, None], columns].transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    top, left = (slice(begin, begin + side) for begin, side in zip(begins, wanted, strict=True))
    return x.astype(np.float32), (top, left)


def _mirrored(n: int, side: int, begin: int) -> Array:
    """For each of n places which of `side` pixels stands there, if they begin at `begin`: 2 1 | 0 1 2 | 1 0."""
    period = max(2 * side - 2, 1)
    at = (np.arange(n) - begin) % period
    return np.minimum(at, period - at) if side > 1 else np.zeros(n, np.int64)


# What comes out.


def pictures(out: Array, port: dict[str, Any]) -> list[Array]:
    """Images [N, C, H, W] in [-1, 1], or planes of a map, as uint8 [H, W, 3] each."""
    if port.get("palette"):
        return list(np.asarray(port["palette"], np.uint8)[out.argmax(1)])
    whole = ((np.nan_to_num(out, nan=-1.0).clip(-1, 1) + 1) * 127.5).round().astype(np.uint8)
    planes = whole[:, :3] if whole.shape[1] >= 3 else np.repeat(whole[:, :1], 3, 1)
    return list(planes.transpose(0, 2, 3, 1))


def draw(seed: float, n: float, asked: str = "", psi: float = 1.0) -> list[Array]:
    """n samples of a seed; `asked` is a class by its name, columns, or a text, where the game takes one."""
    file, count = "sample.onnx", int(min(max(n or 1, 1), MOST))
    entry = manifest()["files"][file]
    inputs = []
    for port in entry["inputs"]:
        if port["name"] == "z":
            inputs.append(latents(count, abs(int(seed or 0)), port["parts"]))
        elif port["name"] == "psi":
            inputs.append(np.full(count, psi, np.float32))
        elif entry.get("tokenizer"):
            inputs.append(np.repeat(tokens(asked or "", entry["tokenizer"]), count, 0))
        else:
            inputs.append(labels(count, abs(int(seed or 0)), asked or "", port))
    made = [pictures(out, port) for out, port in zip(compute(file, *inputs), entry["outputs"], strict=True)]
    return [image for together in zip(*made, strict=True) for image in together]


def turn(file: str, image: Array | None, asked: str = "") -> Array | None:
    """The game's result for an image uint8 [H, W] or [H, W, C], and for what is asked where it can be."""
    if image is None:
        return None
    entry = manifest()["files"][file]
    x, (top, left) = given(image, entry)
    more = [labels(1, 0, asked or "", port) for port in entry["inputs"][1:]]
    out = compute(file, x, *more)[0]
    times = out.shape[-1] / x.shape[-1]
    rows, columns = (slice(round(side.start * times), round(side.stop * times)) for side in (top, left))
    return pictures(out[..., rows, columns], entry["outputs"][0])[0]


# The page.


def shown(entry: dict[str, Any]) -> bool:
    """Has the page something for this file: images that are drawn, or made of one image and of labels?"""
    first, *more = entry["inputs"]
    if "range" not in entry["outputs"][0]:
        return False
    if entry["task"] == "sample":
        return all(part["distribution"] != "found" for part in first["parts"])
    turns = entry["task"].startswith(("translate", "restore")) and first.get("range") == [-1, 1]
    return turns and all(port["name"] == "label" for port in more)


def _asking(entry: dict[str, Any]) -> list[Any]:
    """The boxes of what a file can be asked for."""
    import gradio

    boxes: list[Any] = []
    for port in entry["inputs"][1:]:
        names = port.get("names", [])
        if port["name"] == "psi":
            boxes.append(gradio.Slider(0, 1, port["default"], label="ψ: 0 is the mean, 1 the full variety"))
        elif port["dtype"] == "int64" and names:
            boxes.append(gradio.Dropdown(["", *names], value="", label="label"))
        else:
            first = (port.get("examples") or [""])[0]
            told = f"labels, with commas between them: {', '.join(names)}" if names else "text"
            boxes.append(gradio.Textbox(first, label=told))
    return boxes


def _tab(file: str, entry: dict[str, Any]) -> Any:
    import gradio

    asking = _asking(entry)
    if entry["task"] != "sample":
        works: Callable[..., Any] = partial(turn, file)
        boxes, result = [gradio.Image(label="image"), *asking], gradio.Image(label="result")
        return gradio.Interface(works, boxes, result, flagging_mode="never", api_name=entry["task"])
    boxes = [gradio.Number(0, label="seed", precision=0), gradio.Slider(1, MOST, 16, step=1, label="samples"), *asking]
    works = _drawer(entry)
    return gradio.Interface(
        works, boxes, gradio.Gallery(label="samples"), flagging_mode="never", api_name=entry["task"]
    )


def _drawer(entry: dict[str, Any]) -> Callable[..., list[Array]]:
    """`draw` for the boxes of `_asking`, in their order."""
    names = ["psi" if port["name"] == "psi" else "asked" for port in entry["inputs"][1:]]

    def drawn(seed: float, n: float, *more: Any) -> list[Array]:
        return draw(seed, n, **dict(zip(names, more, strict=True)))

    return drawn


def page() -> Any:
    """The page of what the files can do."""
    import gradio

    tabs = {entry["task"]: _tab(file, entry) for file, entry in manifest()["files"].items() if shown(entry)}
    return gradio.TabbedInterface(list(tabs.values()), list(tabs), title=f"{manifest()['game']} of Saddle")


if __name__ == "__main__":
    page().launch(show_error=True)
