"""The rules by which `saddle train FOLDER` decides: what to train, at which size, how wide, and what to show.

A rule looks at what was seen of the data and at the machine. It gives settings, and a sentence that says why. Each
task begins with a recipe in `recipes/own`, which names the game. docs/folder.md has all rules in one table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..base.errors import UsageError, some
from ..base.settings import restore, text
from .advice import is_drawable, usual_side
from .files import count
from .fingerprint import FEWEST
from .options import DataOptions
from .seen import Seen

MINUTES = 30.0  # of training, where the plan says nothing
BETWEEN_SCORES = 4.0  # minutes, in a shorter plan than that
LONG = 120.0  # minutes from which on larger images are tried
SHORT = 10.0  # minutes below which a processor draws smaller ones, with narrower networks
FEW = 500  # images: with fewer, samples may be near copies of them
HELD_OUT = DataOptions.heldout  # share of the images
MANY = 20_000  # images: from so many on, the discriminator needs no augmentation
LEAST_OF_LABEL = 10  # images of a label, on average: with fewer, the players get no labels
LARGE = 64  # pixels of the shorter side: from so many on, a processor is given another discriminator
MOST_BAD = 0.05  # share of damaged files that are left out without being asked for


@dataclass(frozen=True)
class Machine:
    """What trains, and for how long."""

    kind: str = "cpu"  # cpu, cuda or mps
    name: str = "the processor"
    minutes: float = MINUTES

    @property
    def fast(self) -> bool:
        return self.kind != "cpu"

    @property
    def hurries(self) -> bool:
        """It is slow, and has little time."""
        return not self.fast and self.minutes < SHORT

    @property
    def time(self) -> str:
        """'1 minute'"""
        return f"{self.minutes:g} minute{'s' * (self.minutes != 1)}"


@dataclass(frozen=True)
class Task:
    """What data of one kind are trained for."""

    recipe: str  # its start, in recipes/own
    says: str  # what is learned
    sides: tuple[int, int, int, int]  # largest side of images: on a processor, for long; on a GPU, for long
    brief: int | None = None  # on a processor, for less than SHORT minutes, where it is another


@dataclass(frozen=True)
class Decision:
    """What was chosen, as settings on top of a recipe of `recipes/own`, and why."""

    recipe: str
    settings: Mapping[str, Any]
    says: str  # what is learned
    reasons: Sequence[str]  # a line of the data, and one of each rule
    warnings: Sequence[str] = ()


OF_FOLDERS = ("images", "images-small", "images-large")  # recipes of images that are drawn anew
TASKS = {
    "folder": Task("images", "draw new images like these", (64, 128, 128, 256), brief=32),
    "photo": Task("image", "draw images like the parts of this one", (128, 192, 256, 256)),
    "pairs": Task("pairs", "turn the first image of a pair into the second", (128, 256, 256, 256)),
    "domains": Task("domains", "turn images of one kind into the other, without pairs", (64, 128, 128, 256)),
    "defects": Task("defects", "find what is unusual, from normal images alone", (64, 64, 64, 128)),
    "triples": Task("triples", "find the mask, and the image without what it marks", (64, 128, 256, 256)),
    "maps": Task("maps", "make images of label maps", (64, 128, 256, 256)),
}


def decide(seen: Seen, machine: Machine, asked: Mapping[str, Any] | None = None) -> Decision:
    """What to train on these data. `asked` are settings of the user's, by dotted names, which no rule overrules.

    UsageError for data that no task here takes.
    """
    asked = asked or {}
    task = TASKS.get(seen.kind)
    if task is None:
        raise UsageError(
            f"{seen.source}: no rule decides for data of this kind, only for {some(TASKS)}; name a game: "
            f"saddle train GAME --data {seen.source}"
        )
    task = by_game(seen, machine, task, asked)
    settings: dict[str, Any] = {"data.source": seen.source}
    reasons = [_what(seen)]
    for rule, name in RULES.items():
        given, why = rule(seen, machine, task)
        taken = asked.get(name)
        settings |= given if taken is None else {}
        reasons.append(why if taken is None else f"{name} {text(taken)}, as you ask")
    warnings = [*seen.notes, *(warning for warn in WARNINGS if (warning := warn(seen, machine)))]
    if 0 < seen.damaged <= MOST_BAD * seen.images:
        settings["data.skip_bad"] = True
    if machine.minutes < MINUTES:  # or a short run would be scored for longer than it is trained
        settings["plan.scores"] = max(1, round(machine.minutes / BETWEEN_SCORES))
    chosen = {name: value for name, value in settings.items() if name not in asked}
    return Decision(task.recipe, chosen, task.says, reasons, warnings)


def _what(seen: Seen) -> str:
    words = [count(seen.images, "image"), seen.spread, "colour" if seen.channels == 3 else "grey", f"{seen.bits} bits"]
    if seen.label_kind:
        by = seen.label_file or "sub-folders"
        words.append(f"{len(seen.labels)} labels by {by}" if seen.labels else f"{seen.label_kind} by {by}")
    return f"data: {', '.join(words)}"


Given = tuple[dict[str, Any], str]


def by_game(seen: Seen, machine: Machine, task: Task, asked: Mapping[str, Any]) -> Task:
    """A processor draws images with DCGAN, from 64 pixels on with another discriminator; a GPU with R3GAN."""
    if task.recipe != "images" or machine.fast:
        return task
    large = min(_sides(seen, machine, task, asked)) >= LARGE
    return replace(task, recipe="images-large" if large else "images-small")


def _sides(seen: Seen, machine: Machine, task: Task, asked: Mapping[str, Any]) -> tuple[int, ...]:
    """The height and width that are trained on."""
    given = {name: asked.get(f"data.{name}") for name in ("size", "crop")}
    options = restore(DataOptions, {name: value for name, value in given.items() if value is not None}, "data")
    side = by_size(seen, machine, task)[0].get("data.size")
    return options.piece or options.sides or ((side, side) if side else next(iter(seen.sizes)))


def by_size(seen: Seen, machine: Machine, task: Task) -> Given:
    """Images keep their size where it is one that networks can draw, and not larger than the machine has time for."""
    long = machine.minutes >= LONG
    largest = task.sides[2 * machine.fast + long]
    if machine.hurries:
        largest = task.brief or largest
    where = f"{machine.name} in {machine.time}"
    if len(seen.sizes) == 1 and max(next(iter(seen.sizes))) <= largest:
        size = next(iter(seen.sizes))
        if is_drawable(size):
            return {}, f"size: {size[1]}×{size[0]}, as they are"
    side = usual_side(seen.every_size, largest)
    return {
        "data.size": side
    }, f"size: {side}×{side}, the centre of each, which most fill; at most {largest} for {where}"


def by_width(seen: Seen, machine: Machine, task: Task) -> Given:
    """A processor gets narrow networks and small batches, still narrower to draw images of less than 64 pixels without
    labels in less than 10 minutes; a GPU gets wider ones. No batch is larger than the data.
    """
    trained = seen.images - (round(HELD_OUT * seen.images) if seen.images >= FEWEST else 0)
    width = WIDTHS[task.recipe][machine.fast]
    if machine.hurries and not seen.label_kind:
        width = NARROWER.get(task.recipe, width)
    batch = min(width.batch, 1 << (max(trained, 1).bit_length() - 1))
    return {**width.settings, "plan.batch": batch}, f"networks: {width.says}, for {machine.name}; batches of {batch}"


def by_number(seen: Seen, machine: Machine, task: Task) -> Given:
    """Fewer than 20,000 images are moved for the discriminator, unless large and on a processor; colour is mirrored."""
    if task.recipe not in OF_FOLDERS:
        return {}, "augmentation: none beyond the game's own"
    given: dict[str, Any] = {"data.flip": True} if seen.channels == 3 else {}
    flip = "; mirrored at random, for they are in colour (--data.flip false where left is not right)" if given else ""
    if task.recipe == "images-large":
        return given, f"augmentation: none, for a processor has few rounds for images of this size{flip}"
    if seen.images >= MANY:
        return {**given, "game.views": []}, f"augmentation: none for {count(seen.images, 'image')}{flip}"
    return given, f"augmentation: moved before the discriminator sees them, for they are few{flip}"


def by_label(seen: Seen, machine: Machine, task: Task) -> Given:
    """Both players get the labels if a label has at least 10 images, on average; R3GAN takes classes alone."""
    steady = f"penalties: {'R1 and R2' if task.recipe == 'images' else 'none beyond those of the game'}"
    if task.recipe not in OF_FOLDERS or not seen.label_kind:
        return {}, f"{steady}; no labels are used"
    if seen.labels and seen.images < LEAST_OF_LABEL * len(seen.labels):
        return {}, f"{steady}; no labels are used, because a label has fewer than {LEAST_OF_LABEL} images on average"
    if seen.label_kind != "class" and task.recipe == "images":
        return {}, f"{steady}; no labels are used, because r3gan takes classes alone"
    labels = seen.label_file or True
    return {"data.labels": labels, "game.conditional": True}, f"{steady}; both players get the labels"


RULES: dict[Callable[[Seen, Machine, Task], Given], str] = {  # and the setting that, given by the user, ends the rule
    by_size: "data.size",
    by_width: "game.network",
    by_number: "game.views",
    by_label: "data.labels",
}


@dataclass(frozen=True)
class Width:
    """How wide networks are."""

    batch: int
    says: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # on top of the recipe's


WIDTHS: dict[str, tuple[Width, ...]] = {  # by recipe: on a processor, on a GPU
    "images-small": (Width(32, "half of the paper's width"),),
    "images-large": (Width(32, "half of the paper's width"),),
    "images": (
        Width(32, "a sixth of the paper's width"),
        Width(64, "half of the paper's width", {"game.network": {"width": 384, "wide": 4, "blocks": 2}}),
    ),
    "image": (
        Width(1, "half of the paper's width"),
        Width(1, "the paper's width", {"game.width": 32, "game.widest": 128}),
    ),
    "pairs": (Width(4, "half of the paper's width"), Width(4, "the paper's width", {"game.width": 64})),
    "domains": (
        Width(4, "half of the paper's width"),
        Width(4, "the paper's width", {"game.width": 64, "game.blocks": 9}),
    ),
    "defects": (
        Width(16, "an eighth of the paper's width"),
        Width(64, "the paper's width", {"game.network.width": 64}),
    ),
    "triples": (Width(4, "a quarter of the paper's width"), Width(4, "the paper's width", {"game.width": 64})),
    "maps": (Width(4, "a quarter of the paper's width"), Width(4, "the paper's width", {"game.width": 64})),
}


NARROWER = {  # without labels, where a machine hurries: more rounds are worth more than width (docs/folder.md)
    "images-small": Width(32, "a quarter of the paper's width", {"game.network.network.width": 16})
}


def very_few(seen: Seen, machine: Machine) -> str:
    """A game can memorise a small number of images."""
    if seen.kind == "photo" or seen.images >= FEW:
        return ""
    kept = "; none are held out, so scores compare with the training images" if seen.images < FEWEST else ""
    copies = "; saddle evaluate RUN --metrics copying says whether samples are copies of them (near 1: yes)"
    drawn = copies if seen.kind == "folder" else ", and the networks may memorise them"
    return f"{count(seen.images, 'image')} are few{drawn}{kept}"


def very_many(seen: Seen, machine: Machine) -> str:
    """A processor has no time for many images."""
    if machine.fast or seen.images < MANY:
        return ""
    return f"in {machine.time} a processor sees a part of {seen.images:,} images; give --plan.minutes more"


def copied(seen: Seen, machine: Machine) -> str:
    """Copies weigh double."""
    are = "file is a copy of another, and weighs" if seen.copies == 1 else "files are copies of others, and weigh"
    return f"{seen.copies:,} {are} double; saddle data check names them" if seen.copies else ""


def damaged(seen: Seen, machine: Machine) -> str:
    """Files that cannot be read are left out where they are few."""
    if not 0 < seen.damaged <= MOST_BAD * seen.images:
        return ""  # the source refuses them, by name
    return f"{count(seen.damaged, 'file')} cannot be read and will be left out (--data.skip_bad true)"


def deep(seen: Seen, machine: Machine) -> str:
    return "16 bits are kept, in samples too" if seen.bits == 16 else ""


def clear(seen: Seen, machine: Machine) -> str:
    return "transparent pixels lie on white; --data.channels 4 keeps them" if seen.transparent else ""


WARNINGS: tuple[Callable[[Seen, Machine], str], ...] = (very_few, very_many, copied, damaged, deep, clear)
