"""What samples are asked to show: drawn by the data's distribution, read from text, refused where it cannot be."""

import json
from dataclasses import fields

import pytest
import torch
from eights import BATCH, LABELLED, SMALL
from seeding import seed_all
from small import shipped

from saddle.base.errors import SaddleError, UsageError
from saddle.data import DataOptions, open_source
from saddle.games._two_player import TwoPlayer
from saddle.games.cvae import CVAE
from saddle.games.gan import GAN
from saddle.games.infogan import InfoGAN
from saddle.games.lapgan import LAPGAN
from saddle.nets.dcgan import DCGAN
from saddle.nets.network import Network
from saddle.nets.sngan import SNResNet
from saddle.runs import registry
from saddle.runs.trace import random_batch
from saddle.spec import Condition, DataSpec, Field, conditions

CLASSES = Condition("class", ("cat", "dog", "7"))
COLUMNS = Condition("labels", ("smiling", "young"))
NUMBERS = Condition("numbers", ("angle", "size"))
TEXT = Condition("text", length=4)
FACES = DataSpec.of((1, 8, 8), ("image", "label"), condition=COLUMNS, distribution=((1.0, 0.0), (0.0, 0.0), (1.0, 0.0)))


def drawn(spec, n=20_000):
    return conditions.pick(spec, torch.rand(n, generator=torch.Generator().manual_seed(0)))


def test_classes_and_a_class_condition_follow_from_each_other():
    named, told = DataSpec.of((2,), classes=("a", "b")), DataSpec.of((2,), condition=Condition("class", ("a", "b")))
    assert named == told
    assert named.condition == told.condition
    assert DataSpec.of((2,)).classes == ()
    assert DataSpec.of((2,)).condition is None
    assert FACES.classes == ()


def test_data_have_one_condition():
    with pytest.raises(UsageError, match="one condition: classes, or 0 or 1 for each of smiling, young"):
        DataSpec.of((2,), classes=("a",), condition=COLUMNS)


@pytest.mark.parametrize("spec", [LABELLED, FACES])
def test_of_unconditional_data_nothing_is_told(spec):
    bare = spec.unconditional()
    assert (bare.classes, bare.condition, bare.distribution, bare.partial) == ((), None, (), False)
    assert bare.shape == spec.shape


@pytest.mark.parametrize(
    "spec", [LABELLED, FACES, SMALL, DataSpec.of((2,), condition=TEXT, distribution=((97, 0, 0, 0),), partial=True)]
)
def test_what_the_data_offer_is_remembered_with_a_run(spec):
    again = DataSpec.from_facts(json.loads(json.dumps(spec.to_facts())))
    assert again == spec
    assert hash(again) == hash(spec)


def test_a_run_of_before_there_were_conditions_opens():
    old = {"shape": [1, 8, 8], "keys": ["image", "label"], "classes": ["a", "b"], "bits": 8, "single": False}
    assert DataSpec.from_facts(old).condition == Condition("class", ("a", "b"))
    assert DataSpec.from_facts(old).distribution == ()


def test_the_identity_of_labelled_data_is_written_out_and_stays():
    fields = '["image", {"kind": "image", "shape": [1, 8, 8]}], ["label", {"kind": "labels", "names": '
    assert FACES.identity() == f'data 1 {{"fields": [{fields}["smiling", "young"], "shape": [2]}}]]}}'


def test_labels_are_drawn_with_the_shares_that_the_data_have():
    law = conditions.distribution(CLASSES, torch.tensor([0, 0, 0, 2, -1, -1]))
    assert law == (0.75, 0, 0.25)
    shares = drawn(DataSpec.of((2,), condition=CLASSES, distribution=law)).bincount(minlength=3) / 20_000
    assert torch.allclose(shares, torch.tensor(law), atol=0.02)
    assert shares[1] == 0


def test_without_a_law_every_class_is_as_likely():
    assert torch.allclose(drawn(LABELLED).bincount() / 20_000, torch.tensor(1 / 3), atol=0.02)


