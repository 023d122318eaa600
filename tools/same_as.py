"""Did a rebuilding change a bit? Plays every shipped recipe in two trees, that of a commit and this one, and compares.

    python tools/same_as.py COMMIT [RECIPE ...] [--keep DIR]

Each recipe is played for 20 rounds, which takes it through every stage of its run. Every tensor of the last checkpoint,
every loss and note of the log, the pixels of the pictures and the scores must be equal. One line a recipe says so, or
names what differs first; the exit status is 1 if anything does. `--keep DIR` keeps what COMMIT played, for the next
call; it belongs to one machine, for another one adds its numbers in another order.

All 56 recipes take 16 minutes of one core, half of that with what is kept (1.2 GB): most 2 to 14 seconds in each tree,
energy 60, progan.photos and energy.ring 40. Scores of 200 samples are in that; the scorings on the way draw 2,000 all
the same.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from PIL import Image
from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[1]
RECIPES = Path("src/saddle/recipes")
SETTINGS: dict[str, Any] = {
    "plan.rounds": 20,  # replaces whatever budget the recipe has
    "plan.save_every": 10,
    "plan.samples": 200,
    "plan.pictures": 3,
    "plan.scores": 2,
    "plan.log_every": 5,
    "plan.precision": "fp32",
}
FACTS = ("round", "rounds", "batches_drawn", "score")  # of a checkpoint: its place, and what made it the best
FEW = 3  # differences of a kind that are named

Contents = dict[str, dict[str, Any]]  # of a run: tensors, facts, losses, pictures, scores, each by name


class Failed(Exception):
    """A recipe that could not be played in one of the trees."""


class Worker:
    """A process that plays recipes with the code of one tree; it starts with the first one."""

    def __init__(self, tree: Path, cache: Path):
        self.tree, self.name = tree, "this tree" if tree == ROOT else "the commit's tree"
        self.process: subprocess.Popen[str] | None = None
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # sums in one order
        self.environment = os.environ | threads | {"PYTHONPATH": str(tree / "src"), "SADDLE_CACHE": str(cache)}

    def play(self, recipe: str, folder: Path) -> None:
        """The recipe into the folder. Failed, with the reason, if it did not come to its end."""
        if self.process is None or self.process.poll() is not None:
            self.process = self.started()
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([str(self.tree / RECIPES / f"{recipe}.yaml"), str(folder)]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed(f"in {self.name}, the process ended with {self.process.wait()}")
        if error := json.loads(answer):
            raise Failed(f"in {self.name}, {error}")

    def started(self) -> "subprocess.Popen[str]":
        # in a session of its own: Ctrl-C is for us, who end the worker
        return subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).resolve()), "--worker", str(self.tree)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


def work(tree: Path) -> None:
    """Play what stdin asks for, a line each, and answer with what went wrong, or null."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever else prints
    import saddle

    if not Path(saddle.__file__).resolve().is_relative_to(tree.resolve()):
        sys.exit(f"saddle comes from {saddle.__file__} and not from {tree}")
    for line in sys.stdin:
        recipe, folder = json.loads(line)
        error = None
        try:
            saddle.train(config=recipe, settings=SETTINGS, run=folder, quiet=True, device="cpu")
        except Exception as failure:  # the next recipe has its turn
            error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
        print(json.dumps(error), file=answers, flush=True)


