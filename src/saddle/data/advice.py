"""What to write to train on data that were looked at: a size that suits most images, and the command."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..base.errors import some
from ..base.kinds import text
from ..spec import HOLE, SEEN
from .decode import Header
from .fingerprint import FEWEST
from .layouts import PARTS, joined_places
from .notes import NAMED
from .options import DataOptions

if TYPE_CHECKING:
    from .source import Source

BATCHES = {"dcgan": 64, "srgan": 16}  # of the games that are proposed for folders
LARGEST = 128  # pixels of a side that are proposed: more take days
TRANSLATED = 256  # the same of translation, which begins with an image


def usual_side(sizes: Iterable[tuple[int, int]], largest: int = LARGEST) -> int:
    """The side of a square that most of these (height, width) can fill, and that networks can draw.

    A few that are much smaller than the others do not count.
    """
    counts = Counter(sizes)
    frequent, n = counts.most_common(1)[0]
    shortest = sorted(min(size) for size in counts.elements())
    side = min(min(frequent) if 2 * n > len(shortest) else shortest[len(shortest) // 4], largest)
    return side >> _halvings(side) << _halvings(side)


def is_drawable(sides: Sequence[int]) -> bool:
    """Can most networks draw this height and width? They halve them until the shorter has 4 to 7 pixels."""
    return all(side % 2 ** _halvings(min(sides)) == 0 for side in sides)


def _halvings(side: int) -> int:
    return max(side.bit_length() - 3, 0)


def differing(heads: Mapping[str, Mapping[str, Header]]) -> str | None:
    """The key whose images are of several sizes; of several such keys that of the smallest ones."""
    sizes = {key: [(head.height, head.width) for head in each.values()] for key, each in heads.items()}
    several = [key for key, each in sizes.items() if len({*each}) > 1]
    return min(several, key=lambda key: sum(high * wide for high, wide in sizes[key]) / len(sizes[key]), default=None)


def sizes_differ(heads: Mapping[str, Header], largest: int = LARGEST) -> str:
    """What there is, and what to ask for, with the images that are smaller than that."""
    sizes = {name: (head.height, head.width) for name, head in heads.items()}
    counts, side = Counter(sizes.values()), usual_side(sizes.values(), largest)
    (height, width), heights, widths = counts.most_common(1)[0][0], *zip(*counts, strict=True)
    small = [f"{name} ({wide}×{high})" for name, (high, wide) in sizes.items() if min(high, wide) < side]
    suits = f"most are at least as large, not {some(small, NAMED)}" if small else "none is smaller"
    left_out = " with --data.skip_bad true, which leaves out the smaller ones" if small else ""
    return (
        f"the images have {len(counts)} different sizes: widths {min(widths)} to {max(widths)}, heights "
        f"{min(heights)} to {max(heights)}, most often {width}×{height}. Ask for one size, which resizes and crops "
        f"to the centre: --data.size {side} ({suits}), or any other. Or keep their sizes and "
        f"train on pieces cut at random: --data.crop {side} or less{left_out}"
    )


def of_folder(path: str, heads: Mapping[str, Header], options: DataOptions) -> str:
    """The command to train on these images."""
    sizes = [(head.height, head.width) for head in heads.values()]
    game = "srgan" if options.degrade else "dcgan"  # what is damaged is to be restored
    return command(game, f"folder:{path}", options, *_size(sizes, options), *_batch(game, len(sizes), options))


def _batch(game: str, images: int, options: DataOptions) -> list[str]:
    """A smaller batch, where the game's own is larger than what is left to train on."""
    trained = images - (round(options.heldout * images) if images >= FEWEST else 0)
    return ["--plan.batch", str(1 << (max(trained, 1).bit_length() - 1))] if trained < BATCHES[game] else []


def translated(path: str, heads: Mapping[str, Header]) -> dict[str, str]:
    """What a folder of images may hold for translation, by title: pairs in one file each, or two kinds of images."""
    if heads and all(head.width == 2 * head.height for head in heads.values()):
        told = shlex.join(["saddle", "data", "check", f"pairs:{joined_places([path])}", "--sheet", "pairs.html"])
        return {"side by side": f"all images are twice as wide as high; if each holds two, left and right: {told}"}
    kinds = {name.partition("/")[0] if "/" in name else "" for name in heads}
    if len(kinds) == 2 and "" not in kinds and not kinds & PARTS.keys():
        told = shlex.join(["saddle", "data", "check", f"domains:{joined_places([path])}"])
        return {"two sub-folders": f"if these are two kinds of images, to turn one into the other: {told}"}
    return {}


def command(game: str, source: str, options: DataOptions, *more: str) -> str:
    """To train on a source with the settings that were given."""
    words = ["saddle", "train", game, "--data", source]
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name != "source" and value != field.default:
            words += [f"--data.{field.name}", _spelled(value)]
    return shlex.join([*words, *more])


def of_shape(game: str, source: str, shape: Sequence[int], options: DataOptions) -> str:
    """The command to train on images of this shape."""
    return command(game, source, options, *_size([(shape[1], shape[2])], options))


def translating(source: "Source", options: DataOptions) -> str:
    """The command to learn b from a: of pairs, or of two domains without; '' where nothing in the house learns that.

    Where a mask says what is wrong with a, and it is no hole, the mask is learned too, or alone where there is no b.
    """
    fields, domains = source.spec.fields, source.spec.domains
    mask = fields.get("mask")
    if "a" in fields and mask and mask.kind == "mask" and mask.title not in ("", HOLE):
        alone = [] if "b" in fields else ["--game.removes", "false"]
        height, width = fields["a"].shape[-2:]
        return command("st-cgan", source.name, options, *alone, *_size([(height, width)], options, TRANSLATED))
    if not all(key in fields and fields[key].kind in SEEN for key in ("a", "b")) or len(domains) > 2:
        return ""
    height, width = fields["a"].shape[-2:]
    game = "cyclegan" if len(domains) == 2 else "pix2pix"
    return command(game, source.name, options, *_size([(height, width)], options, TRANSLATED))


def detecting(source: "Source", options: DataOptions) -> str:
    """The command to find defects, of data of which it is known what is normal; '' of others."""
    if source.heldout is None or "defect" not in source.heldout.columns:
        return ""
    height, width = source.spec.shape[1:]
    return command("f-anogan", source.name, options, *_size([(height, width)], options))


def _size(sizes: list[tuple[int, int]], options: DataOptions, largest: int = LARGEST) -> list[str]:
    """The setting of a size where there must be one."""
    asked = options.sides is not None or options.piece is not None
    if asked or (len(set(sizes)) == 1 and is_drawable(sizes[0])):
        return []
    return ["--data.size", str(usual_side(sizes, largest))]


def _spelled(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{part:.15g}" for part in value)
    return f"{value:.15g}" if isinstance(value, float) else text(value)
