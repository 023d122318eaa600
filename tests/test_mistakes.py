"""Mistakes of well-known implementations, each with a test that fails if it is made here.

Where a property of every game can say it, it does; what belongs to one loss or penalty stands at the end. Others are
with their subject: norms over the wrong axes, penalties of mixed batches and half gradients in test_penalties*.py.
"""

import inspect
from functools import cache
from pathlib import Path

import pytest
import torch
from small import GAMES, make_trainer, shipped
from torch import Tensor, nn

from saddle import penalties
from saddle.base.errors import UsageError
from saddle.data import DataOptions, embedded, open_source
from saddle.losses import RelativisticAverage
from saddle.nets.dcgan import DCGAN
from saddle.penalties import InputPenalty, Penalty
from saddle.runs import registry
from saddle.spec import DataSpec
from saddle.tasks import Synthesis
from saddle.training.trainer import Trainer

GENERATOR_FIRST = {"esrgan"}  # as in its authors' code
by_game = pytest.mark.parametrize("name", GAMES)


@cache
def trainer_of(name: str) -> Trainer:
    """The game, built once for all tests here; none of them changes it."""
    return make_trainer(name)


def modules_of(name: str) -> dict[str, nn.Module]:
    """By the players' and their parts' names."""
    players = trainer_of(name).game.players()
    return {f"{player}.{path}": m for player, net in players.items() for path, m in net.named_modules()}


@cache
def moves_of(name: str, progress: float = 0.0) -> list[tuple[tuple[str, ...], dict[str, bool]]]:
    """The moves of one round: whose optimizers step, and for each loss whether its gradient reaches one who moves."""
    trainer, made = trainer_of(name), []
    trainer.game.progress = progress
    for move in trainer.game.round(trainer.deal()[0]):
        weights = trainer.parameters(move)
        reached = {}
        for term, loss in move.losses.items():
            gradients = (
                torch.autograd.grad(loss, weights, allow_unused=True, retain_graph=True) if loss.requires_grad else ()
            )
            reached[term] = any(g is not None for g in gradients)
        made.append((move.optims, reached))
        sum(move.losses.values()).backward(inputs=weights)
        trainer.game.zero_grad()
    return made


@by_game
def test_batch_norms_second_argument_is_eps_and_not_momentum(name):
    """BatchNorm2d(c, 0.8) divides by √(variance + 0.8)."""
    norms = {path: m for path, m in modules_of(name).items() if isinstance(getattr(m, "eps", None), float)}
    assert {path: m.eps for path, m in norms.items() if not 0 < m.eps <= 1e-3} == {}


@by_game
def test_no_probability_leaves_a_network(name):
    """A softmax before the cross-entropy is a double one; a sigmoid has no place before least squares either."""
    squashing = (nn.Softmax, nn.LogSoftmax, nn.LogSigmoid)
    assert [path for path, m in modules_of(name).items() if isinstance(m, squashing)] == []
    game = trainer_of(name).game
    judges = [path for path, m in modules_of(name).items() if isinstance(m, nn.Sigmoid)]
    assert [path for path in judges if path.partition(".")[0] not in game.averaged] == []


@by_game
def test_every_loss_that_is_computed_trains_one_who_moves(name):
    """No loss is written and never back-propagated, and none is detached by being wrapped anew."""
    for players, reached in moves_of(name):
        assert all(reached.values()), f"in the move of {players}: {reached}"
        assert reached


@by_game
def test_the_generator_moves_after_all_of_the_discriminators_steps(name):
    """`batch % n_critic == 0` would let it move after the very first one."""
    game = trainer_of(name).game
    steps = getattr(game.options, "discriminator_steps", None)
    if steps is None or set(game.players()) != {"generator", "discriminator"}:
        return
    players = [players for players, _ in moves_of(name, 0.99)]  # with both, where the generator learns alone first
    if name in GENERATOR_FIRST:
        players = players[1:] + players[:1]
    assert players[:steps] == [("discriminator",)] * steps
    assert players[steps:] == [("generator",)] * len(players[steps:])
    assert len(players) > steps


@by_game
def test_a_regulariser_is_part_of_its_players_own_step(name):
    """In a step of its own, Adam's moments would take turns between two losses; a phase has an optimizer of its own."""
    for player in trainer_of(name).optims:
        rounds = [moves_of(name), moves_of(name, 0.99)]  # who reads first and draws then has a part of the run each
        own = [[reached for players, reached in moves if player in players] for moves in rounds]
        assert any(own), f"{player} never moves"
        for moves in filter(None, own):
            assert len({frozenset(reached) for reached in moves}) == 1, f"{player} moves down different losses"


@by_game
def test_no_layer_with_weights_is_used_in_two_places_by_accident(name):
    """The same module appended at each resolution has the weights of one."""
    players = trainer_of(name).game.players()
    places: dict[int, list[str]] = {}
    for player, net in players.items():
        for path, parameter in net.named_parameters(remove_duplicate=False):
            places.setdefault(id(parameter), []).append(f"{player}.{path}")
    assert [paths for paths in places.values() if len(paths) > 1] == []


