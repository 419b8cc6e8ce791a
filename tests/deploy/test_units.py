"""The systemd units: what they promise, and that systemd takes them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.plain_processes import INSTALLED, SYSTEMD, unit

ANALYZE = ["systemd-analyze", "--no-pager"]
SERVICES = sorted(path.name for path in SYSTEMD.glob("*.service"))
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"), ("UMask", "0077"), ("StateDirectoryMode", "0700"),
        ("ProtectSystem", "strict"), ("ProtectHome", "yes"), ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"), ("NoNewPrivileges", "yes"), ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"), ("RestrictNamespaces", "yes"), ("LimitCORE", "0"),
        ("SystemCallArchitectures", "native"), ("ProtectProc", "invisible"),
    ],
)  # fmt: skip
def test_a_unit_keeps_its_promises(name: str, key: str, value: str) -> None:
    assert unit(name)["Service"][key] == value


@pytest.mark.parametrize("name", ["chartside.service", "chartside-prewarm.service"])
def test_what_speaks_over_the_network_speaks_to_this_machine_alone(name: str) -> None:
    service = unit(name)["Service"]
    assert service["RestrictAddressFamilies"] == "AF_INET AF_INET6 AF_UNIX"
    assert (service["IPAddressDeny"], service["IPAddressAllow"]) == ("any", "localhost")


def test_what_only_reads_a_file_has_no_network() -> None:
    assert unit("chartside-backup.service")["Service"]["PrivateNetwork"] == "yes"


def test_each_timer_has_its_service() -> None:
    timers = [path.stem for path in SYSTEMD.glob("*.timer")]
    assert sorted(timers) == ["chartside-backup", "chartside-prewarm"]
    assert {f"{name}.service" for name in timers} < set(SERVICES)


def _installed(folder: Path) -> list[str]:
    """All units as a site has them, with both drop-ins, and a program that is there."""
    extra = folder / "chartside.service.d"
    extra.mkdir()
    for path in SYSTEMD.iterdir():
        place = extra if path.suffix == ".conf" else folder
        (place / path.name).write_text(path.read_text().replace(INSTALLED, "/bin/true"))
    return sorted(str(each) for each in folder.iterdir() if each.is_file())


@needs_systemd
def test_systemd_takes_units_timers_and_drop_ins(tmp_path: Path) -> None:
    units = _installed(tmp_path)
    checked = [*ANALYZE, "verify", "--man=no", *units]
    told = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert str(tmp_path) not in told.stderr, told.stderr
    assert "chartside" not in told.stderr, told.stderr
    wrong = tmp_path / "chartside.service.d/postgresql.conf"
    wrong.write_text(wrong.read_text() + "NoSuchSetting=1\n")
    told = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert "NoSuchSetting" in told.stderr  # that drop-ins are looked at


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_little_exposed(name: str, tmp_path: Path) -> None:
    _installed(tmp_path)
    # Tenths: 1.5 of 10.
    threshold = ["security", "--offline=true", "--threshold=15", str(tmp_path / name)]
    exposed = subprocess.run([*ANALYZE, *threshold], capture_output=True, text=True, check=False)
    if re.search("(?i)unknown option|unrecognized option", exposed.stderr):
        pytest.skip("this systemd cannot look at a unit that is not installed")
    assert exposed.returncode == 0, exposed.stdout[-400:] + exposed.stderr
