"""Domains without pairs, and simulated images, from folders."""

import numpy as np
import pytest
from pair_folders import N, fill, opened, put, same, side, stored

from saddle.base.errors import UsageError
from saddle.data import DataOptions, places_in, places_with, sources_with, spec_of
from saddle.data.check import check_data
from saddle.data.stream import Stream


def cyclegans(root):
    fill(root, {"a": "trainA"}, range(4))
    fill(root, {"a": "testA"}, range(4, N))
    fill(root, {"b": "trainB"}, range(5))
    fill(root, {"b": "testB"}, range(5, N))
    return f"domains:{root}"


def two_folders(root):
    fill(root, {"a": "zebra", "b": "horse"})
    return f"domains:{root}/zebra,{root}/horse"


def folders_of_one(root):
    fill(root, {"a": "calm", "b": "sad/deep", "c": "wild"})
    return f"domains:{root}"


def folders_in_parts(root):
    for part, numbers in {"train": range(4), "test": range(4, N)}.items():
        fill(root, {"a": f"{part}/calm", "b": f"{part}/sad", "c": f"{part}/wild"}, numbers)
    return f"domains:{root}"


@pytest.mark.parametrize(
    ("layout", "titles", "trained", "held"),
    [
        (cyclegans, ("", ""), (4, 5), (2, 1)),
        (two_folders, ("zebra", "horse"), (N, N), ()),
        (folders_of_one, ("calm", "sad", "wild"), (N, N, N), ()),
        (folders_in_parts, ("calm", "sad", "wild"), (4, 4, 4), (2, 2, 2)),
    ],
)
def test_every_layout_gives_its_domains_in_order(layout, titles, trained, held, folder):
    source = opened(name := layout(folder))
    keys = "abc"[: len(titles)]
    assert source.spec.domains == tuple((key,) for key in keys) == source.train.domains
    assert tuple(source.spec.fields[key].title for key in keys) == titles
    assert tuple(len(source.train.columns[key]) for key in keys) == trained
    assert tuple(len(source.heldout.columns[key]) for key in keys if source.heldout) == held
    assert all(
        same(stored(source, key), [side(key, i) for i in range(n)]) for key, n in zip(keys, trained, strict=True)
    )
    assert spec_of(DataOptions(source=name)) == source.spec


def test_domains_have_channels_bits_and_sizes_of_their_own(folder):
    fill(folder, {"a": "x"})
    for i in range(N):
        put(folder / "y" / f"{i}.png", side("b", i, 20, 24).astype(np.uint16) * 257)
    fields = opened(f"domains:{folder}").spec.fields
    assert [(field.shape, field.bits) for field in fields.values()] == [((3, 12, 16), 8), ((1, 20, 24), 16)]
    assert [field.shape for field in opened(f"domains:{folder}", size=8).spec.fields.values()] == [(3, 8, 8), (1, 8, 8)]


def test_a_share_of_each_domain_is_held_out_or_of_none(folder):
    fill(folder, {"a": "x"}, range(40))
    fill(folder, {"b": "y"}, range(30))
    source = opened(f"domains:{folder}", heldout=0.2)
    assert [len(source.heldout.columns[key]) for key in "ab"] == [8, 6]
    assert "a (x) 32 to train, 8 held out; b (y) 24 to train, 6 held out" in source.notes["layout"]
    for i in range(5, 30):
        (folder / "y" / f"{i:03}.png").unlink()
    assert opened(f"domains:{folder}", heldout=0.2).heldout is None


def test_a_check_says_the_domains(folder):
    said = "\n".join(check_data(two_folders(folder), DataOptions()).lines())
    assert "2 domains: 2 folders; a (zebra) 6 to train, 0 held out; b (horse) 6 to train, 0 held out" in said


def test_domains_are_drawn_flipped_and_moved_apart_and_pairs_together(folder):
    for i in range(8):
        picture = np.tile(np.arange(16, dtype=np.uint8) * 8, (12, 1)) + np.uint8(i)
        put(folder / "A" / f"{i}.png", picture)
        put(folder / "B" / f"{i}.png", 255 - picture)

    def drawn(source):
        batch = next(Stream(source.train, source.spec, 8, 3, flip=True).batches())[0]
        rising = [(batch[key][:, 0, 0, 0] < batch[key][:, 0, 0, -1]).tolist() for key in "ab"]
        return batch, rising

    batch, (a, b) = drawn(opened(f"pairs:{folder}"))
    assert a == [not each for each in b]
    assert np.allclose(batch["a"], -batch["b"], atol=1e-6)
    assert 0 < sum(a) < 8
    batch, (a, b) = drawn(opened(f"domains:{folder}"))
    assert a != [not each for each in b]


def test_simulated_images_have_labels_that_no_network_sees(folder):
    fill(folder, {"a": "made", "b": "real"}, range(24))
    rows = [f"{i:03}.png,{i / 8},{-i}" for i in range(24) if i != 3]
    (folder / "gaze.csv").write_text("\n".join(["file,yaw,pitch", *rows]))
    name = f"simulated:{folder}/made,{folder}/real"
    source = opened(name, labels=f"{folder}/gaze.csv", heldout=0.25)
    assert [field.title for field in source.spec.fields.values()] == ["synthetic", "real"]
    assert source.spec.keys == ("a", "b")
    assert source.train.domains == (("a", "label_a"), ("b",))
    numbers = {side("a", i).tobytes(): i for i in range(24)}
    for part, held in ((source.train, False), (source.heldout, True)):
        known = {
            numbers[a.tobytes()]: row for a, row in zip(stored(source, "a", held), part.columns["label_a"], strict=True)
        }
        assert all(np.isnan(row).all() if i == 3 else row.tolist() == [i / 8, -i] for i, row in known.items())
    assert opened(name, heldout=0.25).fingerprint != source.fingerprint


def test_a_comma_in_a_path_is_written_with_a_backslash(folder):
    fill(folder, {"a": "x,1", "b": "y"})
    assert places_in(f"domains:{folder}/x\\,1,y,z") == [f"{folder}/x,1", "y", "z"]
    assert places_in(f"folder:{folder}/x,1") == [f"{folder}/x,1"]
    assert places_in("digits") == []
    titles = [field.title for field in opened(f"domains:{folder}/x\\,1,{folder}/y").spec.fields.values()]
    assert titles == ["x,1", "y"]


@pytest.mark.parametrize("name", sources_with(("a", "b")))
def test_an_embedded_source_says_whether_its_keys_are_paired(name):
    """In its file, which is read when a game asks for other data."""
    paired = not spec_of(DataOptions(source=name)).domains
    assert (name in sources_with(("a", "b"), paired=True)) == paired


def test_what_reads_two_sets_of_images_is_known_without_opening_it():
    assert {"domains:A_DIR,B_DIR", "pairs:PATH"} <= {*places_with(("a", "b"))}
    assert "pairs:PATH" in places_with(("a", "b"), paired=True)
    assert "domains:A_DIR,B_DIR" not in places_with(("a", "b"), paired=True)
    assert "digits-inverted" in sources_with(("a", "b"))
    assert "digits-inverted" not in sources_with(("a", "b"), paired=True)
    assert "folder:PATH" not in places_with(("a", "b"))
    assert "digits-rotated:DEGREES" not in places_with(("a", "b")), "an angle is no file of the user's"


def test_two_folders_without_a_word_are_met_with_what_could_be_meant(folder):
    fill(folder, {"a": "x", "b": "y"})
    with pytest.raises(
        UsageError, match=r"are folders: write pairs:\S+/x,\S+/y if their images belong together, domains:"
    ):
        opened(f"{folder}/x,{folder}/y")
