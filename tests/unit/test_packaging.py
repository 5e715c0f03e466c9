"""The five top-level names are ours alone, and what an operator needs is in the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import rtbill

ROOT = Path(__file__).parents[2]
NAMES = ("rtbill", "adapters", "balance", "payments", "simulator")


def test_no_other_distribution_provides_one_of_our_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, [])) - {"rtbill"} for name in NAMES} == {
        name: set() for name in NAMES
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(
        [*command, str(ROOT)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    assert rtbill.__version__ in built.name
    return zipfile.ZipFile(built)


def test_the_wheel_holds_the_five_packages_and_no_tests(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(NAMES)


def test_the_wheel_holds_what_is_not_python(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {
        "adapters/asterisk/pbx/common.conf",
        "adapters/asterisk/pbx/plain.conf",
        "adapters/asterisk/pbx/freepbx.conf",
        "adapters/asterisk/pbx/manager.conf",
        "adapters/asterisk/pbx/install-plain.md",
        "adapters/asterisk/pbx/install-freepbx.md",
        "payments/wsdl/cashless.toml",
        "payments/wsdl/cashless.wsdl",
        "rtbill/storage/migrations/0001_initial.sql",
        "rtbill/storage/migrations/0002_observation.sql",
        "simulator/scenarios/hall.toml",
    } <= names
