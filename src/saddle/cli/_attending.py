"""A picture of samples, each with what one of its pixels looks at."""

from argparse import Namespace
from math import ceil
from typing import TYPE_CHECKING

from ._show import paths

if TYPE_CHECKING:
    from ..runs.run import Run


def write(opened: "Run", args: Namespace, chosen: bool) -> None:
    """UsageError for options that do not go with it: more than a label was `chosen`, or another file is wanted."""
    import torch

    from ..base.errors import UsageError
    from ..base.files import safe_name
    from ..runs.attending import attended
    from ..show import heat, pictures
    from . import _write

    if chosen or args.latents or args.every_size or args.each or (args.out and args.out.suffix != ".png"):
        raise UsageError("--attention is drawn into one .png; of other options it takes -n, --label, --seed and --out")
    y, x = args.attention
    name = f"sample-seed-{args.seed}" + (f"-label-{args.label}" if args.label else "") + f"-attention-{y}-{x}"
    out, n = args.out or args.run / f"{safe_name(name)}.png", args.n or 16
    _write.check_size(opened.spec.main, 2 * n, out)
    samples, maps = attended(opened, args.attention, n, args.seed, args.label)
    shown = heat.attended(pictures.rgb(samples).numpy(), [each.numpy() for each in maps], args.attention)
    wide = 1 + len(maps)  # pictures of a sample
    columns = wide * max(1, ceil(len(shown) ** 0.5 / wide))
    images = torch.stack([torch.from_numpy(each).permute(2, 0, 1) for each in shown])
    paths([pictures.save(pictures.grid(images, columns), out)], args.json)
