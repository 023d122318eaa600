"""Put a game that learned one image to use, as singan.

  saddle apply runs/singan-photo super-resolution --times 4     the learned image itself, or IMAGE
  saddle apply runs/singan-photo paint-to-image clipart.png     a painting becomes a picture
  saddle apply runs/singan-photo harmonise pasted.png --mask mask.png
  saddle apply runs/singan-photo edit moved.png --mask mask.png
  saddle apply runs/singan-photo animate --frames 60 --out film.webp

A mask is white where something was pasted, moved or copied. Scales are counted from the coarsest, 0: the coarser the
scale that an image enters at, the more of it is drawn anew. The same seed does the same.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from . import _open
from ._show import paths

if TYPE_CHECKING:
    from torch import Tensor

    from ..run import Run

SETTINGS: tuple[str, ...] = ()
USES = ("super-resolution", "paint-to-image", "harmonise", "edit", "animate")


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("use", metavar="USE", choices=USES, help=", ".join(USES))
    parser.add_argument("image", metavar="IMAGE", nargs="?", type=Path, help="what to work on")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="for harmonise and edit")
    parser.add_argument("--scale", type=_open.whole(0), help="where the image enters, or the film begins to move")
    parser.add_argument("--times", type=float, default=4.0, help="for super-resolution; by default 4")
    parser.add_argument("--frames", type=_open.whole(2), default=40, help="for animate; by default 40")
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    parser.add_argument("--out", type=Path, metavar="FILE", help=".png or .npy; a film .gif or .webp")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    from .. import rng
    from ..pictures import to_uint8
    from . import _write

    _check(args)
    film = args.use == "animate"
    out = args.out or args.run / f"{args.use}.{'gif' if film else 'png'}"
    _write.check_film(out) if film else _write.check_name(out, is_image=True)
    opened = _open.opened(args)
    rng.seed(args.seed, args.use)
    made = to_uint8(_made(opened, args)).cpu()
    written = _write.film(made, out) if film else _write.samples(opened, made, out, scale=1, padding=0)
    paths([written], args.json)


def _made(opened: "Run", args: Namespace) -> "Tensor":
    game = opened.single_image  # asked first: a game for something else says so before files are read
    scale = len(game.sizes) // 2 if args.scale is None else args.scale
    if args.use == "animate":
        return game.animate(args.frames, min(scale, 2) if args.scale is None else scale)
    image = _image(opened, args)
    if args.use == "super-resolution":
        return game.super_resolution(image, args.times)
    if args.use == "paint-to-image":
        return game.paint_to_image(image, 1 if args.scale is None else scale)
    mask = (_read(opened, args.mask, 1, opened.spec.shape[1:]) + 1) / 2
    return (game.harmonise if args.use == "harmonise" else game.edit)(image, mask, scale)


def _check(args: Namespace) -> None:
    """UsageError for an image or a mask too many, or one that is missing."""
    from ..errors import UsageError

    masked = args.use in ("harmonise", "edit")
    if masked != (args.mask is not None):
        raise UsageError(f"{args.use} {'wants' if masked else 'has no use for'} a --mask")
    if args.use == "animate" and args.image:
        raise UsageError("animate shows the learned image alive; it takes no IMAGE")
    if not args.image and args.use not in ("animate", "super-resolution"):
        raise UsageError(f"{args.use} wants an IMAGE to work on")


def _image(opened: "Run", args: Namespace) -> "Tensor":
    """The image to work on: at its own size to be enlarged, else fitted to the learned one's."""
    if args.image is None:
        return opened.source.train.take([0])["image"].to(opened.game.device, opened.game.dtype)
    size = None if args.use == "super-resolution" else opened.spec.shape[1:]
    return _read(opened, args.image, opened.spec.shape[0], size)


def _read(opened: "Run", path: Path, channels: int, size: tuple[int, ...] | None = None) -> "Tensor":
    """A picture as float [1, C, H, W] in [-1, 1], cut and resized to a size if one is given."""
    import torch

    from ..data import decode
    from ..data.source import decoded
    from ..errors import UsageError

    options = opened.recipe.data
    try:
        with decode.reading():
            picture = decode.pixels(path, decode.colour(options.background), options.max_megapixels)
    except decode.Unreadable as error:
        raise UsageError(f"{path}: {error}") from None
    picture = decode.with_channels(picture, channels)
    picture = decode.fitted(picture, size[0], size[1]) if size else picture
    return decoded(torch.from_numpy(picture.transpose(2, 0, 1).copy()))[None].to(opened.game.device, opened.game.dtype)
