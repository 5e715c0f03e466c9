"""One private postfix on loopback: Debian's, unpacked, with folders of its own, stopped by its id.

It delivers for example.org into maildirs, offers STARTTLS, and relays only for who signs in. Its
daemons must drop root's rights, so it wants root, and borrows system users that every Debian has.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.mail_server import read_mail
from tests.integration import borrowed_servers, debian_packages
from tests.integration.debian_packages import NotAvailable

if TYPE_CHECKING:
    from types import TracebackType

    from tests.fakes.certificates import Certificate

PACKAGES = ("postfix",)
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
ARRIVE_TIMEOUT_S = 20
OWNER, POSTDROP, NOBODY, NOBODY_GROUP = "daemon", "mail", "nobody", "nogroup"
"""In place of users `postfix` and group `postdrop`, which only an installed one has."""
BOXES = ("lena", "tomas", "desk", "bounces", "gone")
QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("private", "maildrop", "public", "saved", "trace"),
)
MAIN = """
compatibility_level = 3.6
config_directory = {folder}/etc
meta_directory = {folder}/etc
queue_directory = {folder}/queue
data_directory = {folder}/state
daemon_directory = {folder}/sbin
command_directory = {folder}/sbin
shlib_directory = {root}/usr/lib/postfix
mail_owner = {OWNER}
setgid_group = {POSTDROP}
default_privs = {NOBODY}
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
myhostname = mail.example.org
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
default_transport = discard
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
transport_maps = inline:{{ {{ gone@example.org = gone: }} }}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
    check_recipient_access inline:{{ {{ later@example.org = 450 4.2.1 later }} }}
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
gone unix - n n - - pipe
  flags= user={NOBODY} argv=/bin/false
"""


def unpack() -> Path:
    """The folder of an unpacked server; NotAvailable when no suite has it, or we are not root."""
    if os.geteuid() != 0:
        raise NotAvailable("postfix must be started by root")
    return borrowed_servers.unpack("postfix", PACKAGES, _finish)


def _finish(root: Path) -> str:
    said = debian_packages.run([*_words(root, "usr/sbin/postconf"), "-d", "-h", "mail_version"])
    if not re.fullmatch(r"3\.[0-9.]+\s*", said):
        raise NotAvailable(f"postconf says {said!r}")
    for name in ("doc", "info", "man", "locale"):
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    return said.strip()


def _words(root: Path, program: str) -> list[str]:
    """As debian_packages.command, with postfix's own libraries."""
    loader, option, paths, path = debian_packages.command(root, program)
    return [loader, option, f"{paths}:{root / 'usr/lib/postfix'}", path]


@dataclass(slots=True)
class Postfix:
    """A running server; `with` fills its folder, starts and stops it."""

    root: Path
    folder: Path
    """Other users must be able to pass through it, and through all above it."""
    certificate: Certificate
    port: int = field(default=0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Postfix:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._make_folders()
        boxes = ", ".join(f"{{ {box}@example.org = {box}/ }}" for box in BOXES)
        users = {"OWNER": OWNER, "POSTDROP": POSTDROP, "NOBODY": NOBODY}
        own = {"folder": self.folder, "root": self.root, "boxes": boxes, "port": self.port}
        shown = {"cert": self.certificate.cert_file, "key": self.certificate.key_file}
        etc = self.folder / "etc"
        (etc / "main.cf").write_text(MAIN.format(**users, **own, **shown))
        (etc / "master.cf").write_text(MASTER.format(**users, **own))
        with (self.folder / "master.out").open("wb") as out:
            self._process = subprocess.Popen(
                [str(self.folder / "sbin/master"), "-c", str(etc)],
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        """All it said."""
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def mails(self, box: str) -> list[EmailMessage]:
        """What lies in a mailbox, oldest first."""
        files = sorted((self.folder / "boxes" / box / "new").glob("*"), key=_arrived)
        return [read_mail(file.read_bytes()) for file in files]

    def wait_for_mails(self, box: str, count: int) -> list[EmailMessage]:
        """The mailbox once it holds so many; AssertionError with the log when it never does."""
        deadline = time.monotonic() + ARRIVE_TIMEOUT_S
        while len(found := self.mails(box)) < count:
            assert time.monotonic() < deadline, f"{box} has {len(found)} mails; {self.log[-3000:]}"
            time.sleep(0.05)
        return found

    def _make_folders(self) -> None:
        for name in ("etc", "sbin", "queue", "queue/pid"):
            (self.folder / name).mkdir(mode=0o755)
        for name in QUEUES:
            self._owned(self.folder / "queue" / name, OWNER, POSTDROP, 0o700)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (self.folder / "queue" / name).chmod(mode)
        self._owned(self.folder / "state", OWNER, POSTDROP, 0o700)
        for name in ("", *BOXES):
            self._owned(self.folder / "boxes" / name, NOBODY, NOBODY_GROUP, 0o755)
        (self.folder / "etc/dynamicmaps.cf").touch()
        for program in (self.root / "usr/lib/postfix/sbin").iterdir():
            self._wrap(program)
        for name in ("postdrop", "postlog", "postqueue"):
            self._wrap(self.root / "usr/sbin" / name)

    def _owned(self, folder: Path, user: str, group: str, mode: int) -> None:
        folder.mkdir(exist_ok=True)
        shutil.chown(folder, user, group)
        folder.chmod(mode)

    def _wrap(self, program: Path) -> None:
        """Its own loader and libraries, whichever the machine has: daemons start one another."""
        words = _words(self.root, str(program.relative_to(self.root)))
        script = self.folder / "sbin" / program.name
        script.write_text(f'#!/bin/sh\nexec {_quoted(words)} "$@"\n')
        script.chmod(0o755)

    def _wait(self) -> None:
        """Until it greets; NotAvailable with the end of its log when it does not."""
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as link:
                    link.settimeout(5)
                    if link.recv(100).startswith(b"220 "):
                        return
            except OSError:
                pass
            time.sleep(0.1)
        self._process.kill()
        out = (self.folder / "master.out").read_text(errors="replace")
        raise NotAvailable(f"postfix did not start: {out[-600:]} {self.log[-1200:]}")


def _quoted(words: Sequence[str]) -> str:
    return " ".join(f"'{word}'" for word in words)


def _arrived(file: Path) -> int:
    return file.stat().st_mtime_ns
