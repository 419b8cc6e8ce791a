"""The README's pictures of the console, as Chromium shows them.

`python -m tests.docs.console_pictures` takes them. A service with the embedded model runs on a free
port; the first sample patient is fired in the inspector, and the page behind its card is opened.
Look at both before they are committed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT
from tests.end_to_end.conftest import Running, running_service
from tests.end_to_end.links import one_time_link

__all__ = ["CONSULTATION", "INSPECTOR"]

INSPECTOR = ROOT / "docs/images/inspector.png"
CONSULTATION = ROOT / "docs/images/consultation.png"
_PATIENCE_MS, _SETTLED_MS = 300_000, 1_500
# Cards are on the other picture; this one begins with the verdicts.
_FROM_THE_VERDICTS = "document.querySelector('#verdicts').scrollIntoView({behavior: 'instant'})"


def _take(running: Running, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 780}, color_scheme="light")
    page.set_default_timeout(_PATIENCE_MS)
    page.goto(one_time_link(running))
    page.click("text=Fire for the sample")
    page.wait_for_selector("text=Once the model had written")
    page.wait_for_timeout(_SETTLED_MS)  # the rest of the page comes by itself
    page.evaluate(_FROM_THE_VERDICTS)
    page.wait_for_timeout(_SETTLED_MS)
    page.screenshot(path=INSPECTOR)
    [place, *_] = re.findall(r"/consultations/[\w.-]+", page.content())
    page.goto(running.address + place)
    page.screenshot(path=CONSULTATION)


def main() -> None:
    """Take both."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as running:
        running.until_ready()
        with sync_playwright() as playwright:
            opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            _take(running, opened)
            opened.close()


if __name__ == "__main__":
    main()
