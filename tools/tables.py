"""The tables in the documentation that follow from the code. Without --write, say which are out of date.

    python tools/tables.py --write

docs/games.md, docs/scores.md and docs/reference are made whole; README.md and other pages hold tables between
`<!-- NAME -->` marks.
"""

import ast
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import house
import reference
from reference import prose, table
from score_tables import ARROW, METRICS, scores_page
from stabilisers import STABILISERS

from saddle.auxiliaries import Auxiliary
from saddle.base.kinds import choices, text
from saddle.base.settings import explain
from saddle.data import house_sources
from saddle.doctor import every_rule
from saddle.losses import AdversarialLoss
from saddle.nets.network import Network
from saddle.penalties import Penalty
from saddle.perceptual import Perceptual
from saddle.runs import catalogue, registry
from saddle.runs.describe import describe
from saddle.runs.recipe import Recipe
from saddle.views import View

ROOT = Path(__file__).resolve().parents[1]
PAPER = re.compile(r"(?P<game>[^.]+)\. (?P<title>.+)\. (?P<authors>.+), (?P<year>\d{4})\. (?P<url>https:\S+)")


def paragraphs(name: str) -> list[str]:
    """Those of the docstring of the game's file, each on one line."""
    whole = ast.get_docstring(ast.parse(registry.source(name))) or ""
    return [" ".join(part.split()) for part in whole.split("\n\n")]


def paper(name: str) -> dict[str, str]:
    """game, title, authors, year and url. ValueError for a docstring of another form."""
    found = PAPER.fullmatch(registry.summary(name))
    if not found:
        raise ValueError(f"{name}: the docstring wants to begin 'GAME. Title. Authors, year. https://…'")
    return found.groupdict()


def games_table(link: str) -> str:
    """A table for each group of games, under its title."""
    parts = []
    for title, entries in catalogue.grouped().items():
        lines = [game_line(entry, link) for entry in entries]
        parts.append(f"### {title}\n\n{table(['game', 'what it does', 'paper'], lines)}")
    return "\n\n" + "\n\n".join(parts) + "\n"


def game_line(entry: catalogue.Entry, link: str) -> list[str]:
    about = paper(entry.name)
    place = link.format(file=entry.name.replace("-", "_"), heading=about["game"].lower())
    says = entry.in_short + " **Begin here.**" * entry.start_here
    return [f"[`{entry.name}`]({place})", says, f"[{about['authors']}, {about['year']}]({about['url']})"]


def sources_table() -> str:
    return table(["source", "what it is"], [[f"`{name}`", what.rstrip(".")] for name, what in house_sources().items()])


def metrics_table() -> str:
    lines = [[f"`{name}`", ARROW[metric.better], metric.says] for name, metric in METRICS.items()]
    return table(["metric", "better", "what it says"], lines)


def rules_table() -> str:
    """The doctor's rules, in the order in which they are asked; what each looks at is its docstring."""
    lines = []
    for name, rule in every_rule().items():
        what, *rest = " ".join((rule.__doc__ or "").split()).split(". ", 1)
        lines.append([f"`{name}`", what.rstrip("."), prose(" ".join(rest))])
    return table(["finding", "what is wrong", "what the doctor looks at, and where it warns"], lines)


GAMES = """# Games

Written by `python tools/tables.py --write` from the games: the moves are traced. Under `paper` stand the
game's defaults, under `recipe` what the shipped recipe has in their place. Where a part is of
another class, its settings are other ones: blank under `paper` where the default's part has no such setting, – under
`recipe` where the recipe's has none.

Samples come from averages of the weights over training, in every game alike (`plan.ema_images`, a half-life of 10,000
images as in StyleGAN2). Of the papers, those of ProGAN, BigGAN, BigGAN-deep, StackGAN-v2, StyleGAN2 and R3GAN average
the generator's weights too, at rates of their own; most of the others draw with the weights themselves, as
`--plan.ema_images 1e-6` does here.
"""


def games_page() -> str:
    return GAMES + "".join(map(game_section, registry.names()))


