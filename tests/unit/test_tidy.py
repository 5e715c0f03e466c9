"""What a machine can hold of docs/style.md beyond the linters."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("rtbill", "adapters", "balance", "payments", "simulator", "tests")
MODULE_LINES_MAX = 400
CONTRACT_LINES_MAX = 500
"""A port's contract is one suite, however much the port promises."""
FUNCTION_LINES_MAX = 60
HOMES = {
    "aiosmtpd": ("tests/",),
    "aiosmtplib": ("rtbill/notify/smtp.py",),
    "aiosqlite": ("rtbill/storage/",),
    "babel": ("rtbill/notify/wording.py",),
    "sqlite3": ("rtbill/storage/", "rtbill/mediation/", "rtbill/app/bench", "tests/"),
    "holidays": ("rtbill/config/holiday_calendars.py",),
    "httpx": (
        "rtbill/notify/webhook_post.py",
        "rtbill/app/bench_service.py",
        "payments/soap_client.py",
        "payments/stripe_wire.py",
        "simulator/card_webhooks.py",
        "simulator/holders.py",
        "tests/",
    ),
    "h11": ("simulator/http_server.py",),
    "httptools": ("rtbill/serving/form_server.py",),
    "jinja2": (
        "adapters/asterisk/pbx_files.py",
        "rtbill/notify/letters.py",
        "rtbill/web/pay_template.py",
    ),
    "numpy": (
        "rtbill/rating/batch/",
        "rtbill/app/bench_rating.py",
        "rtbill/app/what_if.py",
        "tests/",
    ),
    "panoramisk": ("simulator/place_calls.py",),
    "phonenumbers": ("rtbill/formats/number_regions.py",),
    "prometheus_client": ("rtbill/observability.py",),
    "openapi_spec_validator": ("tests/",),
    "jsonschema": ("tests/",),
    "pydantic": ("rtbill/config/", "rtbill/web/"),
    "python_calamine": ("rtbill/formats/xlsx_sheet.py",),
    "pymysql": ("rtbill/mediation/", "tests/integration/"),
    "rich": ("rtbill/app/view.py", "rtbill/app/onlooker.py", "rtbill/cli/", "tests/"),
    "sdnotify": ("rtbill/app/service.py",),
    "starlette": ("rtbill/serving/control.py", "rtbill/web/", "tests/"),
    "stripe": ("payments/stripe_wire.py",),
    "structlog": ("rtbill/observability.py", "rtbill/notify/", "rtbill/app/", "tests/"),
    "typer": ("rtbill/cli/", "tests/"),
    "uvicorn": ("rtbill/serving/listening.py",),
    "zeep": ("payments/soap_",),
}
"""Where each foreign library may be imported: nowhere else."""
CLOCK_READERS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}
MAY_READ_CLOCK = ("rtbill/clock.py", "rtbill/app/bench", "simulator/", "tests/", "adapters/line.py")

pytestmark = pytest.mark.xdist_group("tidy")  # one worker reads all modules, not each of them

SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one worker only")
def test_this_group_of_tests_has_one_worker(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@tidy"), "the scheduler knows groups by this"


def lines_max(path: Path) -> int:
    is_contract = path.is_relative_to(ROOT / "tests" / "contract")
    return CONTRACT_LINES_MAX if is_contract else MODULE_LINES_MAX


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text()) for path in SOURCES}


def test_no_module_outgrows_its_idea() -> None:
    long = {
        name_of(path): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > lines_max(path)
    }
    assert long == {}


def test_every_function_fits_on_a_screen(trees: dict[str, ast.Module]) -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_a_foreign_library_is_imported_only_at_its_home(trees: dict[str, ast.Module]) -> None:
    strays = [
        f"{name} imports {library}"
        for name, tree in trees.items()
        for library in imported(tree)
        if library in HOMES and not name.startswith(HOMES[library])
    ]
    assert strays == []


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_service_runs_without_what_only_long_lists_of_calls_need() -> None:
    program = "import sys, rtbill.app.service, rtbill.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "numpy" not in loaded.stdout.split()


def test_nobody_reads_the_systems_clock_but_the_clock(trees: dict[str, ast.Module]) -> None:
    readers = [
        f"{name}:{node.lineno}"
        for name, tree in trees.items()
        if not name.startswith(MAY_READ_CLOCK)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("time", "datetime", "date")
        and node.func.attr in CLOCK_READERS
    ]
    assert readers == []


def test_nothing_is_left_for_later() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
    left = [name_of(path) for path in SOURCES if words.search(path.read_text())]
    assert left == []


def test_no_registry_is_named_in_any_file() -> None:
    hosts = registry_hosts()
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    named = [
        f"{name} names {host}"
        for name in filter(None, tracked)
        if (ROOT / name).is_file()
        for host in hosts
        if host in (ROOT / name).read_text(errors="replace")
    ]
    assert named == []


def registry_hosts() -> set[str]:
    """Hosts of the registries that this machine's own clients are set up for."""
    commands = [
        [sys.executable, "-m", "pip", "config", "list"],
        ["npm", "config", "get", "registry"],
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"],
    ]
    said = ""
    for command in commands:
        if shutil.which(command[0]):
            said += subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=60
            ).stdout
    hosts = set(re.findall(r"https?://(?:[^/@\s]*@)?([A-Za-z0-9.-]+\.[A-Za-z]{2,})", said))
    return hosts | {"pypi" + ".org", "files.python" + "hosted.org", "registry." + "npmjs.org"}
