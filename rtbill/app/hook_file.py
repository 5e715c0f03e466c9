"""The site's rating hook: its file is found, imported and looked at before anything is priced."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import stat
import sys
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

from rtbill.config import Config, HookConfig
from rtbill.domain.errors import ConfigError
from rtbill.ports import Clock
from rtbill.pricing.site_hook import Board, Function, LoadedHook, SiteHook


class Complaints:
    """Where a hook's alarms go while nobody looks after alarms: what it did is told once, at the
    end of the command.
    """

    KEPT_MAX = 20

    def __init__(self, texts: list[str] | None = None) -> None:
        self.texts = [] if texts is None else texts

    def raise_(self, kind: str, subject: str, text: str) -> None:
        """Something is wrong; the same is kept once."""
        said = f"{kind} {subject}: {text}"
        if said not in self.texts and len(self.texts) < self.KEPT_MAX:
            self.texts.append(said)

    def clear(self, kind: str, subject: str) -> None:
        """What was wrong stays told."""


def site_hook(config: Config, clock: Clock, board: Board) -> SiteHook | None:
    """The configured hook; None where there is none. ConfigError as of `load_hook`."""
    loaded = load_hook(config)
    return None if loaded is None else SiteHook(loaded, clock, board)


def load_hook(config: Config) -> LoadedHook | None:
    """The function that `rating.hook` names; ConfigError says which key is wrong, and the remedy.

    The file is run: what stands outside its functions happens here.
    """
    wanted = config.rating.hook
    if wanted is None:
        return None
    path = wanted.folder / f"{wanted.module}.py"
    source = _read(path)
    return LoadedHook(
        name=wanted.name,
        function=_function(_module(wanted, path, source), wanted, path),
        digest=hashlib.sha256(source).hexdigest()[:16],
        bounds=wanted.bounds,
        zone=ZoneInfo(config.site.zone),
        slow_s=wanted.slow_s,
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & stat.S_IWOTH:
            raise _wrong(f"{path} may be changed by anybody; run: chmod o-w {path}")
        return path.read_bytes()
    except OSError as error:
        text = f"{path} cannot be read: {error.strerror}; rating.hook_path names its folder"
        raise _wrong(text) from error


def _module(wanted: HookConfig, path: Path, source: bytes) -> ModuleType:
    """The file as a module of its own; others beside it can be imported from it."""
    folder = str(wanted.folder)
    if folder not in sys.path:
        sys.path.append(folder)  # last: a file there stands for nothing that we import
    # Under a name that nothing else has: a mysite of somebody else's is left alone.
    spec = importlib.util.spec_from_file_location(f"rtbill-hook-{wanted.module}", path)
    assert spec is not None, "it is a .py file"
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - the site's own code
    except (Exception, SystemExit) as error:
        where = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        text = f"{path} cannot be imported: {where}{type(error).__name__}: {error}"
        raise _wrong(" ".join(text.split())) from error
    return module


def _function(module: ModuleType, wanted: HookConfig, path: Path) -> Function:
    found: Function | None = getattr(module, wanted.function, None)
    if found is None:
        there = [name for name, each in vars(module).items() if inspect.isfunction(each)]
        known = ", ".join(there) or "none"
        raise _wrong(f"{path} has no function {wanted.function!r}; its functions: {known}")
    if not callable(found):
        raise _wrong(f"{wanted.function!r} in {path} is no function")
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise _wrong(f"{wanted.function!r} in {path} must be a plain function, no async, no yield")
    try:
        inspect.signature(found).bind(None)
    except TypeError as error:
        raise _wrong(f"{wanted.function!r} in {path} must take the call alone: {error}") from error
    return found


def _wrong(text: str) -> ConfigError:
    return ConfigError([f"rating.hook: {text}"])
