"""Files that scikit-learn carries, found without importing it, which takes a second or two."""

from importlib.util import find_spec
from pathlib import Path

from ..base.errors import SaddleError


def carried(*names: str) -> Path:
    """A file of scikit-learn's datasets, such as ("data", "digits.csv.gz"). SaddleError where it is not there."""
    package = find_spec("sklearn")  # which is not imported
    folder = Path(package.origin).parent if package and package.origin else Path("sklearn")
    file = folder.joinpath("datasets", *names)
    if not file.is_file():
        raise SaddleError(f"{file} is not there; install scikit-learn anew: pip install --force-reinstall scikit-learn")
    return file
