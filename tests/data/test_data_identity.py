"""The identity of data: what fingerprints hash, and fingerprints of old."""

from dataclasses import field, make_dataclass, replace

import numpy as np
import pytest
import torch
from image_folders import fill, opened

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source
from saddle.runs.recipe import Recipe
from saddle.runs.session import Training
from saddle.spec import Condition, DataSpec, Field

MAP = DataSpec(
    {"image": Field("image", (3, 8, 8)), "map": Field("map", (8, 8), ("a", "b"), ((0, 0, 0), (9, 9, 9)))},
    (("image",), ("map",)),
)


def test_the_identity_is_written_out_and_stays():
    """These texts are hashed into runs: they never change."""
    assert DataSpec.of((1, 8, 8)).identity() == (
        'data 1 {"fields": [["image", {"kind": "image", "shape": [1, 8, 8]}]]}'
    )
    assert DataSpec.of((2,), single=True).identity() == (
        'data 1 {"fields": [["image", {"kind": "points", "shape": [2]}]], "single": true}'
    )
    assert MAP.identity() == (
        'data 1 {"domains": [["image"], ["map"]], "fields": [["image", {"kind": "image", "shape": [3, 8, 8]}], ["map", '
        '{"kind": "map", "names": ["a", "b"], "palette": [[0, 0, 0], [9, 9, 9]], "shape": [8, 8]}]]}'
    )
    crops = DataSpec({"image": Field("image", (3, 8, 8), bits=16, free=True)})
    assert crops.identity() == (
        'data 1 {"fields": [["image", {"bits": 16, "free": true, "kind": "image", "shape": [3, 8, 8]}]]}'
    )


@pytest.mark.parametrize(
    "other",
    [
        MAP.with_shape((3, 8, 9)),
        replace(MAP, domains=()),
        replace(MAP, single=True),
        replace(MAP, fields=dict(reversed(MAP.fields.items()))),
        replace(MAP, fields=MAP.fields | {"map": Field("map", (8, 8), ("a", "c"))}),
        replace(MAP, fields=MAP.fields | {"map": Field("instances", (8, 8), ("a", "b"))}),
        DataSpec.of((3, 8, 8), condition=Condition("labels", ("a", "b"))),
    ],
)
def test_other_data_have_another_identity(other):
    assert other.identity() != MAP.identity()


def test_a_new_attribute_with_a_default_changes_no_identity():
    """As in a later version, put in front of all others."""
    new = [("kind", str, field(default="")), ("aspect", float, field(default=1.0))]
    later = make_dataclass("Later", new, bases=(Field,), frozen=True)
    fields = {key: later(**vars(each)) for key, each in MAP.fields.items()}
    assert replace(MAP, fields=fields).identity() == MAP.identity()
    assert replace(MAP, fields={"image": later("image", (3, 8, 8), aspect=2.0)}).identity() != MAP.identity()


def test_what_is_computed_from_the_samples_is_not_part_of_it():
    points = Field("points", (2,), offset=(1.0, 2.0), scale=(3.0, 1.0))
    assert DataSpec({"image": points}).identity() == DataSpec.of((2,)).identity()


def test_a_source_accepts_its_own_fingerprint_and_the_earlier_one_alone(folder):
    fill(folder, 24)
    source = opened(folder)
    assert source.earlier is not None
    before = source.earlier()
    assert before != source.fingerprint
    assert source.accepts(source.fingerprint)
    assert source.accepts(before)
    other = opened(folder, heldout=0.3)
    assert not other.accepts(source.fingerprint)
    assert not other.accepts(before)
    assert not source.accepts(None)


def test_embedded_data_have_no_earlier_fingerprint():
    source = open_source(DataOptions(source="ring"))
    assert source.earlier is None
    assert not source.accepts("")


def test_a_run_goes_on_with_an_earlier_fingerprint_of_its_data_and_with_no_other(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8))
    edits = {"data": f"array:{tmp_path / 'x.npy'}", "plan.rounds": 2, "plan.batch": 4, "game.network.width": 4}
    recipe = Recipe.default("dcgan").change(edits | {"plan.pictures": 0, "plan.scores": 0})

    def training() -> Training:
        return Training(recipe, tmp_path / "run", torch.device("cpu"), quiet=True)

    first = training()
    assert first.source.earlier is not None
    object.__setattr__(first.source, "fingerprint", first.source.earlier())  # as 03f7ea2 wrote it
    first.run()
    assert training().resume()
    wrong = training()
    object.__setattr__(wrong.source, "earlier", lambda: "another")
    with pytest.raises(UsageError, match="is not the data that this run began with"):
        wrong.resume()
