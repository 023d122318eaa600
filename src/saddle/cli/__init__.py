"""Train generative adversarial networks, look at their samples, and score them.

  saddle train                  DCGAN on small digits
  saddle train PHOTOS           your folder of images: Saddle looks at them, and chooses game, size and network
  saddle train wgan-gp --data ring --plan.minutes 1 --game.penalties.GradientPenalty.weight 1
  saddle sample runs/dcgan-digits

look around
  list          the games by what they are for, with the one to begin with
  describe      one game: its paper, the moves of a round, its players and every setting
  data          the data sources, and what is wrong with a folder of images

train
  train         start a run, or go on with it: the same command does both
  search        try settings in many short runs, and keep the best
  cluster       a script for several machines: Slurm, Kubernetes, SkyPilot

use a run
  sample        draw new samples
  interpolate   walk from one sample to another
  traverse      change one code at a time
  translate     turn images into the other domain
  palette       the classes of label maps, to paint one with
  styles        the looks that objects of each class can have
  restore       restore images that are damaged, small or incomplete
  calibrate     set the score above which an image is anomalous, from good images
  detect        say how unusual images are, and where
  apply         super-resolution, painting, harmonising, editing, animation by a game that learned one image
  encode        find the codes of images
  invert        find the latents of images in any run that draws samples
  reconstruct   encode images and decode them again
  attribute     add to images what a class has and others lack
  classify      name the classes of images

weights of others
  import        make a run of what CycleGAN's, BigGAN's or StyleGAN2's own code saved

give it away
  export        files for PyTorch, for Saddle and for onnxruntime, each compared with the run

judge a run
  evaluate      score it: FID, precision and recall, modes, …
  doctor        find what is wrong with it, and which command may cure it
  compare       runs: settings, curves, and scores with intervals over seeds
  rate          let people judge pictures, on a page that hides where they come from
  score         one folder, array or run against another: FID, KID, SWD, …
  info          what the run is and how far it got
  report        write report.html anew
  benchmark     games side by side, with several seeds: which modes they cover, how far few labels go

`saddle COMMAND --help` says more. --json prints results for programs. --plugin MODULE brings games, losses,
networks, data sources and metrics of your own: any command takes it.

exit codes: 0 done, 1 failed, 2 asked for what cannot be, 75 interrupted and saved (the same command goes on),
130 stopped by Ctrl-C. SADDLE_DEBUG=1 shows the traceback of an error.
"""

import logging
import os
import sys
from argparse import (
    SUPPRESS,
    ArgumentError,
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
    _StoreAction,
)
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from .._version import __version__
from ..base.errors import NO_MEMORY, SaddleError, UsageError, near, remark, visible
from ._terminal import streams


class _Once(_StoreAction):
    """Of an option with a value: which of two would be meant?"""

    given = False

    def __call__(self, *args: Any) -> None:
        if self.option_strings and self.given:
            raise ArgumentError(self, "it is given twice; keep one of them")
        self.given = True
        super().__call__(*args)


class Parser(ArgumentParser):
    """argparse whose complaints are a UsageError, and whose options are never abbreviated nor given twice."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        for name in (None, "store"):
            self.register("action", name, _Once)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    with streams():
        return _code(sys.argv[1:] if argv is None else argv)


def _code(argv: list[str]) -> int:
    try:
        _main(argv)
        sys.stdout.flush()  # a reader that has gone is found out here, not on the way out
        return 0
    except SystemExit as left:  # --help
        return int(left.code or 0)
    except BrokenPipeError:  # the reader has seen enough, as in `saddle list | head -1`
        return 0
    except (Exception, KeyboardInterrupt) as error:
        message, code = _in_words(error)
        if not message or os.environ.get("SADDLE_DEBUG"):
            raise
        print(f"saddle: {visible(message)}", file=sys.stderr)
        return code


def commands() -> list[str]:
    """Their names: a command is a file in this folder."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def _main(argv: list[str]) -> None:
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help", "help"):
        print(__doc__, end="")
    elif name == "--version":
        print(f"saddle {__version__}")
    elif name in commands():
        if not find_spec("fcntl"):  # without which no folder can be locked
            raise UsageError(f"Saddle runs on Linux and macOS, and on Windows within WSL; this is {sys.platform}")
        command = import_module(f".{name}", __package__)
        args = parse(command, argv[1:])
        args.before(args)
        with _remarking():
            for plugin in args.plugin:
                import_module("saddle.runs.plugins").plug(plugin)
            command.run(args)
    else:
        raise UsageError(f"no command '{name}'{near(name, commands())}; there are {', '.join(commands())}")


@contextmanager
def _remarking() -> Iterator[None]:
    """Inside, warnings in the library's log stand beside the results, unless somebody else says them."""
    library, handler = logging.getLogger("saddle"), _Remarks(logging.WARNING)
    library.addHandler(handler)
    try:
        yield
    finally:
        library.removeHandler(handler)


class _Remarks(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if logging.getLogger("saddle").handlers == [self]:
            remark(record.getMessage())


def parser_of(command: ModuleType) -> Parser:
    """What knows a command's arguments and prints its help."""
    parser = Parser(
        prog=f"saddle {command.__name__.rpartition('.')[2]}",
        description=command.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help=SUPPRESS)
    parser.set_defaults(before=lambda args: None)
    command.arguments(parser)
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="import this module, or this file.py, for its games, losses, networks, sources, metrics; may be repeated",
    )
    return parser


def parse(command: ModuleType, argv: list[str]) -> Namespace:
    """The command's arguments; `settings` holds its dotted names with their text, `before` what to check first."""
    parser = parser_of(command)
    settings, rest = _take_settings(argv, command.SETTINGS)
    args, unknown = parser.parse_known_args(rest)
    if unknown:
        options = [option for action in parser._actions for option in action.option_strings]
        parts = [f"--{part}" for part in command.SETTINGS]
        raise UsageError(
            f"{parser.prog} has no use for '{unknown[0]}'{near(unknown[0].partition('.')[0], options + parts)}; "
            f"see {parser.prog} --help"
        )
    args.settings = settings
    return args


def _take_settings(argv: list[str], parts: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Split `--data X`, `--game.penalties R1` and `--plan.batch=32` from everything else."""
    settings: dict[str, str] = {}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        is_setting = word.startswith("--") and (
            (name.partition(".")[0] in parts and "." in name) or (name == "data" and "data" in parts)
        )
        if not is_setting:
            rest.append(word)
            continue
        value = value if equals else next(words, "")
        if not equals and (not value or value.startswith("--")):
            raise UsageError(f"--{name} wants a value after it")
        if name in settings or {"data", "data.source"} <= {name, *settings}:
            raise UsageError(f"--{name} is given twice; keep one of them")
        settings[name] = value
    return settings, rest


def _in_words(error: BaseException) -> tuple[str, int]:
    """The message and the exit code of an error; no message for what is a bug."""
    if isinstance(error, SaddleError):
        return str(error), error.code
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    if isinstance(error, OSError):
        return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), 1
    if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
        return "memory ran out; ask for less at a time", 1
    return "", 1
