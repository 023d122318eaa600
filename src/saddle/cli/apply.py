"""Use a game that learned one image, such as singan.

  saddle apply runs/singan-photo super-resolution --times 4     the learned image itself, or IMAGE
  saddle apply runs/singan-photo paint-to-image clipart.png     a painting becomes a picture
  saddle apply runs/singan-photo harmonise pasted.png --mask mask.png
  saddle apply runs/singan-photo edit moved.png --mask mask.png
  saddle apply runs/singan-photo animate --frames 60 --out film.webp

A mask is as large as the image, and white where something was pasted, moved or copied. Scales are counted from the
coarsest, 0: the coarser the scale that an image enters at, the more of it is drawn anew. The same seed gives the same
result.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import remark
from . import _images, _open
from ._show import paths

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from ..runs.run import Run

SETTINGS = _open.SETTINGS
DONE = {"crop": "cut at the edges", "pad": "padded", "squash": "squashed", "scale-width": "squashed"}
USES = ("super-resolution", "paint-to-image", "harmonise", "edit", "animate")
OPTIONS = {
    "times": ("super-resolution",),
    "frames": ("animate",),
    "mask": ("harmonise", "edit"),
    "scale": ("paint-to-image", "harmonise", "edit", "animate"),
}  # which uses have which option


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("use", metavar="USE", choices=USES, help=", ".join(USES))
    parser.add_argument("image", metavar="IMAGE", nargs="?", type=Path, help="the image to work on")
    parser.add_argument(
        "--mask", type=Path, metavar="FILE", help="white where something was changed; for harmonise and edit"
    )
    parser.add_argument(
        "--scale", type=_open.whole(0), help="scale at which the image enters, or the film begins to move"
    )
    parser.add_argument("--times", type=float, help="factor of super-resolution; by default 4")
    parser.add_argument("--frames", type=_open.whole(2), help="frames of animate; by default 40")
    parser.add_argument("--seed", type=_open.whole(0), default=0, help="by default 0")
    _open.bits(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help=".png or .npy; a film .gif or .webp")
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}')


def run(args: Namespace) -> None:
    from ..base import rng
    from ..base.files import safe_name
    from . import _write

    _check(args)
    film = args.use == "animate"
    out = args.out or args.run / f"{safe_name(_name(args))}.{'gif' if film else 'png'}"
    _write.check_film(out) if film else _write.check_name(out)
    opened = _open.opened(args)
    _write.use_bits(opened, args.bits, out.suffix, alone=not film)
    rng.seed(args.seed, args.use)
    made = opened.whole(_made(opened, args)).cpu()
    written = _write.film(made, out) if film else _write.samples(opened, made, out, scale=1, padding=0)
    paths([written], args.json)


def _name(args: Namespace) -> str:
    """Of the file: all that it depends on, so that one does not overwrite another."""
    name = args.use + "".join(f"-{path.stem[:80]}" for path in (args.image, args.mask) if path)
    given = {option: getattr(args, option) for option in ("scale", "times", "frames")}
    return f"{name}-seed-{args.seed}" + "".join(f"-{k}-{v:g}" for k, v in given.items() if v is not None)


def _made(opened: "Run", args: Namespace) -> "Tensor":
    from ..tasks import SingleImage

    game = opened.as_(SingleImage)  # asked first: a game for something else says so before files are read
    scale = len(game.sizes) // 2 if args.scale is None else args.scale
    if args.use == "animate":
        return game.animate(args.frames or 40, min(scale, 2) if args.scale is None else scale)
    if args.use == "super-resolution":
        return game.super_resolution(_image(opened, args), 4.0 if args.times is None else args.times)
    if args.use == "paint-to-image":
        return game.paint_to_image(_image(opened, args), 1 if args.scale is None else scale)
    picture, mask = _pixels(opened, args.image, opened.spec.shape[0]), _pixels(opened, args.mask, 1)
    _check_mask(args, picture, mask)
    image, where = _tensor(opened, _fitted(opened, picture, args.image)), _tensor(opened, _fitted(opened, mask))
    return (game.harmonise if args.use == "harmonise" else game.edit)(image, (where + 1) / 2, scale)


def _check(args: Namespace) -> None:
    """UsageError for an image or an option too many, or one that is missing."""
    from ..base.errors import UsageError

    for option, uses in OPTIONS.items():
        if getattr(args, option) is not None and args.use not in uses:
            raise UsageError(f"{args.use} has no use for --{option}; it is for {', '.join(uses)}")
    if args.mask is None and args.use in OPTIONS["mask"]:
        raise UsageError(f"{args.use} wants a --mask")
    if args.use == "animate" and args.image:
        raise UsageError("animate shows the learned image alive; it takes no IMAGE")
    if not args.image and args.use not in ("animate", "super-resolution"):
        raise UsageError(f"{args.use} wants an IMAGE to work on")


def _check_mask(args: Namespace, picture: "np.ndarray", mask: "np.ndarray") -> None:
    """UsageError for a mask of another size than the picture: each would be cut by itself, and no longer fit."""
    from ..base.errors import UsageError

    if mask.shape[:2] != picture.shape[:2]:
        raise UsageError(
            f"--mask {args.mask} is {_size(mask)} pixels, but {args.image} is {_size(picture)}; "
            "make the mask as large as the image (height×width)"
        )


def _image(opened: "Run", args: Namespace) -> "Tensor":
    """The image to work on: at its own size to be enlarged, else fitted to the learned one's."""
    if args.image is None:
        return opened.source.train.take([0])["image"].to(opened.game.device, opened.game.dtype)
    picture = _pixels(opened, args.image, opened.spec.shape[0])
    return _tensor(opened, picture if args.use == "super-resolution" else _fitted(opened, picture, args.image))


def _pixels(opened: "Run", path: Path, channels: int) -> "np.ndarray":
    """A picture [H, W, C], upright, with so many channels."""
    from ..base.errors import UsageError
    from ..data import decode

    options = opened.recipe.data
    try:
        with decode.reading():
            head = decode.header(path, options.max_megapixels, any_range=options.range is not None)
            picture = decode.sample(path, options, channels, opened.spec.bits)
    except decode.Unreadable as error:
        raise UsageError(f"{path}: {error}") from None
    _images.tell_left_out(opened, {str(path): head})
    return picture


def _fitted(opened: "Run", picture: "np.ndarray", path: Path | None = None) -> "np.ndarray":
    """The picture in the learned image's size; with its path, what is done to it is said."""
    from ..data.picture import colour, fitted

    height, width = opened.spec.shape[1:]
    if path and picture.shape[:2] != (height, width):
        same = picture.shape[0] * width == picture.shape[1] * height
        done = "resized" if same else f"{DONE[opened.recipe.data.fit]} and resized"
        remark(f"{path} is {done} from {_size(picture)} to {height}×{width}")
    options = opened.recipe.data
    return fitted(picture, height, width, options.fit, colour(options.background), picture.shape[2] == 4)


def _size(picture: "np.ndarray") -> str:
    return f"{picture.shape[0]}×{picture.shape[1]}"


def _tensor(opened: "Run", picture: "np.ndarray") -> "Tensor":
    """Pixels [H, W, C] as float [1, C, H, W] in [-1, 1]."""
    import torch

    from ..data.source import decoded

    return decoded(torch.from_numpy(picture.transpose(2, 0, 1).copy()))[None].to(opened.game.device, opened.game.dtype)
