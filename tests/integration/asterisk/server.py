"""One private Asterisk on loopback: its folder, its ports, its life."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.asterisk.generated import Generated
from tests.integration.loopback_ports import free_port

if TYPE_CHECKING:
    from types import TracebackType

    from tests.integration.asterisk.packages import Installation

TEMPLATES = Path(__file__).resolve().parent / "etc"
BOOT_TIMEOUT_S = 45
STOP_TIMEOUT_S = 10
PHONE_IP = "127.0.0.1"
CARRIER_IP = "127.0.0.2"
BACKUP_IP = "127.0.0.3"
OLD_CARRIER_IP = "127.0.0.4"

# Words in the names of modules that bind fixed ports, want databases or hardware this machine does
# not have, or have no configuration here.
NOT_LOADED = (
    *("alsa", "oss", "console", "iax2", "mgcp", "motif", "sip.so", "skinny", "unistim", "dahdi"),
    *("websocket", "audiosocket", "odbc", "pgsql", "tds", "radius", "ldap", "snmp", "xmpp"),
    *("calendar", "sqlite3", "minivm", "smdi", "adsi", "jack", "hep", "phoneprov", "dundi"),
    *("ael", "lua", "festival", "fax", "geoloc", "stir", "aeap", "statsd", "prometheus"),
    *("res_config_curl", "res_stun", "alarmrec", "voicemail_", "corosync", "unbound"),
    *("res_ari", "stasis_broadcast", "app_stasis", "agent_pool", "app_amd", "followme"),
    *("getcpeid", "confbridge", "app_page", "res_parking", "pjsip_notify", "cel_", "cdr_manager"),
    *("cdr_custom", "app_queue", "clialiases", "config_wizard"),
)
EXTENSIONS = tuple(str(1001 + n) for n in range(50))
PHONE = """[{0}](phone)
aors = {0}
callerid = "Ext {0}" <{0}>
[{0}](contact)
contact = sip:{0}@127.0.0.1:@PHONE_PORT@
"""
FOLDERS = ("etc", "db", "log/cdr-csv", "spool/voicemail", "run", "keys/keys", "agi")


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of one server and of the telephones and the carrier it talks to."""

    ami: int
    sip: int
    phone: int
    carrier: int
    backup: int
    iax: int
    old_sip: int
    """chan_sip's, where there is one."""
    old_carrier: int
    rtp_start: int

    @classmethod
    def free(cls) -> Ports:
        """Ports free at this moment, as TCP and as UDP."""
        hosts = (PHONE_IP, PHONE_IP, CARRIER_IP, BACKUP_IP, PHONE_IP, PHONE_IP, OLD_CARRIER_IP)
        with ExitStack() as stack:
            datagrams = [stack.enter_context(_datagram(host)) for host in hosts]
            numbers: list[int] = [free_port(), *(each.getsockname()[1] for each in datagrams)]
        # Sound goes below the ports that the system gives out by itself.
        return cls(*numbers, *[10000 + numbers[0] % 10 * 2000])


@dataclass(frozen=True, slots=True)
class Layout:
    """What makes one kind of exchange of a server: where its files come from."""

    templates: tuple[Path, ...] = (TEMPLATES,)
    """Folders of templates; a file of a later one replaces its namesake."""
    modules: tuple[str, ...] = ()
    """Modules that are loaded although NOT_LOADED names them."""
    kept: tuple[str, ...] = ()
    """Files that are written only where there are none yet, because a test changes them."""
    render: Callable[[str], str] = str
    """What is done to a template before words like @THIS@ are replaced."""


