"""What the values of a job can be, said before a cluster says it an hour later."""

import re

from ..base.errors import UsageError, visible
from .job import Job

NEEDS = {"slurm": ("time",), "kubernetes": ("image", "volume"), "skypilot": ("accelerator", "volume", "setup")}
MAY = {"slurm": ("setup", "partition", "account"), "kubernetes": (), "skypilot": ()}
EXAMPLES = {"setup": ", such as 'cd /work && pip install ./saddle' for a clone of Saddle on the volume"}

_NAME = r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "small letters, digits and hyphens, at most 40, and begins with a letter"
_FORMS = {
    "name": _NAME,
    "image": (r"[a-z0-9][\w.:/@-]*", "an image of containers, such as ghcr.io/me/saddle:1"),
    "accelerator": (r"[A-Za-z][\w.-]*", "a kind of GPU, such as H100; their number is --gpus"),
    "partition": (r"[\w.,-]+", "the name of a partition"),
    "account": (r"[\w.-]+", "the name of an account"),
}
_CLAIM = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", "the name of a volume: small letters, digits, hyphens and points"
_BUCKET = r"[a-z0-9]+://[\w./-]+", "a bucket, such as s3://mine"
_TIME = re.compile(
    r"(?:(?P<days>[0-9]{1,3})-)?(?P<first>[0-9]{1,6})(?::(?P<second>[0-9]{2}))?(?::(?P<third>[0-9]{2}))?"
)


def check(kind: str, job: Job) -> None:
    """UsageError for values that a job of this kind cannot have."""
    optional = {name for names in (*NEEDS.values(), *MAY.values()) for name in names}
    for name in sorted(optional):
        given = getattr(job, name) is not None
        if given and name not in NEEDS[kind] + MAY[kind]:
            raise UsageError(f"--{name} is not for {kind}; leave it out")
        if not given and name in NEEDS[kind]:
            raise UsageError(f"{kind} wants --{name} too{EXAMPLES.get(name, '')}")
    for name, (form, says) in _FORMS.items():
        _check_form(name, getattr(job, name), form, says)
    for text in (*job.words, job.setup or ""):
        if visible(text) != text or "\n" in text:
            raise UsageError(f"'{visible(text)}' holds signs that cannot stand in one line of a script")
    if job.time is not None:
        _check_time(job.time, job.grace)
    _check_volume(kind, job)


def _check_form(name: str, value: str | None, form: str, says: str) -> None:
    if value is not None and not re.fullmatch(form, value):
        raise UsageError(f"--{name} is {says}, not '{visible(value)}'")


def _check_volume(kind: str, job: Job) -> None:
    bucket = kind == "skypilot" and "://" in (job.volume or "")
    _check_form("volume", job.volume, *(_BUCKET if bucket else _CLAIM))
    if bucket and job.nodes > 1:
        raise UsageError(
            f"{job.volume} is a bucket, and of a bucket the other {job.nodes - 1} machines see late what the first one "
            "has written; name a volume of SkyPilot's (sky volumes apply), or take --nodes 1"
        )


def _check_time(text: str, grace: int) -> None:
    """UsageError for what Slurm does not read as a time, and for one in which nothing would be trained."""
    found = _TIME.fullmatch(text)
    if not found:
        raise UsageError(f"--time is hours:minutes:seconds, minutes, or days-hours:minutes:seconds, not '{text}'")
    days, first, second, third = (int(found[name] or 0) for name in ("days", "first", "second", "third"))
    if found["days"]:
        seconds = ((days * 24 + first) * 60 + second) * 60 + third
    elif found["third"]:
        seconds = (first * 60 + second) * 60 + third
    else:
        seconds = first * 60 + second
    if seconds < 2 * grace:
        raise UsageError(
            f"--time {text} is {seconds:,} seconds, and the run saves {grace} seconds before the end; give at least "
            f"{2 * grace:,} seconds, or a smaller --grace"
        )
