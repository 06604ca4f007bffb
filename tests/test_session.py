"""Sessions and the public interface, as a caller in Python uses them."""

from __future__ import annotations

import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import auditor
from auditor import FailedAudit, Report, Request, Resources, Session, Severity, Verdict
from auditor.errors import ExitCode, ImageError, UsageError
from auditor.quiet_warnings import quiet_warnings
from tests.builders import interpreter, oci_layout

SITE = "/usr/local/lib/python3.11/site-packages"
LOCK = 'lock-version = "1.0"\ncreated-by = "test"\npackages = []\n'
THREADS = 4


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "pylock.toml"
    path.write_text(LOCK, encoding="utf-8")
    return path


@pytest.fixture
def resources(tmp_path: Path) -> Resources:
    return Resources(cache=tmp_path / "cache")


def layout(folder: Path, *installed: str) -> str:
    files = {
        f"{SITE}/{name}-1.0.dist-info/METADATA": f"Name: {name}\nVersion: 1.0\n"
        for name in installed
    }
    return f"oci:{oci_layout(folder, [interpreter(), files])}"


def held() -> tuple[int, int]:
    """Count the files and threads of this process."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def test_one_image(tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    image = layout(tmp_path / "image", "six")
    assert auditor.audit(image, lock=lock).verdict is Verdict.DRIFT
    monkeypatch.chdir(tmp_path)
    assert auditor.audit(image).findings[0].subject == "six"
    with pytest.raises(ImageError):
        auditor.audit("oci:nowhere", lock=lock)


def test_what_is_exported() -> None:
    assert all(getattr(auditor, name) is not None for name in auditor.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = auditor.nothing


def test_an_image_that_cannot_be_opened_does_not_stop_the_next(
    tmp_path: Path, lock: Path, resources: Resources
) -> None:
    good = Request(layout(tmp_path / "image"), lock=lock)
    gone = Request(f"oci:{tmp_path}/gone", lock=lock)
    with Session(resources) as session:
        failed, report = session.try_audit(gone), session.try_audit(good)
        with pytest.raises(UsageError, match="--select LI9X"):
            session.audit(Request(good.image, lock=lock, select=("LI9X",)))
    assert isinstance(report, Report)
    assert report.verdict is Verdict.CONSISTENT
    assert isinstance(failed, FailedAudit)
    assert (failed.image, failed.exit_code) == (gone.image, ExitCode.INCOMPLETE)
    assert "gone" in failed.error


def test_a_bug_does_not_stop_the_next_either(
    tmp_path: Path, lock: Path, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise LookupError("nowhere")

    monkeypatch.setattr("auditor.run_audit.audit_image", broken)
    with Session(resources) as session:
        failed = session.try_audit(Request(layout(tmp_path / "image"), lock=lock))
    assert isinstance(failed, FailedAudit)
    assert (failed.error, failed.exit_code) == ("unexpected LookupError: nowhere", 3)


def test_threads_leave_the_filters_of_warnings_as_they_were() -> None:
    before = list(warnings.filters)

    def often(_: int) -> None:
        for _ in range(300):
            with quiet_warnings():
                warnings.warn("unheard", stacklevel=1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(often, range(THREADS)))
    assert list(warnings.filters) == before


def test_choices_of_a_request(tmp_path: Path, lock: Path, resources: Resources) -> None:
    image = layout(tmp_path / "image", "six", "pip")
    with Session(resources) as session:
        ignored = session.audit(Request(image, lock=lock, ignore=("unlocked-distribution",)))
        own = session.audit(Request(image, lock=lock, own=("Six",), fail_on=Severity.ERROR))
    assert {each.code for each in ignored.findings if each.ignored} == {"LI102"}
    assert own.verdict is Verdict.CONSISTENT


def test_a_closed_session_makes_no_audit(tmp_path: Path, lock: Path, resources: Resources) -> None:
    session = Session(resources)
    request = Request(layout(tmp_path / "image"), lock=lock)
    assert session.audit(request).verdict is Verdict.CONSISTENT
    session.close()
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.audit(request)


def test_threads_get_what_one_after_the_other_gets(
    tmp_path: Path, lock: Path, resources: Resources
) -> None:
    requests = [
        Request(layout(tmp_path / f"image{number}", f"demo{number}"), lock=lock)
        for number in range(12)
    ]
    before = held()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Session(resources) as session:
        one_by_one = [session.audit(request).to_json() for request in requests]
    with Session(resources) as session, ThreadPoolExecutor(THREADS) as pool:
        at_once = [report.to_json() for report in pool.map(session.audit, requests)]
    assert at_once == one_by_one
    assert len(set(one_by_one)) == len(requests)
    assert held() == before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
