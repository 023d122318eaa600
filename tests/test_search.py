"""The search for a latent: rows that do not know of each other, networks that stay as they were."""

import pytest
import torch
from torch import Tensor, nn

from saddle.base.errors import UsageError
from saddle.layers.norm import BatchNorm1d
from saddle.layers.search import Descent, Found, Prior, at_rest, find_latent, nearest

QUICK = Descent(steps=60, lr=0.05)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 8)).eval()


def squared(made: Tensor, target: Tensor) -> Tensor:
    return (made - target).square().sum(1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_latents_are_found_again():
    generate, z = network(), normal(6, 4)
    with torch.no_grad():
        target = generate(z)
        start = normal(6, 4, seed=1)
        far = squared(generate(start), target)
    found = find_latent(generate, squared, target, start, Descent(steps=150, lr=0.1, settle=0.3))
    assert (found.distance < 0.05 * far).all()
    assert ((found.z - z).norm(dim=1) < 0.5 * (start - z).norm(dim=1)).all()


def test_a_search_that_begins_at_the_goal_stays_there():
    generate, z = network(), normal(3, 4)
    with torch.no_grad():
        target = generate(z)
    found = find_latent(generate, squared, target, z, QUICK)
    assert torch.equal(found.z, z)
    assert torch.equal(found.distance, torch.zeros(3))


def test_a_row_is_found_alone_as_it_is_among_others():
    generate, target, z = network().double(), normal(5, 8).double(), normal(5, 4, seed=1).double()
    together = find_latent(generate, squared, target, z, QUICK)
    for i in range(5):
        alone = find_latent(generate, squared, target[i : i + 1], z[i : i + 1], QUICK)
        torch.testing.assert_close(alone.z[0], together.z[i], rtol=1e-9, atol=1e-9)


def test_the_gradient_reaches_the_latents_alone_and_nothing_of_a_network_changes():
    generate, target = network(), normal(5, 8)
    start, before = normal(5, 4, seed=1), {name: value.clone() for name, value in generate.state_dict().items()}
    kept = start.clone()
    with torch.no_grad():  # as in use
        find_latent(generate, squared, target.requires_grad_(), start, QUICK)
    assert all(p.grad is None for p in generate.parameters())
    assert target.grad is None
    assert torch.equal(start, kept)
    assert all(torch.equal(value, before[name]) for name, value in generate.state_dict().items())


def test_adam_starts_anew_at_each_search():
    generate, target, z = network(), normal(5, 8), normal(5, 4, seed=1)
    first, again = (find_latent(generate, squared, target, z, QUICK) for _ in range(2))
    assert torch.equal(first.z, again.z)


def test_the_rate_falls_to_0_over_the_last_share_of_the_steps():
    how = Descent(steps=100, lr=0.1, settle=0.25)
    assert [how.rate(step) for step in (0, 74)] == pytest.approx([0.1, 0.1])
    assert how.rate(99) == pytest.approx(0.1 * 0.04)
    assert Descent(steps=100, lr=0.1).rate(99) == 0.1


def test_of_several_searches_each_row_keeps_its_nearest():
    z = normal(3, 2, 4)
    found = nearest(
        Found(z[k], torch.tensor(each)) for k, each in enumerate(([1.0, float("nan")], [2.0, 3.0], [0.5, 4.0]))
    )
    assert found.distance.tolist() == [0.5, 3.0]
    assert torch.equal(found.z, torch.stack((z[2, 0], z[1, 1])))


def test_latents_are_kept_where_the_prior_is():
    uniform = Prior(torch.rand(1000, 3) * 2 - 1)
    assert uniform(torch.full((1, 3), 5.0)).abs().max() <= 1
    draws = normal(1000, 64)
    prior = Prior(draws)
    far = prior(normal(9, 64, seed=1) * 10)
    assert (far.norm(dim=1) <= draws.norm(dim=1).amax() * (1 + 1e-5)).all()
    near = normal(9, 64, seed=2)
    torch.testing.assert_close(prior(near), near, rtol=0, atol=0)


def test_a_step_too_far_is_taken_back():
    """Down a slope without a bottom the latents come to the prior's edge, and stay there."""
    prior = Prior(torch.rand(1000, 4) * 2 - 1)
    found = find_latent(lambda z: z, lambda made, _: -made.sum(1), torch.zeros(2, 4), torch.zeros(2, 4), QUICK, prior)
    assert (found.z <= 1).all()
    assert (found.z > 0.9).all()


def test_choices_stay_as_they_were_drawn():
    draws = torch.cat((torch.rand(500, 2), torch.eye(3)[torch.randint(3, (500,))]), 1)
    prior = Prior(draws)
    assert prior.free.tolist() == [True, True, False, False, False]
    start = draws[:4]
    found = find_latent(lambda z: z, squared, torch.full((4, 5), 0.5), start, QUICK, prior)
    assert torch.equal(found.z[:, 2:], start[:, 2:])
    assert not torch.equal(found.z[:, :2], start[:, :2])


def test_networks_at_rest_come_back_as_they_were():
    net = network().train()
    net[1].eval()
    with at_rest(net):
        assert not any(module.training for module in net.modules())
    assert [module.training for module in net] == [True, False, True, True]


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"restarts": 0}, {"lr": 0.0}, {"lr": float("nan")}])
def test_a_search_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Descent(**wrong)