def test_only_rows_that_occur_are_drawn_as_often_as_they_do():
    rows = drawn(FACES)
    assert rows.unique(dim=0).tolist() == [[0, 0], [1, 0]]
    assert rows[:, 0].mean() == pytest.approx(2 / 3, abs=0.02)


def test_a_law_of_many_rows_keeps_a_thousand_of_them_all_along():
    rows = torch.arange(5000.0)[:, None]
    law = conditions.distribution(NUMBERS, torch.cat([rows, torch.full((7, 1), torch.nan)]))
    assert len(law) == 1000
    assert (law[0], law[-1]) == ((0.0,), (4999.0,))


def test_columns_are_told_in_words_that_can_be_asked_for():
    assert conditions.in_words(COLUMNS, torch.tensor([1.0, 1.0])) == "smiling, young"
    assert conditions.in_words(COLUMNS, torch.tensor([0.0, 0.0])) == "none"
    assert conditions.in_words(NUMBERS, torch.tensor([0.25, 3.0])) == "angle 0.25, size 3"
    on = torch.tensor([0.0, 1.0])
    assert torch.equal(conditions.read(COLUMNS, conditions.in_words(COLUMNS, on)), on)


def test_texts_are_drawn_as_whole_numbers():
    spec = DataSpec.of((2,), ("image", "caption"), condition=TEXT, distribution=((97, 98, 0, 0), (99, 0, 0, 0)))
    assert drawn(spec, 8).dtype == torch.int64
    assert random_batch(spec, 3)["caption"].shape == (3, 4)


@pytest.mark.parametrize(
    ("condition", "text", "value"),
    [
        (CLASSES, "dog", 1),
        (CLASSES, "0", 0),
        (CLASSES, "7", 2),  # a name, before it is a number
        (CLASSES, 1, 1),
        (COLUMNS, "1, 0.5", [1, 0.5]),
        (COLUMNS, "young", [0, 1]),
        (COLUMNS, "young,smiling", [1, 1]),
        (COLUMNS, "", [0, 0]),
        (NUMBERS, "-3.5,1e2", [-3.5, 100]),
        (NUMBERS, [1, 0.25], [1, 0.25]),
    ],
)
def test_a_condition_is_read_from_text(condition, text, value):
    assert conditions.read(condition, text).tolist() == value


def test_a_class_that_is_called_like_the_number_of_another_is_meant_and_it_is_said():
    assert conditions.doubt(CLASSES, "7") == "label 7 is the class of that name, which is number 2"
    assert conditions.doubt(CLASSES, 7) == "label 7 is the class of that name, which is number 2"
    assert [conditions.doubt(CLASSES, asked) for asked in ("cat", "0", "9")] == [None] * 3
    assert conditions.doubt(Condition("class", tuple("012")), "1") is None
    assert conditions.doubt(COLUMNS, "1") is None
    assert conditions.doubt(None, "1") is None


@pytest.mark.parametrize(
    ("condition", "text", "message"),
    [
        (CLASSES, "dgo", r"no label 'dgo' \(did you mean dog\?\); there are cat, dog, 7"),
        (CLASSES, "3", "no label '3'; there are cat, dog, 7, or the numbers 0 to 2"),
        (CLASSES, "-1", "no label '-1'"),
        (COLUMNS, "yung", r"no label 'yung' \(did you mean young\?\).*of smiling, young, or write 2 numbers"),
        (COLUMNS, "1", "--label 1 has 1 number; it wants 2 with commas between, for smiling, young"),
        (COLUMNS, "1,2", "each is 0, 1 or something between"),
        (NUMBERS, "1,2,3", "--label 1,2,3 has 3 numbers; it wants 2"),
        (NUMBERS, "1,nan", "--label 1,nan is not numbers"),
        (TEXT, "red", "write --text instead"),
        (Condition("class", tuple(map(str, range(100)))), "x", "18, 19 and 80 more"),
    ],
)
def test_an_unreadable_condition_says_what_is_possible(condition, text, message):
    with pytest.raises(UsageError, match=message):
        conditions.read(condition, text)


