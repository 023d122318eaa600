"""Weights & Biases: a run in the project WANDB_PROJECT, by default saddle. With WANDB_MODE=offline nothing is sent."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from secrets import token_hex
from typing import Any

from ...base.folder import RunFolder
from ..observing import Logged, Observer
from ._told import numbers, settings

PACKAGES = ("wandb",)
log = logging.getLogger(__name__)


class WandB(Observer):
    def __init__(self) -> None:
        import wandb

        self.wandb = wandb
        self.run: Any = None
        self.ended = ""  # how, in the words of the log

    def on_start(self, event: Logged, run: Path) -> None:
        folder = RunFolder(run)
        known = folder.tracked("wandb") or token_hex(4)
        folder.track("wandb", known)
        self.run = self.wandb.init(
            project=os.environ.get("WANDB_PROJECT", "saddle"),
            id=known,
            resume="allow",  # the run of this id, if there is one
            name=run.resolve().name,
            config=dict(settings(run)),
            allow_val_change=True,  # a run may be made longer
            dir=str(run),
            reinit="create_new",  # whatever else this process tracks
            settings=self.wandb.Settings(console="off", silent=True),
        )
        # not by W&B's own count, for which a resumed run would have to begin where the killed one ended
        self.run.define_metric("*", step_metric="round")
        log.info("tracked by Weights & Biases: %s", self.run.dir if self.run.offline else self.run.url)

    def on_round(self, event: Logged, run: Path) -> None:
        self.run.log({"round": event["round"], **numbers(event)})

    on_score = on_round

    def on_picture(self, event: Logged, run: Path) -> None:
        self.run.log({"round": event["round"], "samples": self.wandb.Image(str(run / event["file"]))})

    def on_verdict(self, event: Logged, run: Path) -> None:
        self.run.summary["doctor"] = event["message"]

    def on_stop(self, event: Logged, run: Path) -> None:
        self.ended = event["reason"]
        self.run.summary["stop"] = event["message"] or event["reason"]

    def close(self) -> None:
        if self.run:
            self.run.finish(exit_code=0 if self.ended == "finished" else 1)


TRACKER = WandB
