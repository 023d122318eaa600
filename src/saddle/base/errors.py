"""What went wrong, for people. The command line prints the message alone and leaves with the error's code."""

import sys
from unicodedata import category

NO_MEMORY = (  # what libraries say of memory that ran out, where they have no error of its own for it
    *("DefaultCPUAllocator", "bad_alloc", "Cannot allocate memory", "CUDA out of memory"),
    *("calculation overflowed", "Overflow when unpacking"),
)
AGAIN = 75  # EX_TEMPFAIL, an exit code: the same command goes on
HIDDEN = ("Cc", "Cs", "Zl", "Zp")  # controls, bytes that are no text, and ends of lines by other names
DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class SaddleError(Exception):
    """Something failed that the user can act on; the message says what was found, what is possible and what to do."""

    code = 1


class UsageError(SaddleError):
    """What was asked for cannot be: an unknown name, a value out of range, data that the game cannot take."""

    code = 2


class Enough(SaddleError):
    """Raised by an observer that has seen enough: the training saves, stops, and says this message."""


def near(given: str, possible: object, most: int = 3) -> str:
    """' (did you mean …?)' for the known names close to a given one, else ''."""
    from difflib import get_close_matches

    close = get_close_matches(given, list(possible), n=most, cutoff=0.5)  # type: ignore[call-overload]
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def some(names: object, most: int = 20, between: str = ", ") -> str:
    """'cat, dog, …': at most twenty of the names, and how many more there are."""
    listed = list(names)  # type: ignore[call-overload]
    return between.join(listed[:most]) + (f" and {len(listed) - most:,} more" if len(listed) > most else "")


def remark(message: str) -> None:
    """Say, beside the results of a command, what a person should know of them."""
    print(f"saddle: {visible(message)}", file=sys.stderr)


def visible(text: str) -> str:
    """The text with what a terminal would obey or could not show written out, as \\x1b: of all controls only lines end.

    So are marks that change the direction of what follows, and bytes of a file's name that are no text.
    """
    if text.isprintable():
        return text
    return "".join(c.encode("unicode_escape").decode() if _is_hidden(c) else c for c in text)


def shortened(text: str, most: int = 80) -> str:
    """On one line, at most so many characters of a text that a file brings, and how many more there are."""
    more = f"… ({len(text) - most:,} characters more)" if len(text) > most else ""
    return visible(text[:most]).replace("\n", "\\n") + more


def _is_hidden(c: str) -> bool:
    return c != "\n" and (c in DIRECTIONS or category(c) in HIDDEN)
