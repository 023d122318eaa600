"""What to expect of a run of so many rounds: one sentence for its end."""

from .recipe import Recipe, shipped

FEW, MOST = 0.1, 0.95  # shares of the recipe's length


def expectation(recipe: Recipe, rounds: int, pictures: bool = True, scored: bool = True) -> str:
    """After `rounds` rounds, beside the length of the shipped recipe of this game and data. `pictures`: or points?

    `scored` says whether the run has scores.
    Where the batch is another than the recipe's, images count and not rounds.
    """
    source = recipe.data.source
    plan = Recipe.default(recipe.game, source).plan
    whole, unit = plan.wanted, "rounds"
    if shipped(recipe.game, source) is None:
        look = "the pictures and the scores" if scored else "the pictures"
        played = "1 round" if rounds == 1 else f"{rounds:,} rounds"
        return (
            f"{played}. How many these data need is not known beforehand: look at {look} to see whether it needs more"
        )
    if whole is None:
        return f"{rounds:,} rounds, where the recipe plans {plan.minutes:g} minutes: compare what it reached"
    if plan.batch != recipe.plan.batch:
        rounds, whole, unit = rounds * recipe.plan.batch, whole * plan.batch, "images"
    if rounds >= MOST * whole:
        return f"{rounds:,} {unit}, and the recipe's are {whole:,}: compare its scores with those of docs/scores.md"
    faults = "blurs" if pictures else "samples far from the data"
    degree = f"{faults} are normal" if rounds < FEW * whole else "more rounds may make it better"
    return f"{rounds:,} of the recipe's {whole:,} {unit}: {degree}"
