"""`make soak`: a minute of ten times too much work, then slow clients, in figures; also in
`build/soak.json`.

It ends with 1 when an aim is missed: see `tests.soak.judged`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import tempfile
from pathlib import Path

from rich.console import Console

from tests.end_to_end.conftest import running_service
from tests.soak.judged import Aims, figures, missed, slow_client_figures, slow_client_missed
from tests.soak.overload import overload, records_in
from tests.soak.slow_clients import SlowClientResult, slow_clients
from tests.trust.test_transport import Authority

OUTPUT = Path("build/soak.json")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload; 0: none of it")
    parser.add_argument("--slow-clients", type=int, default=2000, help="how many; 0: none")
    parser.add_argument(
        "--late-ms",
        type=float,
        default=Aims().late_ms,
        help="by how much an answer may come after `answer_within_s`",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    console, told, failed = Console(stderr=True), {}, []
    if options.seconds:
        told, failed = _overload(options.seconds, Aims(late_ms=options.late_ms), console)
    for scheme in ("http", "https") if options.slow_clients else ():
        with console.status(f"{options.slow_clients} slow clients by {scheme}"):
            found = _slow_clients(scheme, options.slow_clients)
        told |= {f"{scheme}: {name}": value for name, value in slow_client_figures(found).items()}
        failed += [f"{scheme}: {name}" for name in slow_client_missed(found, Aims())]
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({**told, "missed": failed}, indent=1) + "\n")
    if options.json:
        print(json.dumps({**told, "missed": failed}, indent=1))
    for name, value in told.items():
        console.print(f"{name:50} {value}")
    for name in failed:
        console.print(f"missed: {name}")
    return 1 if failed else 0


def _overload(seconds: float, aims: Aims, console: Console) -> tuple[dict[str, object], list[str]]:
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as service:
        service.until_ready()
        with console.status(f"firing for {seconds:.0f} s"):
            found = asyncio.run(overload(service, seconds, console.print))
        found.records = records_in(Path(folder) / "records.sqlite")
    return figures(found, aims), missed(found, aims)


def _slow_clients(scheme: str, count: int) -> SlowClientResult:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder, "site")
        certificate, key = authority.issue("localhost")
        tls = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n' if scheme == "https" else ""
        with running_service(folder, tls) as service:
            service.address = service.address.replace("http:", f"{scheme}:")
            verify = ssl.create_default_context(cafile=str(authority.pem))
            verify.check_hostname = False
            found = asyncio.run(slow_clients(service.address, count=count, verify=verify))
            found.log_bytes = len(service.log)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
