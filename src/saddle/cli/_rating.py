"""What people are asked to judge: pictures of several folders and runs, chosen, paired, and divided into questions."""

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.random import Generator

from ..base import telling
from ..base.errors import UsageError, remark, some
from ..base.folder import RunFolder
from ..data.decode import Unreadable
from ..data.files import bad_lines, count, listing
from ..data.options import DataOptions
from ..data.picture import colour, fitted, with_channels
from ..report.rating import Shown
from ..show import pictures
from ..use import original, writing
from . import _works, _write

DEFAULT = 20  # pictures of each source, where there are so many
READ = DataOptions()  # how a folder is looked through

Size = tuple[int, int]  # height and width


@dataclass(eq=False)
class Source:
    """A folder or a run, and the pictures of it that are judged."""

    path: Path
    role: str  # rated, baseline or truth
    name: str
    shown: dict[str, Shown] = field(default_factory=dict)  # by names, which are the same where scenes are

    @property
    def is_run(self) -> bool:
        return RunFolder(self.path).recipe.is_file()

    @cached_property
    def works(self) -> dict[str, _works.Work]:
        """All pictures of the folder by their names without ending. UsageError for none, and for two of one name."""
        works, bad = _works.listed([self.path], READ)
        if bad:
            raise _unreadable(bad)
        names = [str(PurePosixPath(work.name).with_suffix("")) for work in works]
        for name, times in Counter(names).items():
            if times > 1:
                raise UsageError(
                    f"{self.path} has {times} images called {name}, of which one would be lost; rename one"
                )
        return dict(zip(names, works, strict=True))


@dataclass(frozen=True)
class Asked:
    """A question, and what only the key knows of it."""

    pictures: tuple[Shown, ...]
    source: int
    picture: str  # its name
    real: int | None = None  # which of two is real: 1 or 2


def sources(args: Namespace) -> list[Source]:
    """Whose pictures are judged; those that are hidden among them come last.

    UsageError for one that is no folder, or is given twice, and for a run as real pictures.
    """
    hidden = {"truth": args.truth, "real": args.real, "baseline": args.baseline}
    found = [Source(path, "rated", path.resolve().name or str(path)) for path in args.source]
    found += [Source(path, "truth" if name == "real" else name, name) for name, path in hidden.items() if path]
    keys = Counter(_works.key(source.path) for source in found)
    names = Counter([source.name for source in found] + [name for name, path in hidden.items() if not path])
    for source in found:
        if not source.path.is_dir():
            raise UsageError(f"{source.path} is no folder; give folders of images, or runs that draw samples")
        if source.role == "truth" and source.is_run:
            raise UsageError(f"--{source.name} {source.path} is a run, and nothing that a run draws is real")
        if keys[_works.key(source.path)] > 1:
            raise UsageError(f"{source.path} is given twice; keep one of them")
        if source.role == "rated" and names[source.name] > 1:
            source.name = str(source.path)
    return found


def asked(args: Namespace, found: list[Source]) -> list[Asked]:
    """The questions in a seeded order. UsageError for pictures that cannot be read, paired or compared."""
    chance = np.random.default_rng(args.seed)
    questions = (_paired if args.truth else _unpaired)(args, found, chance)
    return [questions[i] for i in chance.permutation(len(questions))]


def _paired(args: Namespace, found: list[Source], chance: Generator) -> list[Asked]:
    """Of scenes that every source shows."""
    for source in found:
        if source.is_run:
            raise UsageError(
                f"{source.path} is a run, whose samples belong to no true picture; give the folder of its results, or "
                "real pictures that belong to none with --real"
            )
    first = found[0]
    for other in found[1:]:
        what = "the folder" if other.role == "rated" else f"--{other.role}"
        _works.partners([*first.works.values()], other.path, what)
        if other.role == "rated":
            _works.partners([*other.works.values()], first.path, "the folder")
    rivals = [source for source in found if source.role != "truth"]
    of_each = len(rivals) if args.ask == "real" else 1  # raters would recognise a real picture that they see twice
    scenes = _chosen(list(first.works), _number(args, len(first.works), of_each) * of_each, chance)
    true = next(source for source in found if source.role == "truth")
    dealt = [(source, scenes[i::of_each] if args.ask == "real" else scenes) for i, source in enumerate(rivals)]
    _show([(source, name, _file(first, source, name)) for source, names in [*dealt, (true, scenes)] for name in names])
    _check_pairs(found, true)
    if args.ask == "opinion":
        return _opinions(found)
    return _pairs(found, {found.index(source): map(true.shown.__getitem__, source.shown) for source in rivals}, chance)


def _unpaired(args: Namespace, found: list[Source], chance: Generator) -> list[Asked]:
    """Of pictures that belong to no other; real ones are brought to the size of the others."""
    rivals = [source for source in found if source.role != "truth"]
    files = []
    for source in rivals:
        if source.is_run:
            source.shown = _drawn(source.path, args.n or DEFAULT, args.seed)
        else:
            files += _taken(source, _number(args, len(source.works), 1, source), chance)
    _show(files)
    _tell_sizes(rivals, must=args.real is not None)
    for real in (source for source in found if source.role == "truth"):
        one = next(iter(rivals[0].shown.values()))
        n = _number(args, len(real.works), 1, real) if args.ask == "opinion" else _enough(real, rivals)
        _show(_taken(real, n, chance), (one.height, one.width))
        if args.ask == "real":
            dealt = iter(real.shown.values())  # each source takes its own from it
            return _pairs(found, {found.index(source): dealt for source in rivals}, chance)
    return _opinions(found)