def conditional(data=LABELLED, kind=TwoPlayer):
    return kind(data, kind.Options(network=SNResNet(8), conditional=True, z_dim=4))


@pytest.mark.parametrize(
    "build",
    [
        conditional,
        lambda data: CVAE(data, CVAE.Options(width=4)),
        lambda data: LAPGAN(data, LAPGAN.Options(conditional=True, width=4, smallest_width=4, smallest=8)),
    ],
)
def test_every_conditional_game_draws_by_the_law_and_is_refused_what_it_cannot_take(build):
    game = build(DataSpec.of((1, 16, 16), ("image", "label"), ("a", "b"), distribution=(0.0, 1.0)))
    seed_all(0)
    assert game.draw_label(50).tolist() == [1] * 50
    assert game.condition == Condition("class", ("a", "b"))
    assert "label" in game.needs
    with pytest.raises(UsageError, match="needs the label of every sample, and some of these are unknown"):
        build(DataSpec.of((1, 16, 16), ("image", "label"), ("a", "b"), partial=True))
    with pytest.raises(UsageError, match="smiling, young"):
        build(FACES)
    with pytest.raises(UsageError, match="label"):
        build(SMALL)


def test_a_network_with_a_vector_for_each_class_takes_no_columns():
    with pytest.raises(
        UsageError, match=r"SNResNet has a vector of its own for every class.*takes columns, such as cgan, or leave out"
    ):
        conditional(FACES)


def test_a_game_without_conditions_plays_on_any_data():
    for data in (FACES, DataSpec.of((1, 8, 8), ("image", "label"), ("a", "b"), partial=True)):
        game = GAN(data, GAN.Options(network=DCGAN(4, critic=True), z_dim=4))
        assert game.draw_label(3) is None
        assert game.condition is None


def test_a_code_of_the_games_own_is_not_drawn_by_the_datas_law():
    names = tuple(map(str, range(10)))
    game = InfoGAN(
        DataSpec.of((1, 8, 8), ("image", "label"), names, distribution=(1.0,) + (0.0,) * 9), InfoGAN.Options(width=4)
    )
    assert game.condition == Condition("class", names)
    assert game.draw_label(5) is None


def test_few_labels_are_the_same_everywhere_and_the_others_are_unknown():
    source = open_source(DataOptions(labelled=10))
    told = source.train.columns["label"][:]
    assert source.spec.partial
    assert source.spec.distribution == pytest.approx([0.1] * 10)
    whole = open_source(DataOptions())
    assert not whole.spec.partial
    assert (told[told >= 0] == whole.train.columns["label"][:][told >= 0]).all()
    assert sorted(told[told >= 0].tolist()) == [digit for digit in range(10) for _ in range(10)]
    assert (told == open_source(DataOptions(labelled=10)).train.columns["label"][:]).all()
    assert (source.heldout.columns["label"][:] >= 0).all()
    marks = {open_source(DataOptions(labelled=k)).fingerprint for k in (0, 5, 10)}
    assert len(marks) == 3


@pytest.mark.parametrize(("each", "message"), [(-1, "labelled is at least 0, not -1"), (129, "only 128 labelled")])
def test_an_odd_number_of_labels_is_refused(each, message):
    with pytest.raises(UsageError, match=message):
        open_source(DataOptions(labelled=each))


def test_half_labelled_digits_are_refused_by_a_game_that_needs_all_labels():
    with pytest.raises(UsageError, match=r"some of these are unknown.*a game that learns from both, such as sgan"):
        registry.load("cvae")(open_source(DataOptions(labelled=5)).spec)


def test_the_batch_of_a_conditional_game_has_its_form():
    batch = random_batch(FACES, 5)
    assert batch["label"].shape == (5, 2)
    assert set(BATCH) == set(batch)