def game_section(name: str) -> str:
    told, about = describe(Recipe.default(name)), paper(name)
    body = prose("\n\n".join(paragraphs(name)[1:]))
    players = ", ".join(f"{player} {n:,}" for player, n in told["players"].items())
    lines = [
        [f"`{entry['name']}`", *paper_and_recipe(entry), prose(entry["meaning"]) + bounds(entry.get("range"))]
        for entry in told["settings"]
        if entry["name"].startswith("game.")
    ]
    return f"""
## {about["game"]}

[{about["title"]}]({about["url"]}). {about["authors"]}, {about["year"]}.

{body}

- a round: {moves(told["moves"])}; it draws {told["batches"]} batch{"es" * (told["batches"] > 1)}
- parameters with this recipe: {players}
- for: {told["kind"]}

```sh
saddle train {name}
```

{table(["setting", "paper", "recipe", "meaning"], lines)}
"""


def paper_and_recipe(entry: dict[str, Any]) -> tuple[str, str]:
    """The default of a setting, blank if it has none, and the recipe's value, blank if it is the same."""
    paper = text(entry["default"]) if "default" in entry else ""
    recipe = text(entry["value"]) if "value" in entry else "–"
    return paper, "" if paper == recipe else recipe


def moves(made: list[dict[str, list[str]]]) -> str:
    """'discriminator minimises adversarial + penalty, 5 times; generator minimises adversarial'."""
    each = [(" + ".join(move["players"]), " + ".join(move["losses"])) for move in made]
    repeats = [(who, what, len(list(same))) for (who, what), same in groupby(each)]
    return "; ".join(f"{who} minimises {what}{f', {n} times' if n > 1 else ''}" for who, what, n in repeats)


SLOTS = {  # the slots of a two-player game, each with the class that fills it
    "loss": (AdversarialLoss, "The adversarial loss of both players."),
    "penalties": (
        Penalty,
        "Terms added to a player's adversarial loss; any number of them, each in every `every`-th round.",
    ),
    "views": (View, "What the discriminator is shown of real and fake samples alike; any number, one after the other."),
    "auxiliaries": (Auxiliary, "Further losses, made of what the discriminator's last layer sees."),
    "network": (Network, "The architecture of both players."),
}


PERCEPTUAL = """In which network outside the game images are compared with true ones; games that draw an image whose
truth is known have this slot. Without one (`none`) some still compare them in the maps of their own discriminator. No
network ever takes another's place: a file that is missing or wrong is an error before the first round, and a run goes
on with no other file than the one it began with. What a run was trained against stands in `saddle info RUN` and in the
fingerprints of its scores, which look at images through other networks. For instance `saddle train spade
--game.perceptual VGG19 --game.perceptual.file vgg19-dcbb9e9d.pth`. SRGAN's paper compares the last maps alone, by
squared differences: `saddle train srgan --game.perceptual VGG19 --game.perceptual.file vgg19-dcbb9e9d.pth
--game.perceptual.layers relu5_4 --game.perceptual.weights 1 --game.perceptual.distance l2 --game.perceptual.normalise
true`. ESRGAN's compares them before the last activation, by absolute differences: `saddle train esrgan` with the same
settings, except `--game.perceptual.layers conv5_4` and `--game.perceptual.distance l1`."""


def parts_page() -> str:
    return """# Parts

What can be put into the slots of a game of two players, such as `dcgan`: `saddle train dcgan --game.loss Hinge
--game.network.critic true --game.penalties R1,LeCam --game.penalties.R1.weight 5 --game.views DiffAugment`. Penalties,
views and `discriminator_steps` are settings of every player that judges, in all games but vae and cvae, which have
none: `saddle train cyclegan --game.views DiffAugment --game.penalties R1`. A combination that cannot work is refused
before the first round, with the reason; `saddle describe GAME` lists what a game refuses. Written by
`python tools/tables.py --write` from the code.
""" + "".join([*(slot_section(slot, kind, what) for slot, (kind, what) in SLOTS.items()), *beyond()])


def beyond() -> list[str]:
    """What other games have slots for, and the stabilisers."""
    return [slot_section("perceptual", Perceptual, PERCEPTUAL), stabilisers_section()]


