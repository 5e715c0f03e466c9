"""Each kind of exchange is a folder with the same five files, and has an entry."""

from __future__ import annotations

from pathlib import Path

from rtbill.app.exchanges import PBX_KINDS

ADAPTERS = Path(__file__).parents[2] / "adapters"
FILES = {"adapter.py", "wire.py", "translate.py", "control.py", "connection.py"}


def folders() -> dict[str, Path]:
    return {path.name: path for path in ADAPTERS.iterdir() if (path / "__init__.py").exists()}


def test_every_folder_has_an_entry_and_every_entry_a_folder() -> None:
    assert set(folders()) == set(PBX_KINDS)


def test_every_folder_has_the_five_files() -> None:
    lacking = {
        name: FILES - {file.name for file in folder.iterdir()} for name, folder in folders().items()
    }
    assert lacking == {name: set() for name in lacking}