def _taken(source: Source, n: int, chance: Generator) -> list[tuple[Source, str, Path]]:
    """n pictures of a source, to be shown."""
    return [(source, name, source.works[name].path) for name in _chosen(list(source.works), n, chance)]


def _enough(real: Source, rivals: list[Source]) -> int:
    """As many real pictures as there are others. UsageError if there are not."""
    n = sum(len(source.shown) for source in rivals)
    if n > (have := len(real.works)):
        raise UsageError(
            f"each real picture is shown once, else raters recognise it: {n} are needed, and {real.path} has {have}; "
            f"choose fewer with -n, at most {have // len(rivals)}"
        )
    return n


def _number(args: Namespace, have: int, of_each: int, source: Source | None = None) -> int:
    """How many pictures of a source are judged. UsageError if there are not so many."""
    if args.n is None and have >= of_each:
        return min(DEFAULT, have // of_each)
    if (args.n or 1) * of_each <= have:
        return args.n
    where = source.path if source else args.source[0]
    once = f", and each is judged of one of {of_each} sources alone" if of_each > 1 else ""
    most = f"-n is at most {have // of_each}" if have >= of_each else "give more"
    raise UsageError(f"{where} has {count(have, 'picture')}{once}; {most}")


def _chosen(names: list[str], n: int, chance: Generator) -> list[str]:
    """n of the names in a random order."""
    return [names[i] for i in chance.permutation(len(names))[:n]]


def _file(first: Source, source: Source, name: str) -> Path:
    """The picture of this scene, which is called as in the first source."""
    path = _works.partner(first.works[name], source.path)
    assert path is not None  # which was checked
    return path


def _drawn(folder: Path, n: int, seed: int) -> dict[str, Shown]:
    """Samples of a run. UsageError for one that draws no images."""
    from ..runs.run import Run

    run = Run(folder)
    if not run.spec.is_image:
        raise UsageError(f"{folder} draws {run.spec.main}, and people judge pictures")
    _write.check_channels(run)
    images = chain.from_iterable(run.portions(n, seed))
    return {f"{i:05d}": _of(np.asarray(pictures.plain(image).convert("RGBA"))) for i, image in enumerate(images)}


def _of(pixels: np.ndarray, size: Size | None = None) -> Shown:
    """uint8 or uint16 [H, W, 1 to 4] on white, in its own size or brought to one as data are."""
    if pixels.shape[2] in (2, 4):
        pixels = writing.flattened(pixels[..., :-1], pixels[..., -1], colour(READ.background))
    pixels = with_channels(writing.to_bits(pixels, 8), 3)
    return Shown.of(fitted(pixels, *(size or pixels.shape[:2])))


def _read(path: Path, size: Size | None) -> Shown:
    """The picture in this file. Raises Unreadable."""
    given = original.alone(path, 0, READ.max_megapixels)
    if given.pixels.dtype not in (np.uint8, np.uint16):
        raise Unreadable("its numbers are neither of 8 nor of 16 bits")
    return _of(given.pixels if given.alpha is None else np.dstack([given.pixels, given.alpha]), size)


def _show(files: Sequence[tuple[Source, str, Path]], size: Size | None = None) -> None:
    """Read these pictures. UsageError names all that cannot be read."""
    bad = []
    for source, name, path in telling.each("reading pictures", files, len(files)):
        try:
            source.shown[name] = _read(path, size)
        except Unreadable as error:
            bad.append((str(path), str(error)))
    if bad:
        raise _unreadable(bad)


def _unreadable(bad: list[tuple[str, str]]) -> UsageError:
    return UsageError(f"cannot read:\n{listing(bad_lines(bad))}\nRepair or convert them, or move them away")


def _check_pairs(found: list[Source], true: Source) -> None:
    """UsageError for a picture of another size than the true one."""
    wrong = [
        f"{source.path}: {name} has {_size(one)}, its truth {_size(true.shown[name])}"
        for source in found
        for name, one in source.shown.items()
        if _size(one) != _size(true.shown[name])
    ]
    if wrong:
        raise UsageError(f"pictures of other sizes than the true ones (width × height):\n{listing(wrong)}")


def _tell_sizes(rivals: list[Source], must: bool) -> None:
    """Say that sizes tell sources apart. UsageError where there `must` be one, to which real pictures are brought."""
    sizes = {source.name: sorted({_size(one) for one in source.shown.values()}) for source in rivals}
    told = "; ".join(f"{name}: {some(each, 3)}" for name, each in sizes.items())
    if must and len({*chain(*sizes.values())}) > 1:
        raise UsageError(f"beside --real all pictures have one size, or their sizes would tell; {told}")
    if len({*map(tuple, sizes.values())}) > 1:
        remark(f"raters may tell the sources apart by the sizes of their pictures; {told}")


def _size(one: Shown) -> str:
    return f"{one.width}×{one.height}"


def _opinions(found: list[Source]) -> list[Asked]:
    """A question about every picture."""
    return [Asked((one,), i, name) for i, source in enumerate(found) for name, one in source.shown.items()]


def _pairs(found: list[Source], beside: dict[int, Iterator[Shown]], chance: Generator) -> list[Asked]:
    """A question about every picture that is not real: it and a real one, which is the first in half of a source's."""
    made = []
    for i, others in beside.items():
        turn = int(chance.integers(2))
        for j, ((name, one), real) in enumerate(zip(found[i].shown.items(), others, strict=False)):
            first = (j + turn) % 2 == 0
            made.append(Asked((real, one) if first else (one, real), i, name, 1 if first else 2))
    return made