@dataclass(slots=True)
class AsteriskServer:
    """A running Asterisk, with rtbill's generated dialplan unless its layout says otherwise.

    `with` starts and stops it. Its trunk is the endpoint `carrier`, expected at CARRIER_IP;
    EXTENSIONS are expected at PHONE_IP.
    """

    installation: Installation
    folder: Path
    layout: Layout = field(default_factory=Layout)
    ports: Ports = field(default_factory=Ports.free)
    secret: str = field(default_factory=lambda: secrets.token_hex(12))
    """Of both AMI users, `rtbill` (the generated rights) and `tester` (all rights)."""
    generated: Generated = field(default_factory=Generated)
    """What rtbill was asked to write for it."""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def version(self) -> int:
        """Main version, 16 or 22."""
        return int(self.installation.version.split()[1].split(".")[0])

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log(self) -> str:
        """What it wrote to its log so far."""
        path = self.folder / "log" / "messages"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> AsteriskServer:
        try:
            self.start()
        except BaseException:
            self.kill9()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Write the configuration, start, and return when fully booted. Raises RuntimeError."""
        assert self._process is None
        self.write_configuration()
        command = [*self.installation.command, "-f", "-C", str(self._main_file)]
        with (self.folder / "log" / "console").open("ab") as console:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while "fully booted" not in self.cli("core waitfullybooted"):
            if self._process.poll() is not None:
                raise RuntimeError(f"Asterisk ended while starting: {self._console_end()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Asterisk not up in {BOOT_TIMEOUT_S} s: {self._console_end()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask it to end, then insist."""
        self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it as a crash would: no Hangup events, no records, no goodbye."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it if it runs, and start it in the same folder on the same ports."""
        self.stop()
        self.start()

    def cli(self, command: str) -> str:
        """Run one console command and give back its output; empty when the server is not there."""
        words = [*self.installation.command, "-C", str(self._main_file), "-rx", command]
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=False,
        )
        return done.stdout if done.returncode == 0 else ""

    def write_configuration(self) -> None:
        """Fill the templates in; words like @THIS@ are replaced."""
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        words = {
            "PHONES": "\n".join(map(PHONE.format, EXTENSIONS)),
            "DIR": str(self.folder),
            "DATA": str(self.installation.root / "usr/share/asterisk"),
            "MODS": str(self.installation.modules),
            "AMI_PORT": str(self.ports.ami),
            "AMI_SECRET": self.secret,
            "SIP_PORT": str(self.ports.sip),
            "PHONE_PORT": str(self.ports.phone),
            "CARRIER_PORT": str(self.ports.carrier),
            "BACKUP_PORT": str(self.ports.backup),
            "IAX_PORT": str(self.ports.iax),
            "OLD_SIP_PORT": str(self.ports.old_sip),
            "OLD_CARRIER_PORT": str(self.ports.old_carrier),
            "RTP_START": str(self.ports.rtp_start),
            "RTP_END": str(self.ports.rtp_start + 1999),
        }
        for template in [path for each in self.layout.templates for path in each.glob("*.conf")]:
            target = self.folder / "etc" / template.name
            if target.exists() and template.name in self.layout.kept:
                continue
            text = self.layout.render(template.read_text())
            for word, value in words.items():
                text = text.replace(f"@{word}@", value)
            target.write_text(text)
        (self.folder / "etc" / "modules.conf").write_text(self._modules())
        self.write_generated(self.generated)

    def write_generated(self, generated: Generated) -> dict[str, str]:
        """Put rtbill's files beside the others; gives them. They are not loaded by this."""
        self.generated = generated
        files = generated.files(self.secret)
        for name, text in files.items():
            (self.folder / "etc" / name).write_text(text)
        return files

    def _modules(self) -> str:
        names = sorted(path.name for path in self.installation.modules.glob("*.so"))
        left_out = [name for name in names if any(word in name for word in NOT_LOADED)]
        kept = {"chan_pjsip.so", "res_pjsip.so", *self.layout.modules}
        lines = [f"noload = {name}" for name in left_out if name not in kept]
        return "\n".join(["[modules]", "autoload = yes", *lines, ""])

    @property
    def _main_file(self) -> Path:
        return self.folder / "etc" / "asterisk.conf"

    def _console_end(self) -> str:
        return (self.folder / "log" / "console").read_text(errors="replace")[-600:]

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)


def _datagram(host: str) -> socket.socket:
    """A bound UDP socket whose port stays ours until it is closed."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((host, 0))
    return bound
