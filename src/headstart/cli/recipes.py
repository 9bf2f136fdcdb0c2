"""`headstart recipes`."""

from __future__ import annotations

import click

from headstart.cli.console import print_json
from headstart.errors import SettingError


@click.command("recipes", short_help="list the recipes, or show one")
@click.argument("words", nargs=-1, metavar="[[show] NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@click.option("--quiet", "-q", is_flag=True, help="Names, and nothing else.")
@click.option("--seed", type=int, hidden=True, expose_value=False)
def command(words: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """List the recipes that `headstart fit --recipe` knows, or show the settings of one.

    A recipe is a TOML file of settings. Yours works as well: --recipe mine.toml; every run keeps
    the one it used as recipe.toml of its bundle.

    \b
    headstart recipes
    headstart recipes show classic:vgg16-logistic > mine.toml
    headstart fit pets/ --recipe mine.toml
    """  # noqa: D301
    from headstart.workflows.recipe_files import named_recipes, text_of

    if words:
        name = words[-1]
        if words != (name,) and words != ("show", name):
            raise SettingError(
                f"headstart recipes {' '.join(words)}",
                "nothing, or show and a name",
                "headstart recipes show classic:vgg16-logistic",
            )
        click.echo(text_of(name), nl=False)
        return
    found = named_recipes().values()
    if as_json:
        print_json([{"name": r.name, "about": r.about, "source": r.source} for r in found])
        return
    for recipe in found:
        click.echo(recipe.name)
        if not quiet:
            click.echo(f"  {recipe.about}\n  from: {recipe.source}")
