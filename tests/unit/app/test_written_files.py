"""Putting an exchange's files into a folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rtbill.app.written_files import write_files
from rtbill.domain.errors import Refused

DIALPLAN, MANAGER = "extensions_rtbill.conf", "manager_rtbill.conf"
OLD, NEW = "an-old-secret-of-the-tests", "a-new-secret-of-the-tests"


def a_manager(secret: str = NEW, timeout: int = 5000) -> str:
    return f"[rtbill]\nsecret = {secret}\ndeny = 0.0.0.0/0.0.0.0\nwritetimeout = {timeout}\n"


def a_question(token: str = NEW, timeout: int = 2) -> str:
    return (
        f"exten => s,1,Set(CURLOPT(httptimeout)={timeout})\n"
        f" same => n,Set(RTB_SAID=${{CURL(http://h:1/v1/authorise/hall,token={token}&call=7)}})\n"
        " same => n,Return()\n"
    )


def shown(folder: Path, name: str, before: str, now: str) -> list[str]:
    """The lines that are shown as taken away or added."""
    (folder / name).write_text(before)
    (written,) = write_files({name: now}, folder)
    lines = written.difference.splitlines()
    assert lines[:2] == [f"--- {name} (before)", f"+++ {name} (now)"]
    return [line for line in lines[2:] if line.startswith(("-", "+"))]


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_first_writing_makes_files_that_nobody_else_reads(tmp_path: Path) -> None:
    written = write_files({DIALPLAN: "a\n", MANAGER: "b\n"}, tmp_path / "new" / "out")
    assert [(each.is_new, each.difference) for each in written] == [(True, "")] * 2
    assert [mode(each.path) for each in written] == [0o600] * 2


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    write_files({DIALPLAN: "a\n"}, tmp_path)
    (again,) = write_files({DIALPLAN: "a\n"}, tmp_path)
    assert (again.is_new, again.difference) == (False, "")
    assert names(tmp_path) == [DIALPLAN]


def test_difference_is_shown_and_the_file_from_before_is_kept(tmp_path: Path) -> None:
    before, now = a_question(timeout=20), a_question(timeout=2)
    assert shown(tmp_path, DIALPLAN, before, now) == [
        "-exten => s,1,Set(CURLOPT(httptimeout)=20)",
        "+exten => s,1,Set(CURLOPT(httptimeout)=2)",
    ]
    assert (tmp_path / DIALPLAN).read_text() == now
    assert (tmp_path / f"{DIALPLAN}.old").read_text() == before


# ---- no secret is shown


def test_secret_that_was_replaced_is_not_shown_but_that_it_was_is(tmp_path: Path) -> None:
    assert shown(tmp_path, MANAGER, a_manager(OLD), a_manager(NEW)) == [
        "-secret = ********",
        "+secret = ******** (changed)",
    ]


def test_token_that_was_replaced_is_not_shown_but_that_it_was_is(tmp_path: Path) -> None:
    front = " same => n,Set(RTB_SAID=${CURL(http://h:1/v1/authorise/hall,token=********"
    assert shown(tmp_path, DIALPLAN, a_question(OLD), a_question(NEW)) == [
        f"-{front}&call=7)}})",
        f"+{front} (changed)&call=7)}})",
    ]


@pytest.mark.parametrize(
    "secret",
    [r"half\;other-half", r"half\\other-half", "half other-half", 'half"other-half', "ü,&'="],
)
@pytest.mark.parametrize("now", [5000, 6000])
def test_secret_of_any_form_is_not_shown(tmp_path: Path, secret: str, now: int) -> None:
    lines = shown(tmp_path, MANAGER, a_manager(secret), a_manager(timeout=now))
    assert not any(part in line for line in lines for part in ("half", "ü", NEW))
    assert "-secret = ********" in lines


@pytest.mark.parametrize("line", ["secret=X", "  Secret => X", ";secret = X", "md5secret = X"])
def test_secret_in_a_line_of_somebody_elses_writing_is_not_shown(tmp_path: Path, line: str) -> None:
    before = a_manager().replace("writetimeout", f"{line.replace('X', OLD)}\nwritetimeout")
    (taken,) = shown(tmp_path, MANAGER, before, a_manager())
    assert OLD not in taken
    assert taken.endswith("********")


def test_secret_that_stays_is_not_called_changed_beside_another_change(tmp_path: Path) -> None:
    (tmp_path / MANAGER).write_text(a_manager(timeout=100))
    (written,) = write_files({MANAGER: a_manager(timeout=5000)}, tmp_path)
    assert NEW not in written.difference
    assert "changed" not in written.difference


def test_token_that_was_not_there_before_is_new_and_not_changed(tmp_path: Path) -> None:
    before = "".join(line for line in a_question().splitlines(keepends=True) if NEW not in line)
    (added,) = shown(tmp_path, DIALPLAN, before, a_question())
    assert added.startswith("+")
    assert ",token=********&call" in added


# ---- in a folder that others may write too


def test_what_somebody_left_by_the_name_of_the_unfinished_file_is_not_written_through(
    tmp_path: Path,
) -> None:
    target = tmp_path / "somebody-elses"
    target.write_text("theirs\n")
    for name in (f".{MANAGER}.new", f".{MANAGER}.old.new", f"{MANAGER}.old"):
        (tmp_path / name).symlink_to(target)
    (tmp_path / MANAGER).write_text(a_manager(OLD))
    write_files({MANAGER: a_manager(NEW)}, tmp_path)
    assert target.read_text() == "theirs\n"
    assert (tmp_path / f"{MANAGER}.old").read_text() == a_manager(OLD)
    assert names(tmp_path) == [MANAGER, f"{MANAGER}.old", target.name]
    assert not any(each.is_symlink() for each in tmp_path.iterdir())


def test_unfinished_file_that_others_can_read_does_not_lend_its_mode(tmp_path: Path) -> None:
    (tmp_path / f".{MANAGER}.new").touch(0o666)
    (tmp_path / f".{MANAGER}.new").chmod(0o666)
    write_files({MANAGER: a_manager()}, tmp_path)
    assert mode(tmp_path / MANAGER) == 0o600


def test_unfinished_file_is_private_from_its_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[int, int]] = []
    real = os.open

    def watching(path: Path, flags: int, mode: int = 0o777) -> int:
        opened.append((flags, mode))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", watching)
    write_files({MANAGER: a_manager()}, tmp_path)
    ((flags, asked),) = [each for each in opened if each[0] & os.O_CREAT]
    assert flags & os.O_EXCL
    assert flags & os.O_NOFOLLOW
    assert asked == 0o600


def test_file_from_before_is_kept_where_nobody_else_reads_it(tmp_path: Path) -> None:
    (tmp_path / MANAGER).write_text(a_manager(OLD))
    (tmp_path / MANAGER).chmod(0o644)
    (tmp_path / f"{MANAGER}.old").touch(0o644)
    write_files({MANAGER: a_manager(NEW)}, tmp_path)
    assert mode(tmp_path / f"{MANAGER}.old") == 0o600
    assert mode(tmp_path / MANAGER) == 0o600


def test_link_in_place_of_a_file_is_refused_and_its_target_not_shown(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("root only\n")
    (tmp_path / MANAGER).symlink_to(tmp_path / "private")
    with pytest.raises(Refused, match=f"{MANAGER} is a symbolic link; remove it"):
        write_files({MANAGER: a_manager()}, tmp_path)


def test_pipe_in_place_of_a_file_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MANAGER)
    with pytest.raises(Refused, match=f"{MANAGER} is no ordinary file; remove it"):
        write_files({MANAGER: a_manager()}, tmp_path)


def test_folder_that_cannot_be_made_is_refused_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(Refused, match="name another folder with --out"):
        write_files({MANAGER: a_manager()}, tmp_path / "out")


def test_file_that_is_no_text_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / MANAGER).write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="no text"):
        write_files({MANAGER: a_manager()}, tmp_path)
    assert names(tmp_path) == [MANAGER]