NETWORKS = {
    name: kind(**{f.name: 16 for f in fields(kind) if f.name in ("width", "w_dim", "shared", "group")})
    for name, kind in shipped(Network).items()
    if kind.takes_labels
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_generator_told_all_of_one_class_draws_that_class_and_between_two_something_else(name):
    classes = ("a", "b", "c")
    data = DataSpec.of((3, 16, 16), ("image", "label"), classes)
    game = TwoPlayer(data, TwoPlayer.Options(network=NETWORKS[name], conditional=True, z_dim=18)).eval()
    for path, table in game.generator.named_parameters():
        if path.endswith((".scale", ".shift")):  # of batch norm, where all classes begin alike
            torch.nn.init.normal_(table, std=0.5, generator=torch.Generator().manual_seed(table.numel()))
    z, label = game.noise(1).expand(3, -1), torch.arange(3)
    asked, mixed = game.decode(z, label), game.embed(label)
    assert torch.allclose(game.decode(z, mixed), asked, atol=1e-6)
    between = game.decode(z[:1], (mixed[:1] + mixed[1:2]) / 2)
    assert not torch.allclose(between, asked[:1], atol=1e-5)
    assert not torch.allclose(between, asked[1:2], atol=1e-5)


@pytest.mark.parametrize(
    "game",
    [
        CVAE(LABELLED, CVAE.Options(width=4)),
        LAPGAN(
            DataSpec.of((1, 16, 16), ("image", "label"), LABELLED.classes),
            LAPGAN.Options(conditional=True, width=4, smallest_width=4),
        ),
    ],
)
def test_classes_have_a_between_in_other_games_too(game):
    z, label = game.eval().noise(3), torch.arange(3)
    assert torch.equal(game.decode(z, game.embed(label)), game.decode(z, label))


def test_columns_are_their_own_between_and_a_code_of_the_games_own_has_none():
    rows = torch.tensor([[0.0, 1.0]])
    assert InfoGAN(SMALL, InfoGAN.Options(width=4)).embed(rows) is rows
    assert InfoGAN(SMALL, InfoGAN.Options(width=4)).embed(torch.tensor([1])) is None


def test_equal_data_have_equal_hashes_in_whatever_order_their_keys_stand():
    fields = {"a": Field("image", (1, 8, 8)), "b": Field("image", (3, 8, 8))}
    one, other = DataSpec(fields), DataSpec(dict(reversed(fields.items())))
    assert one == other
    assert hash(one) == hash(other)
    assert one.identity() != other.identity()  # the first key is the main one


@pytest.mark.parametrize("shape", [(), (0, 8, 8), (1, 2, 3, 4)])
def test_a_sample_of_no_possible_shape_is_refused(shape):
    with pytest.raises(UsageError, match="a sample is"):
        DataSpec.of(shape)


GROUPED = Condition("labels", ("red", "blue", "inverted"), groups=(("red", "blue"),))


def test_labels_that_exclude_each_other_are_not_asked_for_together():
    assert conditions.read(GROUPED, "blue,inverted").tolist() == [0, 1, 1]
    with pytest.raises(UsageError, match="red and blue exclude each other; name one of red, blue"):
        conditions.read(GROUPED, "red,blue")


def test_data_remember_which_labels_exclude_each_other():
    spec = DataSpec.of((1, 8, 8), ("image", "label"), condition=GROUPED)
    assert spec.condition == GROUPED
    assert DataSpec.from_facts(json.loads(json.dumps(spec.to_facts()))) == spec
    free = DataSpec.of((1, 8, 8), ("image", "label"), condition=Condition("labels", GROUPED.names))
    assert "groups" in spec.identity()
    assert "groups" not in free.identity()


@pytest.mark.parametrize("groups", [[["red", "green"]], [["red", "blue"], ["blue", "inverted"]]])
def test_groups_of_labels_that_no_data_have_are_refused(groups):
    facts = json.loads(json.dumps(DataSpec.of((1, 8, 8), ("image", "label"), condition=GROUPED).to_facts()))
    facts["fields"]["label"]["groups"] = groups
    with pytest.raises(SaddleError, match=r"data\.fields\.label\.groups"):
        DataSpec.from_facts(facts)
