"""Python that opens an exported file, ready to be pasted: its inputs by their ports, its first image as a PNG."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import space_app

N = 16  # samples
IMAGE = "image.png"
RUN = {
    "onnx": 'out, *_ = onnxruntime.InferenceSession("{file}").run(None, {{{named}}})  # numpy arrays',
    "pt2": 'program = torch.export.load("{file}").module()\n'
    "out, *_ = [out.detach().numpy() for out in program({tensors})]",
}
LIBRARY = {"onnx": "onnxruntime", "pt2": "torch"}
Port = Mapping[str, Any]


def of(to: str, file: str, entry: Mapping[str, Any]) -> str:
    """The code for a file of the format, from what saddle.json says of it."""
    ports = entry["inputs"]
    photos = [port for port in ports if _is_image(port)]
    n = 1 if photos else N
    made = [_line(port, n, entry) for port in ports]
    saved, pillow = _saved(entry["outputs"][0])
    names = [_name(port) for port in ports]
    run = RUN[to].format(
        file=file,
        named=", ".join(f'"{port["name"]}": {name}' for port, name in zip(ports, names, strict=True)),
        tensors=", ".join(f"torch.from_numpy({name})" for name in names),
    )
    images = ["from PIL import Image"] if pillow or photos else []
    dice = ["dice = np.random.default_rng(0)"] if any("dice." in line for line in made) else []
    head = ["import numpy as np", f"import {LIBRARY[to]}", *images, ""]
    return "\n".join(["```python", *head, *dice, *made, run, *saved, "```"])


def _name(port: Port) -> str:
    """The port's name as one of Python's."""
    return re.sub(r"\W", "_", str(port["name"]))


def _is_image(port: Port) -> bool:
    return port.get("range") == [-1, 1] and len(port["shape"]) == 4 and port["shape"][1] in (1, 3)


def _line(port: Port, n: int, entry: Mapping[str, Any]) -> str:
    """What makes one input, of n samples."""
    name, shape = _name(port), [n, *(_side(side, entry) for side in port["shape"][1:])]
    if "parts" in port:
        return f"{name} = {_latent(port['parts'], n)}"
    if _is_image(port):
        mode, size = ("L" if shape[1] == 1 else "RGB"), (shape[3], shape[2])
        read = f'{name} = np.array(Image.open("{IMAGE}").convert("{mode}").resize({size}), np.float32) / 127.5 - 1'
        return f"{read}  # yours\n{name} = {name}.reshape(1, *{name}.shape[:2], -1).transpose(0, 3, 1, 2).copy()"
    if name == "psi":
        return f"{name} = np.full({n}, {port['default']}, np.float32)"
    if (tokenizer := entry.get("tokenizer")) and port["dtype"] == "int64" and len(shape) == 2:
        said = (port.get("examples") or [""])[0]
        row = [number for number in space_app.tokens(said, dict(tokenizer))[0].tolist() if number]
        return (
            f"{name} = np.zeros({tuple(shape)}, np.int64)\n{name}[:, :{len(row)}] = {row}  # {said!r}: tokenizer.json"
        )
    return _other(name, shape, port)


def _other(name: str, shape: list[int], port: Port) -> str:
    """Labels, and what no picture holds."""
    n, count = shape[0], len(port.get("names", [])) or 2
    if port["dtype"] == "int64" and len(shape) == 1:
        return f"{name} = np.arange({n}) % {count}  # each class in turn"
    if port["dtype"] == "int64":
        return f"{name} = dice.integers(0, {count}, {tuple(shape)})"
    if port.get("range") == [0, 1]:
        return f"{name} = dice.integers(0, 2, {tuple(shape)}).astype(np.float32)"
    if port.get("names") and len(shape) == 2:
        return f"{name} = np.eye({shape[1]}, dtype=np.float32)[np.arange({n}) % {shape[1]}]  # one label each"
    return f"{name} = dice.standard_normal({tuple(shape)}, dtype=np.float32)"


def _side(side: int | str, entry: Mapping[str, Any]) -> int:
    """Of one that may be any, some multiple that is allowed."""
    if isinstance(side, int):
        return side
    step = entry.get("multiple", 1)
    return -(-max(64, entry.get("smallest", 1)) // step) * step


def _latent(parts: list[dict[str, Any]], n: int) -> str:
    if [part["distribution"] for part in parts] == ["normal"] and not {"within", "scale"} & {*parts[0]}:
        return f"dice.standard_normal(({n}, {parts[0]['size']}), dtype=np.float32)"
    made = [_part(part, n) for part in parts]
    if len(made) == 1:
        return f"{made[0]}.astype(np.float32)"
    return "np.concatenate([" + ", ".join(made) + "], 1).astype(np.float32)"


def _part(part: Mapping[str, Any], n: int) -> str:
    """Numbers of a latent, as `tasks.form.part` says how they are drawn."""
    size, kind = part["size"], part["distribution"]
    if kind == "normal":
        scale = f"{part['scale']} * " if "scale" in part else ""
        within = f".clip(-{part['within']}, {part['within']})" if "within" in part else ""
        return f"{scale}dice.standard_normal(({n}, {size})){within}"
    if kind == "uniform":
        return f"dice.uniform({part['low']}, {part['high']}, ({n}, {size}))"
    if kind == "one-hot":
        return f"np.eye({size})[np.arange({n}) % {size}]"
    if kind == "data" and part.get("rows"):
        return f"np.tile(np.array({part['rows'][0]}), ({n}, 1))"
    return f"np.zeros(({n}, {size}))"  # codes: an encoder gives them


def _saved(port: Port) -> tuple[list[str], bool]:
    """What keeps the first output, and whether that is an image; else its shape is printed."""
    shape = port["shape"]
    if port.get("range") != [-1, 1] or len(shape) != 4 or shape[1] not in (1, 3) or port.get("palette"):
        return ["print(out.shape)"], False
    return [
        "pixels = ((out.clip(-1, 1) + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)",
        'Image.fromarray(np.concatenate(pixels, 1).squeeze()).save("out.png")',
    ], True
