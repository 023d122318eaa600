"""What a trained game is for: `Game` and `Move`, and one task a file."""

from .classification import Classification
from .density import Density
from .detection import Detection, Finding
from .encoding import Encoding
from .form import Form, Forms, Port, part, rows_of, seen
from .game import Columns, Game, Held, Move
from .restoration import Restoration
from .searching import BySearch, Searching
from .single_image import SingleImage
from .sizes import Sizes
from .synthesis import Prior, Synthesis
from .translation import Translation
from .traversal import Sweep, Traversal

__all__ = [
    "BySearch",
    "Classification",
    "Columns",
    "Density",
    "Detection",
    "Encoding",
    "Finding",
    "Form",
    "Forms",
    "Game",
    "Held",
    "Move",
    "Port",
    "Prior",
    "Restoration",
    "Searching",
    "SingleImage",
    "Sizes",
    "Sweep",
    "Synthesis",
    "Translation",
    "Traversal",
    "part",
    "rows_of",
    "seen",
]