@by_game
def test_a_label_is_not_multiplied_onto_the_latent(name):
    """z · embedding(label) forgets the label where z is 0: there, labels must still make a difference."""
    game = trainer_of(name).game
    if not isinstance(game, Synthesis) or not getattr(game.options, "conditional", False):
        return
    game = make_trainer(name).game.eval()
    z, label = torch.zeros(2, *game.noise(2).shape[1:]), torch.tensor([0, 1])
    with torch.no_grad():
        for parameter in game.parameters():  # a conditional norm begins with the same scales for all classes
            parameter += 0.1 * torch.randn_like(parameter)
        first, second = game.decode(z, label)
    assert not torch.equal(first, second)


@by_game
def test_the_data_of_a_generator_of_images_lie_between_minus_one_and_one(name):
    """Data in [0, 1] against a tanh: the discriminator tells them apart by the sign."""
    trainer = trainer_of(name)
    batch = next(trainer.deal()[0])
    pictures = {key: x for key, x in batch.items() if x.ndim == 4 and x.is_floating_point()}
    for key, x in pictures.items():
        image = trainer.game.data.fields[key].as_planes(x)  # as networks see them: of a mask -1 and 1
        assert image.min() < -0.5, key
        assert -1 <= image.min() <= image.max() <= 1, key


def test_all_embedded_images_lie_between_minus_one_and_one():
    found = 0
    for name in embedded():
        source = open_source(DataOptions(source=name))
        if source.spec.is_image:
            found += 1
            batch = make_batch(source)
            assert batch.min() < -0.3, name
            assert -1 <= batch.min() <= batch.max() <= 1, name
    assert found


def make_batch(source) -> Tensor:
    from saddle.data import Stream

    stream = Stream(source.train, source.spec, 16, 0, device="cpu", micro_batches=1)
    batch = next(stream.batches(0))[0]
    return torch.cat([x.flatten() for key, x in batch.items() if source.spec.fields[key].kind == "image"])


@pytest.mark.parametrize("kind", [kind for kind in shipped(Penalty).values() if issubclass(kind, InputPenalty)])
def test_batch_norm_in_a_critic_with_a_penalty_on_each_samples_gradient_is_refused(kind):
    gan = registry.load("gan")
    options = gan.Options(network=DCGAN(width=2), penalties=(kind(),))
    with pytest.raises(UsageError, match=f"{kind.__name__} looks at each sample's own gradient"):
        gan(DataSpec.of((1, 16, 16)), options)


def test_every_penalty_on_an_input_asks_for_a_critic_without_batch_norm():
    """A new one that calls `input_gradient` without the check would be found here."""
    takes_gradients = [
        kind
        for kind in shipped(Penalty).values()
        if "input_gradient"
        in "".join(inspect.getsource(k) for k in kind.__mro__ if k.__module__.startswith(f"{penalties.__name__}."))
    ]
    assert takes_gradients
    assert all(issubclass(kind, InputPenalty) for kind in takes_gradients)


def test_the_average_of_a_relativistic_loss_is_not_a_constant():
    """Detached, the gradient of a real logit would be its own term's alone."""
    loss, fake = RelativisticAverage("least-squares"), torch.tensor([0.0, 2.0])
    real = torch.tensor([1.0, 4.0], requires_grad=True)  # means 2.5 and 1
    (gradient,) = torch.autograd.grad(loss.discriminator(real, fake), real)
    own = (real.detach() - 1 - 1) * 2 / 2
    through_the_mean = ((2.5 - fake) - 1) * 2
    assert torch.allclose(gradient, own + through_the_mean.mean() / 2)


def test_the_second_relativistic_term_compares_each_fake_with_the_mean_of_the_data():
    """The earliest code took the mean of the fakes from each real logit, in both terms."""
    loss, real = RelativisticAverage("least-squares"), torch.tensor([1.0, 5.0])
    narrow, wide = (float(loss.discriminator(real, 3 + torch.tensor([-s, s]))) for s in (0.0, 2.0))
    assert wide - narrow == pytest.approx(4.0)


def test_the_hinge_of_a_relativistic_loss_is_each_samples_and_the_datas_mean_is_differentiated():
    """Reduced over the batch before the hinge, and with the mean detached, it is another loss."""
    loss = RelativisticAverage("hinge")
    real, fake = torch.tensor([0.0, 0.0], requires_grad=True), torch.tensor([-3.0, 3.0], requires_grad=True)
    value = loss.generator(real, fake)
    assert float(value.detach()) == pytest.approx((4 + 0) / 2 + 1)  # of the batch's mean: 1 + 1
    of_real, of_fake = torch.autograd.grad(value, (real, fake))
    assert of_real.tolist() == pytest.approx([0.25 + 0.5, 0.25 + 0.5])
    assert of_fake[0] != of_fake[1]


def test_no_game_or_loss_wraps_a_tensor_anew():
    """torch.Tensor([loss]) and torch.tensor(loss) cut the graph."""
    root = Path(penalties.__file__).parents[1]
    files = [root / f"{name}.py" for name in ("auxiliaries", "views")]
    folders = [file for name in ("losses", "penalties", "games") for file in (root / name).glob("*.py")]
    assert len(folders) > 60
    for file in (*files, *folders):
        assert "torch.Tensor(" not in file.read_text("utf-8"), file.name
