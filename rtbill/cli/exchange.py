"""What an operator does about an exchange: write its files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtbill.cli.frame import DEFAULT_CONFIG, ConfigPath, add_command, load
from rtbill.cli.paper import say
from rtbill.domain.errors import BadRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtbill.app.written_files import Written
    from rtbill.config import Config, PbxConfig


class Kind(StrEnum):
    """Exchanges that files can be written for."""

    ASTERISK = "asterisk"


class Flavour(StrEnum):
    """Whose dialplan surrounds ours."""

    PLAIN = "plain"
    FREEPBX16 = "freepbx16"
    FREEPBX17 = "freepbx17"


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(
        app,
        "pbx-config",
        pbx_config,
        "rtbill pbx-config asterisk --flavour freepbx17 --out pbx-files",
    )


def pbx_config(
    kind: Annotated[Kind, typer.Argument(help="What kind of exchange.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")],
    flavour: Annotated[
        Flavour | None, typer.Option(help="Instead of the one in the configuration.")
    ] = None,
    pbx: Annotated[
        str | None, typer.Option(help="Which exchange, where there are several.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Write the dialplan and the AMI user of an exchange from the configuration, with instructions.

    What differs from files that are there already is shown, without secrets; those are kept as
    NAME.old.
    """
    from rtbill.app.pbx_config import files_of, hidden_extensions
    from rtbill.app.written_files import write_files

    loaded = load(config)
    chosen = find_pbx(loaded, pbx)
    assert kind.value == chosen.kind
    wanted = flavour.value if flavour else None
    files = files_of(loaded, chosen, wanted)
    _say_written(write_files(files, out))
    if flavour and flavour.value != chosen.dialplan.flavour:
        known = chosen.dialplan.flavour
        say(f"note: {config} says flavour {known!r}; set it to {flavour.value!r}")
    if hidden := hidden_extensions(loaded, chosen, wanted):
        told = "would be extensions, but are emergency numbers or lead to one: these go first"
        say(f"note: {', '.join(hidden)} {told}")
    say(f"next: {out / 'INSTALL.md'} tells how to install and remove them")


def _say_written(written: Sequence[Written]) -> None:
    """What became of each file, then every difference."""
    for each in written:
        if each.is_new:
            say(f"wrote      {each.path}")
        elif each.difference:
            say(f"changed    {each.path}; as it was: {each.path}.old")
        else:
            say(f"unchanged  {each.path}")
    for each in written:
        for line in [] if each.is_new else each.difference.splitlines():
            say(line)


def find_pbx(config: Config, name: str | None) -> PbxConfig:
    """The exchange of this name, or the only one; BadRecord names those there are."""
    if name is None and len(config.pbxs) == 1:
        return config.pbxs[0]
    for each in config.pbxs:
        if each.name == name:
            return each
    known = ", ".join(each.name for each in config.pbxs)
    asked = "there are several exchanges" if name is None else f"there is no exchange {name!r}"
    raise BadRecord(f"{asked}; name one with --pbx: {known}")
