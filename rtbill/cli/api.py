"""Tokens for an outside billing package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtbill.cli.frame import DEFAULT_CONFIG, ConfigPath, add_command, family, load
from rtbill.cli.paper import say
from rtbill.domain.errors import BadRecord, Refused

if TYPE_CHECKING:
    from rtbill.config import Right

app = family("What an outside billing package may ask: docs/external-billing.md.")
token = family("Tokens, of which each has a name and rights.")


def new(
    name: Annotated[str, typer.Argument(help="Such as billing; small letters, digits, - and _.")],
    rights: Annotated[
        str, typer.Option(help="Some of read, credit, terms, with commas between.")
    ] = "read",
    out: Annotated[
        Path | None,
        typer.Option(help="The file to make; without, api-token-NAME beside the configuration."),
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make a new token in a file of mode 0400, and print the lines that the configuration needs."""
    import re

    from rtbill.config import TOKEN_NAME

    if not re.fullmatch(TOKEN_NAME, name):
        raise BadRecord(f"{name!r} is no name for a token; write one such as billing")
    wanted = _rights(rights)
    load(config)  # where it is wrong already, a token would not mend it
    path = out or config.parent / f"api-token-{name}"
    _write(path)
    listed = ", ".join(f'"{each}"' for each in wanted)
    say(f"wrote {path}; give its content to the billing package, and to nobody else")
    say("put these lines into the configuration, and start rtbill anew:")
    say("")
    say("[[api.token]]")
    say(f'name = "{name}"')
    say(f'token_file = "{_as_written(path, config)}"')
    say(f"rights = [{listed}]")


def _rights(text: str) -> list[Right]:
    from rtbill.config import Right

    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in set(Right):
            raise BadRecord(f"{word!r} is no right; they are {', '.join(Right)}")
    return [each for each in Right if each in words]


def _write(path: Path) -> None:
    """A new secret. Refused when there is a file already: somebody may be using it."""
    import os
    import secrets

    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        text = f"{path} is there already; name another file with --out, or remove it first"
        raise Refused(text) from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(made, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")


def _as_written(path: Path, config: Path) -> str:
    """As the configuration, whose paths begin at its folder, names the file."""
    folder, absolute = config.resolve().parent, path.resolve()
    return str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)


add_command(token, "new", new, "rtbill api token new billing --rights read,credit")
app.add_typer(token, name="token")
