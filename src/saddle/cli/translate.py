"""Turn images of one domain into images of another.

  saddle translate runs/cyclegan-digits-inverted seven.png --out seven-inverted.png
  saddle translate runs/cyclegan-digits-inverted digits/ more/ --to a --out back/

An image comes back at its own size and depth, with its opacity, a folder with its sub-folders. Everything else is known
from the run.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import defaultdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..base.errors import SaddleError, UsageError, remark, some
from . import _open, _show, _works

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..runs.run import Run
    from ..use.original import Original
    from ..use.translating import Made, Translator
    from ..use.writing import Form

SETTINGS = _open.SETTINGS


def arguments(parser: ArgumentParser) -> None:
    _open.arguments(parser)
    parser.add_argument("input", metavar="INPUT", type=Path, nargs="+", help="images, and folders of images")
    parser.add_argument("--to", metavar="DOMAIN", help="the domain wanted; by default the game's last one, such as b")
    parser.add_argument("--from", dest="start", metavar="DOMAIN", help="theirs; by default the first other one")
    parser.add_argument("--out", type=Path, metavar="PATH", help="by default NAME-DOMAIN, in the current folder")
    _of_images(parser)
    _of_files(parser)
    parser.add_argument("--json", action="store_true", help='for programs: [{"input": …, "output": …}, …]')


def _of_images(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=_size,
        default="own",
        metavar="own|run|N|HxW",
        help="at which images are translated: their own (the default), the run's, a shorter side, a height and a width",
    )
    parser.add_argument("--restore-size", action="store_true", help="bring results of another size back to the input's")
    parser.add_argument(
        "-n", type=_open.whole(1), default=1, metavar="K", help="results for each input, where they vary"
    )
    parser.add_argument(
        "--seed", type=_open.whole(0), default=0, help="of what is random; the same seed, the same images"
    )
    parser.add_argument(
        "--mean", type=_open.whole(1), default=1, metavar="K", help="the mean of K results, where they vary"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="by default fp32")
    parser.add_argument(
        "--mask", type=Path, metavar="PATH", help="white where a hole is to be filled: a file or a folder"
    )


def _of_files(parser: ArgumentParser) -> None:
    parser.add_argument("--format", choices=("png", "jpg", "webp", "tiff", "same"), help="of the files; by default png")
    parser.add_argument("--depth", choices=("8", "16", "same"), default="same", help="bits a channel; by default same")
    parser.add_argument(
        "--alpha", choices=("keep", "flatten"), default="keep", help="keep the opacity, or lay it on the background"
    )
    parser.add_argument("--keep-exif", action="store_true", help="keep the camera's notes, which may tell places")
    parser.add_argument("--flat", action="store_true", help="all results in one folder, without sub-folders")
    parser.add_argument("--suffix", default="", metavar="TEXT", help="behind the name of a result, such as -{to}")
    parser.add_argument("--skip-existing", action="store_true", help="leave out what has its result already")
    parser.add_argument("--strict", action="store_true", help="stop at the first file that cannot be translated")


def _size(text: str) -> str | int | tuple[int, int]:
    """own, run, 512 or 480x640."""
    if text in ("own", "run"):
        return text
    if text.isdecimal() and int(text):
        return int(text)
    try:
        return _open.size(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"it wants own, run, a shorter side such as 512, or 480x640, not '{text}'") from None


def run(args: Namespace) -> None:
    from ..runs import translating

    opened = _open.opened(args)
    works = translating.translator(
        opened,
        args.start,
        args.to,
        size=args.size,
        restore=args.restore_size,
        bits=None if args.depth == "same" else int(args.depth),
        mean=args.mean,
        precision=args.precision,
    )
    _check(opened, works, args)
    form = _form(args)
    title = works.game.title(works.way.to)
    suffix = args.suffix.replace("{to}", title)
    names = _works.Names(args.out, title, form, args.flat, suffix, args.n, args.skip_existing)
    plan = _works.plan(args.input, names, opened.recipe.data)
    _check_outs(form, plan)
    if args.mask:
        _works.partners(plan.works, args.mask, "--mask")
    command = Translating(opened, works, form, args)
    try:
        rows = [row for work in plan.works for row in command.done(work)]
    finally:
        command.tell()
    command.end(rows, plan)


def _check(opened: "Run", works: "Translator", args: Namespace) -> None:
    """UsageError for what this run cannot be asked, before a file is looked at."""
    from ..runs import translating

    game = works.game
    if not game.varies and (given := "-n" if args.n > 1 else "--mean" if args.mean > 1 else None):
        raise UsageError(
            f"{opened.recipe.game} draws nothing at random here: all results would be alike; leave out {given}"
        )
    if args.n > 1 and args.mean > 1:
        raise UsageError("-n gives several results and --mean one of several; leave out one of the two")
    if args.mask:
        translating.check_hole(opened)
        if args.size != "own" or args.depth != "same" or args.alpha != "keep":
            raise UsageError("--mask gives known pixels back as they are; leave out --size, --depth and --alpha")
    if "/" in args.suffix:
        raise UsageError(f"--suffix {args.suffix} is a part of a file's name, which has no /")


def _form(args: Namespace) -> "Form":
    """How results are written: as --format says, or the name of the one result."""
    from ..use import writing

    suffix = None if args.format == "same" else writing.NAMED[args.format or "png"]
    named = args.out.suffix if args.out and not args.out.is_dir() else ""
    if args.format is None and named.lower() in writing.KINDS:
        suffix = named
    return writing.Form(suffix, args.depth, args.keep_exif)


def _check_outs(form: "Form", plan: _works.Plan) -> None:
    """UsageError for names that say no format, or one that cannot hold what was asked for."""
    from ..use import writing

    for suffix in sorted({work.out.suffix for work in plan.works}):
        if suffix.lower() not in writing.KINDS:
            raise UsageError(f"--out {plan.out}: the name should end in {', '.join(writing.KINDS)}")
        writing.check(form, suffix)


class Translating:
    """Works one after the other; what they have to tell is gathered, and told once."""

    def __init__(self, opened: "Run", works: "Translator", form: "Form", args: Namespace):
        self.opened, self.works, self.form, self.args = opened, works, form, args
        self.bad: list[tuple[str, str]] = []
        self.notes: dict[str, list[str]] = defaultdict(list)

    def done(self, work: _works.Work) -> "Iterator[dict[str, Any]]":
        """A row for each result of an image; a bad file has none, and is remembered."""
        from ..data.decode import Unreadable

        wanted = [k for k in range(self.args.n) if not self._there(work.numbered(k, self.args.n))]
        if not wanted:
            return
        try:
            original = self._read(work)
            hole = self._hole(work, original)
            for k in wanted:
                yield self._result(work, original, hole, k)
        except (Unreadable, SaddleError) as error:
            if self.args.strict:
                raise SaddleError(f"{work.path}: {error}") from None
            self.bad.append((str(work.path), str(error)))

    def _there(self, out: Path) -> bool:
        return bool(self.args.skip_existing) and out.exists()

    def _read(self, work: _works.Work) -> "Original":
        from ..data import decode
        from ..use import original

        options = self.opened.recipe.data
        with decode.reading():
            return original.read(
                work.path, options.max_megapixels, work.page, options.range is not None, convert=not self.args.mask
            )

    def _hole(self, work: _works.Work, original: "Original") -> Any:
        from ..runs import translating

        if not self.args.mask:
            return None
        return translating.hole_of(_works.partner(work, self.args.mask), original)

    def _result(self, work: _works.Work, original: "Original", hole: Any, k: int) -> dict[str, Any]:
        """Translate and write one result; its row."""
        begun, out = perf_counter(), work.numbered(k, self.args.n)
        made = self.works(original, (self.args.seed, work.name, k), hole)
        self._write(out, made, original)
        for note in (*original.notes, *made.notes, *self._of_size(original, made)):
            if work.name not in self.notes[note]:
                self.notes[note].append(work.name)
        return {
            "input": str(work.path) + (f"#{work.page + 1}" if work.page else ""),
            "output": str(out),
            "size": [*made.size],
            "padded": [*made.padded],
            "tiles": made.tiles,
            "seconds": round(perf_counter() - begun, 4),
        }

    def _write(self, out: Path, made: "Made", original: "Original") -> None:
        from ..data.picture import colour
        from ..use import writing

        wanted = self.works.wanted
        if wanted.kind == "map":
            writing.write_map(out, made.pixels[..., 0], wanted.palette)
            return
        bits = self.form.bits(original, writing.KINDS[out.suffix.lower()])
        pixels, alpha = writing.to_bits(made.pixels, bits), made.alpha
        if alpha is not None:
            alpha = writing.to_bits(alpha, bits)
            if self.args.alpha == "flatten":
                pixels, alpha = writing.flattened(pixels, alpha, colour(self.opened.recipe.data.background)), None
        writing.write(out, pixels, alpha, original, self.form)

    def _of_size(self, original: "Original", made: "Made") -> "Iterator[str]":
        """What was done to its size, in words."""
        if made.size != original.size:
            back = ", and its result brought back" if self.args.restore_size else ""
            why = f"; {self.opened.recipe.game} takes no other" if self.works.game.sized else ""
            yield f"brought to {made.size[0]}×{made.size[1]} (height × width){back}{why}"

    def tell(self) -> None:
        """Say once what was done, with the files that it was done to."""
        for note, names in self.notes.items():
            which = names[0] if len(names) == 1 else f"{len(names):,} files ({some(names, 3)})"
            remark(f"{which}: {note}")

    def end(self, rows: list[dict[str, Any]], plan: _works.Plan) -> None:
        """Print what was made. SaddleError names the files of which nothing was, UsageError if it is all of them."""
        from ..data.files import bad_lines, count, listing

        bad = [*plan.bad, *self.bad]
        if self.args.json:
            _show.json(rows)
        elif rows and plan.many:
            _show.line(f"{count(len(rows), 'file')} in {plan.out}")
        elif rows:
            _show.line(rows[0]["output"])
        if not bad:
            return
        lines = f"cannot be translated:\n{listing(bad_lines(bad))}"
        if self.opened.recipe.data.skip_bad and rows:
            remark(f"left out, as data.skip_bad says:\n{listing(bad_lines(bad))}")
        elif not rows and len(bad) >= len(plan.works):
            raise UsageError(lines)
        else:
            raise SaddleError(lines)
