"""The pages of docs/reference: every command from its help, every public name of Python from its docstring.

    python tools/reference.py --write

Without --write, say which pages are out of date. The navigation of mkdocs.yml between its marks is made too.
`python tools/tables.py --write` makes these and all other pages.
"""

import ast
import inspect
import re
import sys
from argparse import SUPPRESS, Action, HelpFormatter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import saddle
from saddle import cli
from saddle.base.settings import Setting, explain, text
from saddle.data import DataOptions
from saddle.show.pictures import replace
from saddle.training.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "docs" / "reference"
MADE = "<!-- Made by `python tools/tables.py --write`; change the {0}, not this page. -->"
TITLES = {"game": "Games", "data": "Data", "plan": "Plan"}
OPENED = {"saddle.runs.run": ["Run"], "saddle.metrics.score": ["Score"]}  # what the functions of `saddle` give back


def table(columns: list[str], lines: list[list[str]]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def prose(words: str) -> str:
    """Of a docstring or a help, as Markdown has it: but in code, stars, hooks and dollars are themselves."""
    parts = words.split("`")
    return "`".join(part if i % 2 else re.sub(r"([*<$])", r"\\\1", part) for i, part in enumerate(parts))


def joined(parts: list[str]) -> str:
    """A page of its parts, without those that are empty."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


# Commands


def command_page(name: str) -> str:
    command = import_module(f"saddle.cli.{name}")
    first, *rest = (inspect.getdoc(command) or "").split("\n\n")
    parts = [MADE.format("command's help"), f"# saddle {name}", prose(first)]
    parts += [examples(part) if is_example(part) else prose(part) for part in rest]
    actions = [action for action in cli.parser_of(command)._actions if action.help != SUPPRESS]
    positional = [action for action in actions if not action.option_strings]
    optional = [action for action in actions if action.option_strings]
    for title, found in (("argument", positional), ("option", optional)):
        if found:
            lines = [[spelt(action), meaning(action)] for action in found]
            parts += [f"## {title.capitalize()}s", table([title, "meaning"], lines)]
    return joined([*parts, *settings_note(command)])


def is_example(part: str) -> bool:
    return all(re.match(r" *(saddle|torchrun) ", line) for line in part.splitlines())


def examples(part: str) -> str:
    """Commands as a block of the shell; what is said beside one becomes a comment above it."""
    lines = []
    for line in part.splitlines():
        words, *beside = re.split(r" {2,}|(?<=\.npy) (?=uint8)", line.strip(), maxsplit=1)
        lines += [*(f"# {each}" for each in beside), words]
    return "```sh\n" + "\n".join(lines) + "\n```"


def spelt(action: Action) -> str:
    """`--out FILE`, or `RUN` of what has no name; every name that it has."""
    value = value_of(action)
    if not action.option_strings:
        return f"`{value}`"
    return ", ".join(f"`{name}{' ' * bool(value)}{value}`" for name in action.option_strings)


def value_of(action: Action) -> str:
    """What stands behind an option, as its help says it; '' if nothing does."""
    return HelpFormatter("", width=1000)._format_args(action, default_name(action)) if action.nargs != 0 else ""


def default_name(action: Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def meaning(action: Action) -> str:
    return prose(action.help or "")


def settings_note(command: ModuleType) -> Iterator[str]:
    """Which dotted names a command takes, and where they stand."""
    if not command.SETTINGS:
        return
    where = {
        "game": "[games](../games.md)",
        "data": "[settings](settings.md#data)",
        "plan": "[settings](settings.md#plan)",
    }
    yield "## Settings"
    parts = [f"`--{part}.NAME VALUE` ({where[part]})" for part in command.SETTINGS]
    yield "It also takes " + ", ".join(parts) + "."


def settings_page() -> str:
    parts = [MADE.format("comment of the field"), "# Settings of data and plan"]
    parts += ["The settings of a game stand on the page of [games](../games.md); `saddle describe GAME` prints all."]
    for part, settings in (("data", DataOptions()), ("plan", Plan())):
        lines = [setting_line(f"--{part}.{name}", each) for name, each in explain(settings).items()]
        parts += [f"## {TITLES[part]}", table(["setting", "default", "meaning", "value"], lines)]
    return joined(parts)


def setting_line(name: str, each: Setting) -> list[str]:
    return [f"`{name}`", text(each.default), prose(each.meaning), prose(each.wants)]


# Python


def python_page(name: str) -> str:
    """Of a public module of the package by its name there, or of the package itself."""
    module = getattr(saddle, name) if name else saddle
    others = [other for other, where in saddle._MODULES.items() if where == saddle._MODULES.get(name) and other != name]
    title = f"saddle.{name}" if name else "saddle"
    parts = [MADE.format("docstring"), f"# {title}", prose(inspect.getdoc(module) or "")]
    parts += [f"Also called {', '.join(f'`saddle.{other}`' for other in others)}."] if others else []
    parts += [part for found in public(module) for part in described(found, inspect.getmodule(found[1]) or module)]
    if not name:
        for place, classes in OPENED.items():
            holder = import_module(place)
            parts += [part for each in classes for part in described((each, getattr(holder, each)), holder)]
    return joined(parts)


def public(module: ModuleType) -> list[tuple[str, object]]:
    """The functions and classes that a module offers, in its order: those of `__all__`, or those that it defines."""
    offered = getattr(module, "__all__", None)
    names = offered or [
        name for name, each in vars(module).items() if getattr(each, "__module__", None) == module.__name__
    ]
    found = [(name, getattr(module, name)) for name in names if not name.startswith("_")]
    return [(name, each) for name, each in found if inspect.isclass(each) or inspect.isfunction(each)]


def described(found: tuple[str, object], module: ModuleType) -> Iterator[str]:
    """Heading, signature, docstring, settings and methods of a function or class; nothing of what is no definition."""
    name, _ = found
    node = definition(module, name)
    if isinstance(node, ast.FunctionDef):
        yield f"## {name}"
        yield signature(node)
        yield prose(ast.get_docstring(node) or "")
    elif isinstance(node, ast.ClassDef):
        yield f"## {name}"
        yield signature(node)
        yield prose(ast.get_docstring(node) or "")
        yield from fields_of(node, inspect.getsource(module).splitlines())
        yield from methods_of(node)


def definition(module: ModuleType, name: str) -> ast.stmt | None:
    tree = ast.parse(inspect.getsource(module))
    return next((node for node in tree.body if getattr(node, "name", None) == name), None)


def signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(map(code, node.bases))
        return f"```python\nclass {node.name}{f'({bases})' if bases else ''}: ...\n```"
    marks = "".join(f"@{code(mark)}\n" for mark in node.decorator_list)
    gives = f" -> {annotation(node.returns)}" if node.returns else ""
    return f"```python\n{marks}def {node.name}({arguments(node.args)}){gives}: ...\n```"


def arguments(args: ast.arguments) -> str:
    """On one line if they are short, else each on its own."""
    plain = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
    each = [argument(arg, default) for arg, default in zip(plain, defaults, strict=True)]
    if args.posonlyargs:
        each.insert(len(args.posonlyargs), "/")
    if args.vararg:
        each.append("*" + argument(args.vararg, None))
    elif args.kwonlyargs:
        each.append("*")
    each += [argument(arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    each += ["**" + argument(args.kwarg, None)] if args.kwarg else []
    line = ", ".join(each)
    return line if len(line) < 80 else "\n    " + ",\n    ".join(each) + ",\n"


def argument(arg: ast.arg, default: ast.expr | None) -> str:
    kind = f": {annotation(arg.annotation)}" if arg.annotation else ""
    return f"{arg.arg}{kind}" + (f"{' = ' if kind else '='}{code(default)}" if default else "")


def annotation(node: ast.expr) -> str:
    """A type, without the quotes that hide it from an import."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else code(node)


def code(node: ast.expr) -> str:
    """An expression as ruff writes it: with double quotes."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', ast.unparse(node))


def fields_of(node: ast.ClassDef, lines: list[str]) -> Iterator[str]:
    """The annotated attributes with their comments, as the settings of a dataclass have them."""
    found = [each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    rows = []
    for each in found:
        assert isinstance(each.target, ast.Name)
        default = code(each.value) if each.value else ""
        comment = lines[(each.end_lineno or each.lineno) - 1].partition("  # ")[2].partition("# type:")[0].strip()
        if not each.target.id.startswith("_"):
            rows.append([f"`{each.target.id}`", f"`{default}`" if default else "", prose(comment)])
    if rows:
        yield table(["attribute", "default", "meaning"], rows)


def methods_of(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_") and ast.get_docstring(each):
            yield f"### {node.name}.{each.name}"
            yield signature(each)
            yield prose(ast.get_docstring(each) or "")


# The whole


def modules() -> list[str]:
    """The public modules, each once, that define something; the package itself is ''."""
    first = {where: name for name, where in reversed(saddle._MODULES.items())}
    return ["", *sorted(name for name in first.values() if public(getattr(saddle, name)))]


def overview() -> str:
    lines = [f"- [saddle {name}]({name}.md)" for name in cli.commands()]
    python = [f"- [{title(name)}]({file(name)})" for name in modules()]
    parts = [MADE.format("docstring of saddle.cli"), "# Reference", "## Commands"]
    parts += ["```text\n" + (cli.__doc__ or "").strip() + "\n```", "\n".join([*lines, "- [settings](settings.md)"])]
    return joined([*parts, "## Python", "\n".join(python)])


def title(name: str) -> str:
    return f"saddle.{name}" if name else "saddle"


def file(name: str) -> str:
    return f"python-{name or 'saddle'}.md"


def navigation() -> str:
    """The part of mkdocs.yml that names these pages."""
    entries = ["  - Reference:", "    - All commands and modules: reference/index.md", "    - Commands:"]
    entries += [f"      - saddle {name}: reference/{name}.md" for name in cli.commands()]
    entries += ["    - Settings: reference/settings.md", "    - Python:"]
    return "\n".join([*entries, *(f"      - {title(name)}: reference/{file(name)}" for name in modules())])


def pages() -> dict[Path, str]:
    """Every page as it should be, and mkdocs.yml with the navigation to them."""
    made = {PLACE / "index.md": overview(), PLACE / "settings.md": settings_page()}
    made |= {PLACE / f"{name}.md": command_page(name) for name in cli.commands()}
    made |= {PLACE / file(name): python_page(name) for name in modules()}
    site = ROOT / "mkdocs.yml"
    before, _, rest = site.read_text("utf-8").partition("  # reference\n")
    _, _, after = rest.partition("  # /reference\n")
    return made | {site: f"{before}  # reference\n{navigation()}\n  # /reference\n{after}"}


def differing(made: dict[Path, str]) -> dict[Path, str | None]:
    return {path: page for path, page in made.items() if not path.exists() or path.read_text("utf-8") != page}


def stale() -> dict[Path, str | None]:
    """The pages that are out of date, as they should be; None for one that should not be there."""
    made = pages()
    return differing(made) | {path: None for path in PLACE.glob("*.md") if path not in made}


def write_or_say(wrong: dict[Path, str | None]) -> int:
    """With --write, bring the pages up to date; without, say which are not. The exit code."""
    write = "--write" in sys.argv
    for path, page in wrong.items():
        if write and page is None:
            path.unlink()
        elif write and page is not None:
            path.parent.mkdir(exist_ok=True)
            replace(path, page.encode())
        print(path.relative_to(ROOT), "written" if write else "is out of date")
    return int(bool(wrong) and not write)


if __name__ == "__main__":
    sys.exit(write_or_say(stale()))
