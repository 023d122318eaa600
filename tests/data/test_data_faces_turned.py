"""Turned faces: pairs of one person before one wall, landmarks that lie on the face, and people who are held out."""

import numpy as np
import pytest

from saddle.base.errors import UsageError
from saddle.data import DataOptions, open_source, spec_of
from saddle.data.portraits import NAMES, faces
from saddle.data.sources.faces_turned import KEPT, PEOPLE, STRANGERS, TRAINED

PLACES = np.arange(24)
EYES, NOSE, MOUTH, HAIR = (NAMES.index(name) for name in ("eyes", "nose", "mouth", "hair"))


@pytest.fixture(scope="module")
def source():
    return open_source(DataOptions("faces-turned", size=32))


def test_people_that_are_held_out_are_never_trained_on(source):
    known, strangers = (part.columns["label"] for part in (source.train, source.heldout))
    assert (len(known), len(strangers)) == (TRAINED, KEPT)
    assert set(known[np.arange(0, PEOPLE)]) == set(range(PEOPLE - STRANGERS))
    assert sorted(strangers[np.arange(STRANGERS)]) == [*range(PEOPLE - STRANGERS, PEOPLE)]
    assert np.array_equal(strangers[np.arange(STRANGERS, 2 * STRANGERS)], strangers[np.arange(STRANGERS)])


def test_whose_faces_they_are_is_known_without_a_drawing(source, monkeypatch):
    monkeypatch.setattr("saddle.data.sources.faces_turned.faces", None)
    assert len(source.train.columns["label"][:]) == len(source.train.columns["yaw"][:]) == TRAINED


def test_the_spec_is_known_without_a_drawing_and_that_of_the_batches(source):
    assert spec_of(DataOptions("faces-turned", size=32)) == source.spec
    batch = source.train.take([0, 5])
    assert {key: tuple(x.shape[1:]) for key, x in batch.items()} == {
        key: field.shape for key, field in source.spec.fields.items()
    }
    assert len(source.spec.classes) == 340


def test_another_photograph_of_a_person_has_another_wall_and_the_same_face():
    """Or walls would tell who it is."""
    person = np.zeros(2, np.int64)
    two = faces("a test", person, 64, 64, photographs=np.array([3, 4]))
    wall = two.labels[0] == NAMES.index("background")
    assert np.array_equal(*two.labels)
    assert abs(two.colours[0] - two.colours[1])[:, wall].min() > 0
    skin = two.labels[0] == NAMES.index("skin")
    assert (two.colours[0] == two.colours[1])[:, skin].mean() > 0.95  # but where a pixel is half wall


def test_landmarks_lie_on_what_they_name_also_where_the_head_is_turned():
    for degrees in (0, 20, -20):
        yaw = np.full(len(PLACES), np.radians(degrees))
        drawn = faces("a test", PLACES, 128, 128, yaw, PLACES)
        x, y = np.rint(drawn.landmarks).astype(int).T  # [5, N]
        for point, part in ((0, EYES), (1, EYES), (2, NOSE)):
            there = drawn.labels[PLACES, y[point], x[point]]
            assert (there == part).mean() > 0.6
            assert np.isin(there, [part, HAIR]).all(), "nothing else covers it"
        for point, inward in ((3, 3), (4, -3)):
            near = [drawn.labels[PLACES, y[point] + k, x[point] + inward] == MOUTH for k in range(-2, 3)]
            assert np.any(near, 0).mean() > 0.9


def test_frontal_landmarks_lie_where_tpgan_puts_the_parts():
    landmarks = faces("a test", PLACES, 128, 128, photographs=PLACES).landmarks
    assert landmarks[:, :2, 1] == pytest.approx(40.4, abs=0.5)
    assert (abs(landmarks - [[44, 41], [86, 41], [64, 65], [48, 89], [83, 89]]).mean(0) < 8).all()
    assert landmarks[:, 0, 0] + landmarks[:, 1, 0] == pytest.approx(127)


def test_a_head_turns_to_the_side_that_yaw_says_and_its_far_eye_comes_nearer_to_the_nose(source):
    batch = source.heldout.take(slice(64))
    x = batch["landmarks"].view(-1, 5, 2)[..., 0]
    side = x[:, 2] - (x[:, 0] + x[:, 1]) / 2
    turned = batch["yaw"][:, 0].abs() > 5
    assert (side.sign() == batch["yaw"][:, 0].sign())[turned].all()
    assert batch["yaw"].abs().max() <= 60
    assert batch["landmarks"].abs().max() < 1
    off = (batch["damaged"] - batch["image"]).abs().mean((1, 2, 3))
    far, near = batch["yaw"][:, 0].abs() > 40, batch["yaw"][:, 0].abs() < 10
    assert off[far].mean() > 2 * off[near].mean()


def test_landmarks_are_pixels_that_a_batch_has_between_the_edges(source):
    """So that the points of a user's image are brought to the same numbers."""
    pixels, given = source.heldout.columns["landmarks"][np.arange(3)], source.heldout.take(slice(3))["landmarks"]
    assert given.numpy() == pytest.approx((2 * pixels + 1) / 32 - 1, abs=1e-6)
    assert source.spec.fields["landmarks"].restored(given).numpy() == pytest.approx(pixels, abs=1e-4)


def test_a_photograph_is_a_function_of_its_place_alone(source):
    some, again = source.train.take([7, 9]), source.train.take([9])
    assert all((x[1] == again[key][0]).all() for key, x in some.items())
    assert open_source(DataOptions("faces-turned", size=32)).fingerprint == source.fingerprint
    assert open_source(DataOptions("faces-turned:30", size=32)).fingerprint != source.fingerprint


def test_angles_and_settings_that_cannot_be_are_refused():
    for path in ("0", "80", "wide"):
        with pytest.raises(UsageError, match="a number of degrees, above 0, at most 75"):
            spec_of(DataOptions(f"faces-turned:{path}"))
    with pytest.raises(UsageError, match=r"data\.flip"):
        spec_of(DataOptions("faces-turned", flip=True))
