"""Write what a run learned as files that others open without Saddle.

  saddle export runs/dcgan-digits --to pt2                 programs of torch.export, for PyTorch
  saddle export runs/dcgan-digits --to safetensors         a folder for saddle.load and every command on a run
  saddle export runs/dcgan-digits --to onnx                for onnxruntime; pip install onnx onnxscript onnxruntime
  saddle export runs/dcgan-digits --to spaces --licence "CC BY 4.0"    a page for a Space of Hugging Face, no torch

Each task that the game has becomes a file: sample, translate, restore, encode, detect, classify. A fresh process opens
every file, computes 16 samples and compares them with the run's; a difference above 0.0001 ends with exit code 1, and
nothing is left. --precision fp16 takes half the bytes, and its limit is 0.02. saddle.json, beside the files and inside
them, says what goes in and what comes out. README.md is a model card, made from the run. Nothing is sent anywhere.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _open
from ._show import json, line

SETTINGS: tuple[str, ...] = ()
PRECISIONS = ("fp32", "fp16")
TO = ("pt2", "onnx", "safetensors", "spaces")


def arguments(parser: ArgumentParser) -> None:
    _open.folder(parser)
    parser.add_argument("--to", required=True, choices=TO, help="the format of the files")
    parser.add_argument(
        "--task", action="append", default=[], metavar="NAME", help="this task alone, such as sample; may be repeated"
    )
    parser.add_argument("--checkpoint", default="best", help="best, last or a round; by default best")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="fp32", help="of the weights; fp16 takes half the bytes"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new folder; by default export-FORMAT in the run's")
    parser.add_argument("--licence", default="", metavar="TEXT", help="of the data, for the model card")
    parser.add_argument("--json", action="store_true", help="for programs: {folder, files: {name: {parity, limit}}}")


def run(args: Namespace) -> None:
    from ..export import export

    how = {"tasks": args.task, "checkpoint": args.checkpoint, "licence": args.licence, "precision": args.precision}
    made = export(args.run, args.to, args.out, **how)
    if args.json:
        json(made.written())
        return
    for name, reason in made.left_out.items():
        line(f"{name} is left out: {reason}")
    for name, found in made.files.items():
        line(f"{made.folder / name}  parity {found.largest:.1e} (limit {found.limit:g})")
    line(str(made.folder))