@contextmanager
def checked_out(commit: str, place: Path) -> Iterator[Path]:
    """The tree of a commit, for as long as it is needed."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(place), commit], check=True)
    try:
        yield place
    finally:
        subprocess.run([*git, "remove", "--force", str(place)], check=True)


def recipes(tree: Path) -> dict[str, str]:
    """The text of every shipped recipe, by name."""
    return {path.stem: path.read_text("utf-8") for path in sorted((tree / RECIPES).glob("*.yaml"))}


def kept_folder(keep: Path, commit: str, recipe: str, text: str) -> Path:
    """Where a run is kept: another recipe, setting or torch has another folder."""
    mark = hashlib.sha256(json.dumps([text, SETTINGS, version("torch")]).encode()).hexdigest()
    return keep / commit / f"{recipe}-{mark[:12]}"


def play_once(worker: Worker, recipe: str, folder: Path) -> None:
    """The run in the folder, played unless it lies there: it appears when it is whole."""
    if folder.exists():
        return
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    worker.play(recipe, part)
    part.rename(folder)


def contents(run: Path) -> Contents:
    """What a run left, by kind and name; of tensors and pictures the digests."""
    checkpoint = max((run / "checkpoints").glob("round-???????"))
    lines = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    losses: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    for event in lines:
        for kind in ("losses", "notes"):
            losses |= {f"round {event['round']} {kind}/{name}": x for name, x in (event.get(kind) or {}).items()}
        for name, score in (event.get("scores") or {}).items():
            scores[f"round {event['round']} {name}"] = score["value"], score.get("uncertainty")
    final = run / "scores.json"
    for score in json.loads(final.read_text()) if final.exists() else []:
        scores[f"final {score['name']}"] = score["value"], score.get("uncertainty"), score["round"]
    pictures = {path.name: digest_of_picture(path) for path in sorted((run / "samples").glob("round-*.png"))}
    facts = {name: x for name, x in json.loads((checkpoint / "facts.json").read_text()).items() if name in FACTS}
    return {"tensors": tensors(checkpoint), "facts": facts, "losses": losses, "pictures": pictures, "scores": scores}


def tensors(checkpoint: Path) -> dict[str, str]:
    """A digest of type, shape and bytes of every tensor, by file and name."""
    import torch  # late, for --help and a wrong commit are answered at once

    digests = {}
    for path in sorted(checkpoint.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  (not a dict)
                tensor = file.get_tensor(name)
                header = f"{tensor.dtype}{tuple(tensor.shape)}".encode()
                values = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
                digests[f"{path.stem}/{name}"] = hashlib.sha256(header + values).hexdigest()
    return digests


def digest_of_picture(path: Path) -> str:
    with Image.open(path) as picture:
        header = f"{picture.mode}{picture.size}".encode()
        return hashlib.sha256(header + picture.convert("RGBA").tobytes()).hexdigest()


def differences(before: Contents, now: Contents) -> list[str]:
    """Of every kind that is not the same, how much of it and the first few by name."""
    found = []
    for kind in before:
        old, new = before[kind], now[kind]
        names = [*old, *(name for name in new if name not in old)]
        wrong = [told(name, old, new) for name in names if name not in old or name not in new or old[name] != new[name]]
        if wrong:
            more = ", …" if len(wrong) > FEW else ""
            found.append(f"{len(wrong)} of {len(names)} {kind} differ: {', '.join(wrong[:FEW])}{more}")
    return found


def told(name: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    if name not in old or name not in new:
        return f"{name} is {'gone' if name in old else 'new'}"
    digests = isinstance(old[name], str) and len(old[name]) == 64
    return name if digests else f"{name} is {new[name]}, was {old[name]}"


def verdict(before: Path, now: Path, texts: tuple[str, str]) -> tuple[bool, str]:
    """Are the two runs the same, and what is to be said of it?"""
    old, new = contents(before), contents(now)
    if found := differences(old, new):
        changed = yaml.safe_load(texts[0]) != yaml.safe_load(texts[1])
        return False, "; ".join([*(["the recipe itself has changed"] if changed else []), *found])
    return True, f"same ({', '.join(f'{len(named)} {kind}' for kind, named in old.items())})"


def compare(commit: str, wanted: list[str], keep: Path | None) -> int:
    """All recipes, or those that are wanted; how many are not the same."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="same_as-")))
        trees = stack.enter_context(checked_out(commit, scratch / "tree")), ROOT
        workers = [Worker(tree, scratch / f"cache-{i}") for i, tree in enumerate(trees)]
        for worker in workers:
            stack.callback(worker.close)
        old, new = map(recipes, trees)
        wrong = 0
        for name in wanted or sorted(old | new):
            if name not in old or name not in new:
                print(f"{name}: skipped, {'only there' if name in old else 'only here' if name in new else 'unknown'}")
                wrong += name not in old | new
                continue
            before = kept_folder(keep or scratch / "before", commit, name, old[name])
            same, what = compared(name, workers, (before, scratch / "now" / name), (old[name], new[name]))
            print(f"{name}: {what}", flush=True)
            wrong += not same
            shutil.rmtree(scratch / "now" / name, ignore_errors=True)
    return wrong


def compared(name: str, workers: list[Worker], runs: tuple[Path, Path], texts: tuple[str, str]) -> tuple[bool, str]:
    """Play one recipe in both trees: are the runs the same, and what is to be said of it?"""
    seconds = []
    try:
        for worker, run in zip(workers, runs, strict=True):
            started = time.monotonic()
            play_once(worker, name, run)
            seconds.append(time.monotonic() - started)
        same, what = verdict(*runs, texts)
    except Exception as failure:  # a run that is not as expected is a difference, and the next recipe has its turn
        return False, f"failed: {failure if isinstance(failure, Failed) else repr(failure)}"
    return same, f"{what}, in {seconds[0]:.0f} and {seconds[1]:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("commit", help="what this tree is compared with")
    parser.add_argument("recipe", nargs="*", help="names such as dcgan or wgan-gp.ring; none: all")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep there what COMMIT played, or take it from there")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as after Ctrl-C, what was made is removed
    name = ["git", "-C", str(ROOT), "rev-parse", "--quiet", "--verify", f"{asked.commit}^{{commit}}"]
    commit = subprocess.run(name, capture_output=True, text=True).stdout.strip()
    if not commit:
        parser.error(f"no commit {asked.commit}")
    started = time.monotonic()
    try:
        wrong = compare(commit, asked.recipe, asked.keep)
    except KeyboardInterrupt:
        sys.exit(130)
    print(f"{wrong} not the same" if wrong else "all the same", f"({time.monotonic() - started:.0f} s)")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(Path(sys.argv[2]))
    else:
        main()
