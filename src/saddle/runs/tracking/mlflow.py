"""MLflow: a run in the experiment MLFLOW_EXPERIMENT_NAME, by default saddle, where MLFLOW_TRACKING_URI leads.

Without that variable MLflow chooses the place: a database and a folder where the command was started.
"""

from __future__ import annotations

import logging
import os
import re
import time
from pathlib import Path
from typing import Any

from ...base.folder import RunFolder
from ..observing import Logged, Observer
from ._told import numbers, settings

PACKAGES = "mlflow-skinny", "sqlalchemy", "alembic"  # the last two for its own database
AT_ONCE = 100  # parameters in one message, at most
LONGEST = 5000  # characters of a value, at most: of all servers the least
ENDS = {"finished": "FINISHED", "interrupted": "KILLED"}  # how a run ended, in MLflow's words; else FAILED
log = logging.getLogger(__name__)


class MLflow(Observer):
    def __init__(self) -> None:
        from mlflow import MlflowClient, entities, exceptions

        if "MLFLOW_LOGGING_LEVEL" not in os.environ:
            logging.getLogger("mlflow").setLevel(logging.WARNING)  # else it tells of every table of its database
        self._client, self._entities, self._lost = MlflowClient, entities, exceptions.MlflowException
        self.client: Any = None
        self.id = ""
        self.ended = "interrupted"  # how, in the words of the log

    def on_start(self, event: Logged, run: Path) -> None:
        self.client = self._client()
        self.id = self._known(run) or self._new(run)
        self.client.update_run(self.id, status="RUNNING")
        known = self.client.get_run(self.id).data.params  # which MLflow never changes
        params = [
            self._entities.Param(name, value[:LONGEST]) for name, value in settings(run).items() if name not in known
        ]
        for i in range(0, len(params), AT_ONCE):
            self.client.log_batch(self.id, params=params[i : i + AT_ONCE])
        self.client.log_artifact(self.id, str(RunFolder(run).recipe))  # as it is now, with what has been changed
        log.info("tracked by MLflow as %s", self.id)

    def _known(self, run: Path) -> str:
        """The run that this one was tracked as before; '' if there is none, or none here."""
        known = RunFolder(run).tracked("mlflow")
        try:
            return self.client.get_run(known).info.run_id if known else ""
        except self._lost:
            log.warning("MLflow knows no run %s here; a new one begins", known)
            return ""

    def _new(self, run: Path) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "saddle")
        experiment = self.client.get_experiment_by_name(name)
        place = experiment.experiment_id if experiment else self.client.create_experiment(name)
        made: str = self.client.create_run(place, run_name=run.resolve().name).info.run_id
        RunFolder(run).track("mlflow", made)
        return made

    def on_round(self, event: Logged, run: Path) -> None:
        now = int(1000 * time.time())
        metrics = [
            self._entities.Metric(re.sub(r"[^\w\-./: ]", "_", name), value, now, event["round"])
            for name, value in numbers(event).items()
        ]
        self.client.log_batch(self.id, metrics=metrics)

    on_score = on_round

    def on_picture(self, event: Logged, run: Path) -> None:
        from PIL import Image

        with Image.open(run / event["file"]) as image:
            self.client.log_image(self.id, image.convert("RGB"), key="samples", step=event["round"])

    def on_verdict(self, event: Logged, run: Path) -> None:
        self.client.set_tag(self.id, "doctor", event["message"][:LONGEST])

    def on_stop(self, event: Logged, run: Path) -> None:
        self.client.set_tag(self.id, "stop", (event["message"] or event["reason"])[:LONGEST])
        self.ended = event["reason"]

    def close(self) -> None:
        if self.id:
            self.client.set_terminated(self.id, ENDS.get(self.ended, "FAILED"))


TRACKER = MLflow
