"""install/debian.sh for good, into a folder: real packages, the real command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INSTALL_TIMEOUT_S = 600

pytestmark = [
    pytest.mark.integration,
    pytest.mark.xdist_group("install"),  # one worker installs it, not each of them
    pytest.mark.timeout(INSTALL_TIMEOUT_S + 60),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    done = subprocess.run(
        # It computes for half a minute, beside calls that are ended to the second, and waits for
        # whoever keeps the packages.
        ["nice", "-n", "5", "sh", str(ROOT / "install" / "debian.sh"), "--root", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    secret = folder / "etc/rtbill/secrets/pbx-main"
    secret.write_text("0123456789abcdef0123")
    secret.chmod(0o400)
    return folder


def rtbill(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(root / "usr/local/bin/rtbill"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )


def test_the_installed_command_checks_the_installed_configuration(root: Path) -> None:
    assert rtbill(root, "--version").stdout.startswith("rtbill ")
    checked = rtbill(root, "check-config")
    assert checked.returncode == 0, checked.stderr
    assert f"{root}/etc/rtbill/config.toml: all right" in checked.stdout


def test_the_installed_program_is_not_the_checkout_and_holds_what_is_not_python(
    root: Path,
) -> None:
    asked = "import adapters.asterisk, rtbill; print(*adapters.asterisk.__path__, rtbill.__file__)"
    python = root / "opt/rtbill/.venv/bin/python"
    said = subprocess.run(
        [str(python), "-c", asked], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.split()
    folder, module = map(Path, said)
    assert folder.resolve().is_relative_to(root)
    assert module.resolve().is_relative_to(root)
    shipped = {each.name for each in (ROOT / "adapters" / "asterisk" / "pbx").iterdir()}
    assert {each.name for each in (folder / "pbx").iterdir()} >= shipped


def test_the_installed_program_keeps_books(root: Path) -> None:
    config = root / "etc/rtbill/config.toml"
    text = config.read_text().replace("/var/lib/", f"{root}/var/lib/")
    config.write_text(text.replace("/run/rtbill/", f"{root}/var/lib/rtbill/"))
    assert rtbill(root, "migrate").returncode == 0
    listed = str(ROOT / "examples" / "freepbx-extensions.csv")
    imported = rtbill(root, "import", "freepbx", listed, "--only", "100x", "--apply")
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert "Brandt, Lena" in rtbill(root, "accounts", "list").stdout
