"""How threads wait is chosen before torch is there, and never against the user."""

import os
import subprocess
import sys

import pytest

from saddle.base import threads

WITHOUT = {name: value for name, value in os.environ.items() if name not in threads.SETTINGS}


def after_import(environment: dict[str, str]) -> str:
    code = "import sys, os, saddle; print(os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip()


def test_importing_saddle_says_how_threads_wait_and_does_not_import_torch():
    assert after_import(WITHOUT) == f"{threads.SPINS} False"


@pytest.mark.parametrize("name", threads.SETTINGS)
def test_what_the_user_has_set_stays_alone(name):
    expected = "7" if name == "GOMP_SPINCOUNT" else "None"
    assert after_import(WITHOUT | {name: "7"}) == f"{expected} False"
