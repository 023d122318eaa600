"""Compare two sets of samples: folders of images, arrays, or samples of a run.

  saddle score made photos                       patches of the two folders
  saddle score made.npy photos --extractor pixels --data.size 64
  saddle score made photos --metrics fid,kid --extractor inception --weights pt_inception-2015-12-05-6726825d.pth
  saddle score runs/mine photos -n 5000 --extractor pixels --save-reference photos.safetensors
  saddle score runs/other photos.safetensors

The second is the reference. It may be a file that --save-reference wrote: then its images are not needed again.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import _open

SETTINGS = ("data",)  # how folders and arrays are read


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("samples", metavar="A", type=Path, help="a folder of images, an .npy or .npz file, or a run")
    parser.add_argument("reference", metavar="B", type=Path, help="the same, or a file that --save-reference wrote")
    parser.add_argument("--metrics", metavar="A,B,…", help="by default swd, and what an --extractor is for")
    parser.add_argument("-n", type=_open.whole(2), help="samples of A; by default all, and 2000 of a run")
    parser.add_argument("--extractor", help="what extracts features, such as inception or pixels; by default none")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="a file of weights: the inception extractor's")
    parser.add_argument(
        "--save-reference", type=Path, metavar="FILE", help="keep what the extractor sees in B, as FILE.safetensors"
    )
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps; by default auto")
    parser.add_argument(
        "--json", action="store_true", help="for programs: {name: {value, uncertainty, fingerprint, …}}"
    )


def run(args: Namespace) -> None:
    from ..metrics.names import chosen
    from ..runs.comparing import score
    from ._scores import tell

    names = [name.strip() for name in args.metrics.split(",")] if args.metrics else None
    chosen(names or [])  # a misspelt name shows before an image is read
    scores = score(
        args.samples,
        args.reference,
        names,
        n=args.n,
        extractor=args.extractor,
        weights=args.weights,
        seed=args.seed,
        device=args.device,
        data=args.settings,
        save_reference=args.save_reference,
    )
    tell(scores, args.json)
