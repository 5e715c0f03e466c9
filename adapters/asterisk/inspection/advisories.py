"""Known weaknesses of Asterisk releases, from the project's own advisories.

Each row: the name, the advisory, one sentence, the first release without it in every series that
got one, and the same for certified releases. Most rows were confirmed in two places: the project's
release notes (`ChangeLogs/ChangeLog-<release>.md` of github.com/asterisk/asterisk, "Security
Advisories Resolved", and the commits of 16.25.2, 16.29.1 and their sisters for 2022), and the CVE
records (github.com/CVEProject/cvelistV5). The nine of June 2026 that have no CVE number stand on
the release notes alone. Advisories of before 2021 are left out, and so are those whose fixed
releases could not be confirmed. From 2026 on, series 16 to 19 are not judged any more: their end is
a finding of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from adapters.asterisk.inspection.asterisk_version import LONG_TERM_SERIES, Version, parse_version
from rtbill.domain.finding import Finding, problem, warning

AS_OF = date(2026, 8, 8)
"""How new this table is; a weakness published later is not in it."""

Release = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Advisory:
    """One weakness and where it ends."""

    name: str
    source: str
    text: str
    fixed: Mapping[int, Release]
    """First release without it, by series."""
    certified: Mapping[Release, int]
    """First certified release without it, by branch: 11 for (20, 7)."""
    first_series: int
    """Older series do not have it."""
    begins: Mapping[int, Release]
    """First release with it, where that is known to be none of the first."""
    is_grave: bool
    """A stranger can use it over the network without signing in, in modules that all run."""

    def affects(self, version: Version) -> bool:
        """Whether that release has the weakness."""
        if version.series < self.first_series:
            return False
        if version.certified is not None:
            return self._affects_certified(version.series, version.release[0], version.certified)
        if self.begins and version.release < self.begins.get(version.series, (999, 0)):
            return False
        fixed = self.fixed.get(version.series)
        if fixed is not None:
            return version.release < fixed
        return version.series < max(self.fixed)

    def _affects_certified(self, series: int, branch: int, number: int) -> bool:
        fixed = self.certified.get((series, branch))
        if fixed is not None:
            return number < fixed
        return bool(self.certified) and (series, branch) < min(self.certified)


def known_weaknesses(text: str) -> list[Finding]:
    """A finding for each known weakness of the Asterisk that calls itself so."""
    version = parse_version(text)
    if version is None:
        return []
    return [_finding(each, version) for each in ADVISORIES if each.affects(version)]


def _finding(advisory: Advisory, version: Version) -> Finding:
    said = f"{advisory.name}: {advisory.text} ({advisory.source}; list as of {AS_OF:%Y-%m-%d})"
    if version.is_packaged:
        return warning(
            "cve",
            f"Asterisk {version} has {said}",
            "your distribution mends without changing the number: look for the name in "
            "/usr/share/doc/asterisk/changelog.Debian.gz, and keep the package up to date",
        )
    make = problem if advisory.is_grave else warning
    return make("cve", f"Asterisk {version} has {said}", f"install {_remedy(advisory, version)}")


def _remedy(advisory: Advisory, version: Version) -> str:
    if version.certified is not None:
        fixed = advisory.certified.get((version.series, version.release[0]))
        if fixed is not None:
            return f"certified {version.series}.{version.release[0]}-cert{fixed} or later"
    elif version.series in advisory.fixed:
        release, patch = advisory.fixed[version.series]
        return f"Asterisk {version.series}.{release}.{patch} or later"
    return f"Asterisk {LONG_TERM_SERIES}: series {version.series} got no fix"


def _advisory(  # noqa: PLR0913 - one column each
    name: str,
    source: str,
    text: str,
    fixed: str,
    certified: str = "",
    *,
    first: int = 0,
    begins: str = "",
    grave: bool = False,
) -> Advisory:
    branches = {}
    for each in certified.split():
        version = parse_version(each)
        assert version is not None
        assert version.certified is not None
        branches[version.series, version.release[0]] = version.certified
    return Advisory(name, source, text, _releases(fixed), branches, first, _releases(begins), grave)


def _releases(text: str) -> dict[int, Release]:
    versions = [parse_version(each) for each in text.split()]
    return {version.series: version.release for version in versions if version is not None}


_JUNE_2026 = ("20.20.1 21.12.3 22.10.1 23.4.1", "20.7-cert11 22.8-cert3")
_MARCH_2026 = ("20.19.0 21.12.2 22.9.0 23.3.0", "20.7-cert10 22.8-cert2")
_FEBRUARY_2026 = ("20.18.2 21.12.1 22.8.2 23.2.2", "20.7-cert9")
_MAY_2025 = ("18.26.2 20.14.1 21.9.1 22.4.1", "18.9-cert14 20.7-cert5")
_DECEMBER_2023 = ("18.20.1 20.5.1 21.0.1", "18.9-cert6")
_DECEMBER_2022 = ("16.29.1 18.15.1 19.7.1 20.0.1", "18.9-cert3")
_APRIL_2022 = "16.25.2 18.11.2 19.3.2"

ADVISORIES = (
    _advisory(
        "CVE-2026-57191",
        "GHSA-589g-qgf8-m6mx",
        "one NOTIFY about a mailbox, from anybody, overwrites memory and ends SIP until a restart",
        *_JUNE_2026,
        first=20,
        grave=True,
    ),
    _advisory(
        "GHSA-8jw3-ccr9-xrmf",
        "release notes of 22.10.1",
        "one NOTIFY about a mailbox, from anybody, can crash it",
        *_JUNE_2026,
        first=20,
        grave=True,
    ),
    _advisory(
        "GHSA-g8q2-p36q-94f6",
        "release notes of 22.10.1",
        "a SIP connection over TCP that closes at the right moment makes it use freed memory",
        *_JUNE_2026,
        first=20,
        grave=True,
    ),
    _advisory(
        "GHSA-vfhr-r9x9-c687",
        "GHSA-j2mm-57pq-jh94",
        "real-time text (T.140 with redundancy) can overrun two buffers",
        *_JUNE_2026,
        first=20,
    ),
    _advisory(
        "GHSA-3rhj-hhw7-m6fw",
        "release notes of 22.10.1",
        "a sign-in to AMI over HTTP can crash it",
        *_JUNE_2026,
        first=20,
    ),
    _advisory(
        "GHSA-vrfp-mg3q-3959",
        "release notes of 22.10.1",
        "a user of ARI can write files although live_dangerously is off",
        *_JUNE_2026,
        first=20,
    ),
    _advisory(
        "GHSA-wcvv-g26m-wx5c",
        "release notes of 22.10.1",
        "a read-only user of ARI can give orders over a WebSocket, even load modules",
        "20.20.1 21.12.3 22.10.1 23.4.1",
        "22.8-cert3",
        first=20,
    ),
    _advisory(
        "GHSA-r6c2-hwc2-j4mp",
        "release notes of 22.10.1",
        "with endpoints kept in LDAP, a SIP user name can read what it should not",
        *_JUNE_2026,
        first=20,
    ),
    _advisory(
        "GHSA-ph27-3m5q-mj5m",
        "release notes of 22.10.1",
        "with CEL kept in PostgreSQL or TDS, an event's name can hold SQL",
        *_JUNE_2026,
        first=20,
    ),
    _advisory(
        "GHSA-xgj6-2gc5-5x9c",
        "release notes of 22.10.1",
        "ast_loggrabber runs a script from /tmp, which any local user can replace",
        *_JUNE_2026,
        first=20,
    ),
    _advisory(
        "CVE-2026-25994",
        "GHSA-j29p-pvh2-pvqp, GHSA-8fj4-fv9f-hjpc, GHSA-g88q-c2hm-q7p7, GHSA-x5pq-qrp4-fmrj",
        "its PJSIP library overruns buffers in ICE, presence and multipart messages",
        *_MARCH_2026,
        first=20,
    ),
    _advisory(
        "CVE-2026-23738",
        "GHSA-v6hp-wh3r-cwxh",
        "the page /httpstatus of its web server repeats what a visitor sends",
        *_FEBRUARY_2026,
        first=20,
    ),
    _advisory(
        "CVE-2026-23739",
        "GHSA-85x7-54wr-vh42",
        "XML that it reads can pull in other files",
        *_FEBRUARY_2026,
        first=20,
    ),
    _advisory(
        "CVE-2026-23740",
        "GHSA-xpc6-x892-v83c",
        "ast_coredumper, run as root, trusts a file in a folder that anybody may write",
        *_FEBRUARY_2026,
        first=20,
    ),
    _advisory(
        "CVE-2026-23741",
        "GHSA-rvch-3jmx-3jf3",
        "ast_coredumper, run as root, runs a file that Asterisk's own user may write",
        *_FEBRUARY_2026,
        first=20,
    ),
    _advisory(
        "CVE-2025-57767",
        "GHSA-64qc-9x89-rx5j",
        "one SIP request with a wrong Authorization header, from anybody, crashes it",
        "20.15.2 21.10.2 22.5.2",
        first=20,
        grave=True,
    ),
    _advisory(
        "CVE-2025-54995",
        "GHSA-557q-795j-wfx2",
        "calls can leave their RTP ports taken until there are none left",
        "18.26.4",
        "18.9-cert17",
    ),
    _advisory(
        "CVE-2025-49832",
        "GHSA-mrq5-74j5-f5cr",
        "with STIR/SHAKEN verification on, an Identity header can crash it",
        "18.26.3 20.15.1 21.10.1 22.5.1",
        "20.7-cert7",
    ),
    _advisory(
        "CVE-2025-1131",
        "GHSA-v9q8-9j8m-5xwp",
        "safe_asterisk runs as root whatever Asterisk's own user puts into startup.d",
        "18.26.3 20.15.1 21.10.1 22.5.1",
        "18.9-cert16 20.7-cert7",
    ),
    _advisory(
        "CVE-2025-47779",
        "GHSA-2grh-7mhv-fcfw",
        "a telephone that signs in can send text messages in anybody's name",
        *_MAY_2025,
    ),
    _advisory(
        "CVE-2025-47780",
        "GHSA-c7p6-7mvq-8jq2",
        "cli_permissions.conf does not keep console users from running commands of the system",
        *_MAY_2025,
    ),
    _advisory(
        "CVE-2024-53566",
        "GHSA-33x6-fj46-6rfh",
        "the AMI action ListCategories reads files outside the configuration",
        "18.26.1 20.11.1 21.6.1 22.1.1",
        "18.9-cert13 20.7-cert4",
    ),
    _advisory(
        "CVE-2024-42491",
        "GHSA-v428-g3cw-7hv9",
        "with res_resolver_unbound, a SIP request with a broken host can crash it",
        "18.24.3 20.9.3 21.4.3",
        "18.9-cert12 20.7-cert3",
    ),
    _advisory(
        "CVE-2024-42365",
        "GHSA-c4cg-9275-6w44",
        "an AMI user with write=originate can change configuration and run programs",
        "18.24.2 20.9.2 21.4.2",
        "18.9-cert11 20.7-cert2",
    ),
    _advisory(
        "CVE-2024-35190",
        "GHSA-qqxj-v78h-hrf9",
        "SIP requests of strangers pass for those of an endpoint",
        "18.23.1 20.8.1 21.3.1",
        first=18,
        begins="18.23.0 20.8.0 21.3.0",
        grave=True,
    ),
    _advisory(
        "CVE-2023-49786",
        "GHSA-hxj9-xwr8-w8pq",
        "a packet at the right moment keeps calls with DTLS from being set up",
        *_DECEMBER_2023,
    ),
    _advisory(
        "CVE-2023-49294",
        "GHSA-8857-hfmw-vg8f",
        "an AMI user can read any file although live_dangerously is off",
        *_DECEMBER_2023,
    ),
    _advisory(
        "CVE-2023-37457",
        "GHSA-98rc-4j27-74hh",
        "a dialplan that updates a SIP header with a caller's text can overrun a buffer",
        *_DECEMBER_2023,
    ),
    _advisory(
        "CVE-2022-42706",
        "AST-2022-009",
        "the AMI action GetConfig reads files outside the configuration",
        *_DECEMBER_2022,
    ),
    _advisory(
        "CVE-2022-42705",
        "AST-2022-008",
        "a telephone that signs in can crash it by a subscription over TCP",
        *_DECEMBER_2022,
    ),
    _advisory(
        "CVE-2022-37325",
        "AST-2022-007",
        "with chan_ooh323, a call with a broken number can crash it",
        *_DECEMBER_2022,
    ),
    _advisory(
        "CVE-2022-26651",
        "AST-2022-003",
        "with func_odbc, a backslash in a caller's text can end an SQL string",
        _APRIL_2022,
        "16.8-cert14",
    ),
    _advisory(
        "CVE-2022-26498",
        "AST-2022-001",
        "with STIR/SHAKEN, it downloads files of any size that a caller names",
        _APRIL_2022,
    ),
    _advisory(
        "CVE-2022-26499",
        "AST-2022-002",
        "with STIR/SHAKEN, a caller can have it ask addresses inside your network",
        _APRIL_2022,
    ),
    _advisory(
        "CVE-2021-32558",
        "AST-2021-008",
        "with chan_iax2, one packet of an unknown media format crashes it",
        "16.19.1 17.9.4 18.5.1",
        "16.8-cert10",
    ),
)
"""The newest first."""
