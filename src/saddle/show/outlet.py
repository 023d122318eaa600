"""A stream that never fails, for what is said on the way: nobody's listening is worth an hour of training."""

import codecs
import io
from typing import Any

PLAIN = {
    **dict.fromkeys("‐‑–—−━─", "-"),
    **{"×": "x", "±": "+-", "…": "...", "·": "*", "→": "->", "←": "<-", "↑": "^", "↓": "v", "≤": "<=", "≥": ">="},
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
}


def plain(error: UnicodeError) -> tuple[str, int]:
    """Of `codecs.register_error`: typographic signs as a typewriter has them, all else by its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in text), error.end


codecs.register_error("saddle.plain", plain)


class Outlet(io.TextIOBase):
    """Writes to a stream until that fails for the first time, and from then on nowhere.

    A reader may have gone, the terminal been closed, the disk be full; there may be no stream at all (None). What the
    stream's encoding lacks is written as `plain` has it.
    """

    def __init__(self, stream: Any):
        self.stream = stream

    def write(self, text: str) -> int:
        try:
            self._write(text)
        except BlockingIOError:  # a reader that is slow, not gone
            pass
        except Exception:  # it may be anybody's stream
            self.stream = None
        return len(text)

    def _write(self, text: str) -> None:
        if self.stream is None:
            return
        try:
            self.stream.write(text)
        except UnicodeEncodeError:
            self.stream.write(text.encode(self.encoding, "saddle.plain").decode(self.encoding))

    def flush(self) -> None:
        try:
            if self.stream is not None:
                self.stream.flush()
        except BlockingIOError:
            pass
        except Exception:
            self.stream = None

    def isatty(self) -> bool:
        try:
            return bool(self.stream.isatty())
        except Exception:
            return False

    def fileno(self) -> int:
        if self.stream is None:
            raise io.UnsupportedOperation("fileno")
        return int(self.stream.fileno())

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self.stream, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        """All else, such as `buffer`, is the stream's."""
        if name == "stream":
            raise AttributeError(name)
        return getattr(self.stream, name)
