"""Let people judge pictures: a page that hides whose they are, and what the answers say.

  saddle rate restored bicubic --truth true          how good, 1 to 5, of pictures with the same names
  saddle rate runs/mine runs/other -n 25             samples of runs, or of folders, that belong to none
  saddle rate runs/mine --real photos --ask real     which of two is real?
  saddle rate --read answers-ann.csv answers-bob.csv

The page is one file and needs no network. It gives the answers of each rater as a file. Beside it lies its key, which
says whose each picture is: do not give it to the raters, and keep it until the answers are read.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..base.errors import UsageError
from . import _open, _show

SETTINGS: tuple[str, ...] = ()
MOST_BYTES = 256_000_000  # of a page: larger ones are slow to open, and telephones do not open them at all


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=Path, nargs="*", help="folders of images, or runs that draw")
    parser.add_argument(
        "--ask",
        choices=("opinion", "real"),
        help="how good a picture looks, or which of two is real; by default opinion",
    )
    belong = parser.add_mutually_exclusive_group()
    belong.add_argument("--truth", type=Path, metavar="DIR", help="the true images of the same names")
    belong.add_argument("--real", type=Path, metavar="DIR", help="real images that belong to none")
    parser.add_argument(
        "--baseline", type=Path, metavar="DIR", help="results of a simple method to judge too, hidden among the others"
    )
    parser.add_argument("-n", type=_open.whole(1), help="pictures of each source; by default 20, or all of fewer")
    parser.add_argument("--seed", type=_open.whole(0), help="seed of choice and order; by default 0")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page; by default rating.html")
    parser.add_argument("--read", type=Path, nargs="+", metavar="FILE", help="evaluate the answers of raters")
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="key of their page; by default searched for here and beside them"
    )
    parser.add_argument("--json", action="store_true", help='for programs: {"files": […]}, or what the answers say')


def run(args: Namespace) -> None:
    _check(args)
    if args.read:
        from . import _answers, _opinions

        _opinions.tell(*_answers.read(args.read, args.key), args.json)
        return
    args.ask, args.seed = args.ask or "opinion", args.seed or 0
    page, key = written = _write(args)
    if args.json:
        _show.paths(written, as_json=True)
    else:
        _show.line(f"{page}\nthe key, which is not for raters: {key}")


def _check(args: Namespace) -> None:
    """UsageError for options that do not go together."""
    making = ("ask", "truth", "real", "baseline", "n", "seed", "out")
    if args.read:
        if args.source or any(getattr(args, name) is not None for name in making):
            raise UsageError("--read takes answers, and of other options --key and --json alone")
        return
    if args.key:
        raise UsageError("--key is for --read")
    if not args.source:
        raise UsageError("whose pictures are to be judged? Give folders of images, or runs; or answers with --read")
    if args.ask == "real" and not (args.truth or args.real):
        raise UsageError("--ask real shows each picture beside a real one: give these with --truth DIR or --real DIR")
    if len(args.source) == 1 and not (args.truth or args.real or args.baseline):
        raise UsageError(
            f"{args.source[0]} alone has nothing to be compared with; give another folder or run, --truth, --real or "
            "--baseline"
        )


def _write(args: Namespace) -> list[Path]:
    """Write the page and its key."""
    from ..base.files import replace
    from ..report.rating import Question, fingerprint, page
    from . import _answers, _progress, _rating

    out: Path = args.out or Path("rating.html")
    if out.suffix != ".html":
        raise UsageError(f"--out {out}: the name should end in .html")
    key = out.with_name(out.stem + _answers.ENDING)
    for path in (out, key):
        if path.exists():
            raise UsageError(f"{path} exists; choose another name with --out, so that nothing is overwritten")
    found = _rating.sources(args)
    with _progress.shown("reading pictures"):
        asked = _rating.asked(args, found)
    by_id = {f"{i:0{len(str(len(asked)))}d}": each for i, each in enumerate(asked, 1)}
    questions = [Question(name, each.pictures) for name, each in by_id.items()]
    text = page(args.ask, questions).encode()
    if len(text) > MOST_BYTES:
        raise UsageError(
            f"the page would have {len(text) / 1e6:,.0f} MB, and {MOST_BYTES / 1e6:,.0f} are the most that a browser "
            "takes well; choose fewer pictures with -n, or give smaller ones"
        )
    replace(key, _answers.key_bytes(fingerprint(args.ask, questions), args, found, by_id))
    try:
        return [replace(out, text), key]
    except BaseException:
        key.unlink()  # of no page
        raise
