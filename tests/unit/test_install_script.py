"""install/debian.sh with a Python that pretends: what it keeps, what it replaces, what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rtbill.config import load_config

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "install" / "debian.sh"
PRETENDER = """#!/bin/sh
case $1-$2 in
    -m-venv)
        mkdir -p "$3/bin"
        cp "$0" "$3/bin/python"
        printf '#!/bin/sh\\necho "$0" "$@"\\n' > "$3/bin/rtbill"
        chmod +x "$3/bin/rtbill"
        ;;
    -m-pip) exit ${PIP_FAILS:-0} ;;
    -c-*) exit ${TOO_OLD:-0} ;;
esac
"""
SECRET = "0123456789abcdef0123"


class Machine:
    """A folder to install into, and a PATH on which python3 pretends."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self.path = folder / "bin"
        self.path.mkdir()
        (self.path / "python3").write_text(PRETENDER)
        (self.path / "python3").chmod(0o755)

    def run(
        self, *options: str, script: Path = SCRIPT, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(script), "--root", str(self.root), *options],
            env={"PATH": f"{self.path}:{os.environ['PATH']}"} | environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def install(self) -> str:
        done = self.run()
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def program(self) -> Path:
        return self.root / "opt" / "rtbill"

    @property
    def config(self) -> Path:
        return self.root / "etc" / "rtbill" / "config.toml"

    def environments(self) -> list[str]:
        return sorted(each.name for each in self.program.glob("venv-*"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_script_is_what_every_posix_shell_reads() -> None:
    assert subprocess.run(["sh", "-n", str(SCRIPT)], check=False).returncode == 0
    checker = shutil.which("shellcheck")
    if checker is not None:
        subprocess.run([checker, "-s", "sh", str(SCRIPT)], check=True)


def test_the_script_names_no_host() -> None:
    assert "://" not in SCRIPT.read_text()


def test_everything_stands_where_the_unit_looks_for_it(machine: Machine) -> None:
    machine.install()
    unit = (machine.root / "etc/systemd/system/rtbill.service").read_text()
    assert unit == (ROOT / "systemd" / "rtbill.service").read_text()
    assert "ExecStart=/opt/rtbill/.venv/bin/rtbill run" in unit
    assert (machine.program / ".venv/bin/rtbill").exists()
    assert "RTBILL_CONFIG=/etc/rtbill/config.toml" in unit
    assert machine.config.exists()
    modes = {
        str(path.relative_to(machine.root)): path.stat().st_mode & 0o777
        for path in (
            machine.config,
            machine.config.parent,
            machine.config.parent / "secrets",
            machine.root / "var/lib/rtbill",
        )
    }
    assert modes == {
        "etc/rtbill/config.toml": 0o640,
        "etc/rtbill": 0o750,
        "etc/rtbill/secrets": 0o750,
        "var/lib/rtbill": 0o700,
    }


def test_the_command_runs_the_program_on_the_installed_configuration(machine: Machine) -> None:
    machine.install()
    command = machine.root / "usr/local/bin/rtbill"
    said = subprocess.run(
        [str(command), "status", "a b"], capture_output=True, text=True, check=True
    ).stdout
    assert said == f"{machine.program}/.venv/bin/rtbill status a b\n"
    assert f"RTBILL_CONFIG=${{RTBILL_CONFIG:-{machine.config}}}" in command.read_text()


def test_the_next_three_commands_are_told(machine: Machine) -> None:
    *_, secret, configure, start = machine.install().splitlines()
    assert "/secrets/pbx-main" in secret
    assert "rtbill check-config" in configure
    assert start == "  sudo systemctl enable --now rtbill"


def test_a_second_run_keeps_the_configuration_and_one_earlier_program(machine: Machine) -> None:
    machine.install()
    first = machine.environments()
    machine.config.write_text("mine\n")
    machine.install()
    machine.install()
    before = (machine.program / ".venv").readlink().name
    assert f"kept {machine.config}" in machine.install()
    assert machine.config.read_text() == "mine\n"
    now = (machine.program / ".venv").readlink().name
    assert sorted(machine.environments()) == sorted((before, now))
    assert first[0] not in (before, now)


@pytest.mark.parametrize("shown_by", ["its command line", "what it has open"])
def test_the_program_of_a_running_service_stays_until_a_run_after_its_end(
    machine: Machine, shown_by: str
) -> None:
    machine.install()
    [running] = machine.environments()
    own = machine.program / running / "bin" / "sleep"
    shutil.copy(shutil.which("sleep") or "", own)
    program, name = ("sleep", str(own)) if shown_by == "its command line" else (str(own), "sleep")
    with subprocess.Popen([name, "60"], executable=shutil.which(program)) as service:
        try:
            machine.install()
            said = machine.install()
            assert running in machine.environments()
            assert f"kept {machine.program / running}, from which a process still runs" in said
            assert len(machine.environments()) == 3, "the new one, the one before, the running one"
        finally:
            service.kill()
    machine.install()
    assert running not in machine.environments()
    assert len(machine.environments()) == 2


def test_a_program_that_was_installed_by_hand_makes_room(machine: Machine) -> None:
    (machine.program / ".venv" / "bin").mkdir(parents=True)
    machine.install()
    assert (machine.program / ".venv").is_symlink()
    assert (machine.program / ".venv/bin/rtbill").exists()


def test_a_failure_leaves_the_installed_program_as_it_was(machine: Machine) -> None:
    machine.install()
    before = machine.environments()
    failed = machine.run(PIP_FAILS="1")
    assert failed.returncode != 0
    assert machine.environments() == before
    assert (machine.program / ".venv/bin/rtbill").exists()


def test_a_python_that_is_too_old_is_named_with_the_packages_to_install(machine: Machine) -> None:
    for version in ("3.11", "3.12", "3.13", "3.14"):
        shutil.copy(machine.path / "python3", machine.path / f"python{version}")
    refused = machine.run(TOO_OLD="1")
    assert refused.returncode == 1
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "apt-get install python3 python3-venv" in refused.stderr
    assert not machine.program.exists()


def test_half_a_release_is_refused(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "half" / "install").mkdir(parents=True)
    script = tmp_path / "half" / "install" / "debian.sh"
    shutil.copy(SCRIPT, script)
    refused = machine.run(script=script)
    assert refused.returncode == 1
    assert "pyproject.toml is missing" in refused.stderr


@pytest.mark.parametrize("options", [("--rot",), ("--root",), ("--root", "")])
def test_wrong_usage_changes_nothing(machine: Machine, options: tuple[str, ...]) -> None:
    refused = machine.run(*options)
    assert refused.returncode == 2
    assert list(machine.root.iterdir()) == []


def test_uninstalling_keeps_books_and_configuration_and_says_so(machine: Machine) -> None:
    machine.install()
    (machine.root / "var/lib/rtbill/rtbill.sqlite").write_text("books")
    done = machine.run("--uninstall")
    assert done.returncode == 0, done.stderr
    left = {
        str(path.relative_to(machine.root)) for path in machine.root.rglob("*") if path.is_file()
    }
    assert left == {"etc/rtbill/config.toml", "var/lib/rtbill/rtbill.sqlite"}
    assert "kept the books" in done.stdout
    assert machine.run("--uninstall").returncode == 0


def test_uninstalling_leaves_what_it_did_not_bring(machine: Machine) -> None:
    machine.install()
    (machine.program / "mine").write_text("keep")
    assert "it holds something else" in machine.run("--uninstall").stdout
    assert (machine.program / "mine").exists()


def test_the_installed_configuration_is_good_but_for_the_secret(tmp_path: Path) -> None:
    folder = tmp_path / "rtbill"
    (folder / "secrets").mkdir(parents=True)
    shutil.copy(ROOT / "install" / "config.toml", folder)
    (folder / "secrets" / "pbx-main").write_text(SECRET)
    (folder / "secrets" / "pbx-main").chmod(0o400)
    config = load_config(folder / "config.toml", {})
    assert config.store.path == Path("/var/lib/rtbill/rtbill.sqlite")
    assert config.control.socket == Path("/run/rtbill/rtbill.sock")
    assert [(pbx.name, pbx.mode, pbx.secret) for pbx in config.pbxs] == [
        ("main", "reactive", SECRET)
    ]