def stabilisers_section() -> str:
    lines = [
        [name + takers(words), f"`saddle train {words}`", f"[{paper}](https://arxiv.org/abs/{number})"]
        for name, words, paper, number in STABILISERS
    ]
    return f"""
## Stabilisers and where they are set

One example of each; most go together with others.

{table(["stabiliser", "setting", "paper"], lines)}

`critic` leaves batch norm out of the discriminator, with which a penalty of each sample's own gradient cannot work. The
networks SNResNet, SNCNN, SAGAN, BigGAN and BigGANDeep always have spectral norm.

Where several players judge, as the levels of lapgan, the sizes of stackgan-v2 and the domains of cyclegan, each has
the same steps and views, and its own penalties, whose names end in its own: `r1_level_8`. A discriminator of pairs
is shown views of the images, and its penalty is of the pair; aae's judges codes, so that views of images are refused. A
penalty on a generator counts once.
"""


def takers(words: str) -> str:
    """' (DCGAN, MLP)', the networks that take the setting of a network that a command makes; '' if it makes none."""
    found = re.search(r"--game\.network\.(spectral|norm|minibatch) ", words)
    ours = {name: part for name, part in choices(Network).items() if part.__module__.startswith("saddle.")}
    return f" ({', '.join(name for name, part in ours.items() if found[1] in explain(part()))})" if found else ""


def slot_section(slot: str, kind: type, what: str) -> str:
    ours = {name: part for name, part in choices(kind).items() if part.__module__.startswith("saddle.")}
    lines = [[f"`{name}`", about(part), settings_of(part)] for name, part in ours.items()]
    return f"\n## {slot}\n\n{what}\n\n{table(['class', 'what it is', 'settings'], lines)}\n"


def about(part: type) -> str:
    """The first paragraph of a class's docstring, and the links of the others."""
    first, *others = [" ".join(each.split()) for each in (part.__doc__ or "").split("\n\n")]
    links = [url for other in others for url in re.findall(r"https://\S+[^\s.,:;)]", other)]
    return prose(" ".join([first, *links]))


def settings_of(part: type) -> str:
    told = explain(part())
    own = {name: each for name, each in told.items() if "." not in name}
    return ", ".join(f"`{name}` {text(each.default)}{bounds(each.range)}" for name, each in own.items())


def bounds(said: object) -> str:
    """' (at least 1)', as it follows a setting; '' of one without a range."""
    return f" ({said})" if said else ""


def filled(path: Path, tables: dict[str, str]) -> str:
    """The page with its tables between their marks. ValueError for a page without the marks."""
    page = path.read_text("utf-8")
    for name, body in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if begin not in page or end not in page:
            raise ValueError(f"{path} has no place for a table: {begin} … {end}")
        page = page.partition(begin)[0] + f"{begin}\n{body}\n{end}" + page.partition(end)[2]
    return page


def front() -> str:
    """The first screen of the README, for the first page of the site: there links begin in docs."""
    page = (ROOT / "README.md").read_text("utf-8")
    return page.partition("<!-- front -->\n")[2].partition("\n<!-- /front -->")[0].replace("](docs/", "](")


def pages() -> dict[Path, str]:
    """Every page with something made in it, as it should be."""
    docs = ROOT / "docs"
    return {
        ROOT / "README.md": filled(ROOT / "README.md", {"games": games_table("src/saddle/games/{file}.py")}),
        docs / "index.md": filled(docs / "index.md", {"front": front(), "games": games_table("games.md#{heading}")}),
        docs / "data.md": filled(docs / "data.md", {"sources": sources_table()}),
        docs / "metrics.md": filled(docs / "metrics.md", {"metrics": metrics_table()}),
        docs / "troubleshooting.md": filled(docs / "troubleshooting.md", {"rules": rules_table()}),
        docs / "design.md": filled(docs / "design.md", {"rooms": house.table()}),
        docs / "games.md": games_page(),
        docs / "parts.md": parts_page(),
        docs / "scores.md": scores_page(),
    }


def stale() -> dict[Path, str | None]:
    """The pages that are out of date, as they should be, those of the reference too; None for one too many."""
    return reference.differing(pages()) | reference.stale()


if __name__ == "__main__":
    sys.exit(reference.write_or_say(stale()))
