"""run.restore: tensors, arrays, pictures, paths and lists of these; landmarks where they lie."""

import numpy as np
import pytest
import torch
from enlarging import apart
from PIL import Image
from translated import pixels, trained

import saddle
from saddle.base.errors import SaddleError, UsageError
from saddle.use import landmarks


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    for folder in trained(tmp_path_factory.mktemp("enlarging") / "run", "toy-small", "toy-enlarging"):
        yield saddle.load(folder, device="cpu")


@pytest.fixture(scope="module")
def frontal(tmp_path_factory):
    for folder in trained(tmp_path_factory.mktemp("frontal") / "run", "toy-small", "toy-frontal"):
        yield saddle.load(folder, device="cpu")


def test_everything_comes_back_as_it_came(run, tmp_path):
    given = pixels(7, 5, 3)
    made = run.restore(given)
    Image.fromarray(given).save(tmp_path / "a.png")
    assert made.shape == (14, 10, 3)
    for other in (run.restore(Image.fromarray(given)), run.restore(tmp_path / "a.png"), run.restore([given])[0]):
        assert apart(np.asarray(other), made) == 0
    assert apart(run.restore(np.stack([given, given]))[1], made) == 0
    assert run.restore(given[..., 0]).shape == (14, 10)
    assert run.restore(given.astype(np.uint16) * 257).dtype == np.uint16
    x = torch.from_numpy(given).movedim(-1, 0)[None] / 127.5 - 1
    assert apart(run.restore(x)[0].movedim(0, -1).numpy(), made) <= 1
    assert torch.equal(run.restore(torch.cat([x] * 70))[69:], run.restore(x))


def test_tensors_take_the_same_ways_as_images(run):
    given = pixels(40, 37, 3)
    x = torch.from_numpy(given).movedim(-1, 0)[None] / 127.5 - 1
    for how in ({"blend": 0.3}, {"tile": 32}, {"self_ensemble": True}, {"wrap": True}, {"times": 3}):
        made = run.restore(x, **how)[0].movedim(0, -1).numpy()
        assert apart(made, run.restore(given, **how)) <= 1, how


def test_what_a_run_does_not_take_is_refused(run, frontal):
    x = torch.zeros(1, 3, 8, 8)
    for wrong, told in (
        (torch.zeros(3, 8, 8), r"images of 'damaged' are \[N, 3, H, W\], not \[3, 8, 8\]"),
        (x.byte(), "floats in"),
        (x[..., :0], "have no pixels"),
    ):
        with pytest.raises(UsageError, match=told):
            run.restore(wrong)
    with pytest.raises(UsageError, match="a tensor is restored as it is, without bits"):
        run.restore(x, bits=16)
    with pytest.raises(UsageError, match="has no 'strength' to choose"):
        run.restore(x, strength=1)
    with pytest.raises(UsageError, match="images are tensors, arrays, PIL images, paths, or lists"):
        run.restore(3)
    with pytest.raises(UsageError, match="ToyEnlarging looks at no landmarks"):
        run.restore(pixels(8, 8, 3), landmarks=np.zeros((5, 2)))
    with pytest.raises(UsageError, match="takes images of"):
        frontal.restore(torch.zeros(1, 3, 9, 8), landmarks=[np.zeros((5, 2))])
    with pytest.raises(UsageError, match="there are 2 images and landmarks of 1"):
        frontal.restore([pixels(8, 8, 3)] * 2, landmarks=[np.zeros((5, 2))])
    with pytest.raises(UsageError, match=r"landmarks are 5 points x, y in pixels of the image, \[5, 2\], not \[4, 2\]"):
        frontal.restore(pixels(8, 8, 3), landmarks=np.zeros((4, 2)))


def test_landmarks_of_tensors_are_those_of_images(frontal):
    given, points = [pixels(8, 8, 3), pixels(8, 8, 3)], [np.full((5, 2), 2.0), np.full((5, 2), 6.0)]
    x = torch.stack([torch.from_numpy(each).movedim(-1, 0) for each in given]) / 127.5 - 1
    made = frontal.restore(x, landmarks=points).movedim(1, -1).numpy()
    assert apart(made, np.stack(frontal.restore(given, landmarks=points))) <= 1


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_landmarks_move_as_their_image_does(fit):
    from saddle.data.picture import fitted

    given = np.zeros((60, 40, 1), np.float32)
    given[30:33, 12:15] = 255  # its middle is x 13, y 31
    x, y = landmarks.placed(np.array([[13.0, 31.0]]), (60, 40), (24, 24), fit)[0]
    small = fitted(given.astype(np.uint8), 24, 24, fit, (0, 0, 0))[..., 0].astype(float)
    rows, columns = np.indices(small.shape)
    assert x == pytest.approx((small * columns).sum() / small.sum(), abs=0.15)
    assert y == pytest.approx((small * rows).sum() / small.sum(), abs=0.15)


def test_landmarks_outside_of_the_image_and_those_cut_off_are_refused():
    for point in ((-1, 3), (3, -0.5), (40, 3), (3, 60)):
        with pytest.raises(SaddleError, match=r"landmark 2 .* lies outside of the image, which has 40 columns and 60"):
            landmarks.check(np.array([(5, 5), point]), (60, 40))
    with pytest.raises(SaddleError, match="landmark 1 is cut off where the image is brought to 24×24 pixels"):
        landmarks.placed(np.array([(5.0, 2.0)]), (60, 40), (24, 24), "crop")
