"""Pictures of every page, to look at: `python -m tests.console.pictures [FOLDER [PAGE ...]]`.

Each page as it is in light, dark, on a narrow screen and on paper, of a service whose model is a
fake. They are no part of any test: a person looks at them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.console.looking import unfold
from tests.console.pages import PAGES, Page
from tests.console.whole_service import ROOT, WholeService

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 320, "height": 640}},
    # A4 at 96 pixels an inch, of a reader whose screen is dark: paper is white all the same.
    "paper": {"color_scheme": "dark", "viewport": {"width": 794, "height": 1123}},
}


def take(browser: Any, service: WholeService, page: Page, folder: Path) -> None:
    """One page in every look."""
    for name, look in LOOKS.items():
        context = browser.new_context(**look)
        context.add_cookies(service.cookies() if page.signed_in else [])
        opened = context.new_page()
        opened.goto(service.url + page.address(service))
        if page.act:
            page.act(opened)
        opened.wait_for_selector(page.shown)
        opened.wait_for_timeout(300)
        unfold(opened)
        if name == "paper":
            opened.emulate_media(media="print")
        opened.screenshot(path=folder / f"{page.name}-{name}.png", full_page=True)
        service.engine.released.set()
        context.close()


def main(folder: str = str(ROOT / "build" / "pictures"), *names: str) -> None:
    """Take the pages of these names, all without any."""
    from playwright.sync_api import sync_playwright

    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as records, sync_playwright() as playwright:
        service = WholeService(Path(records))
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in PAGES:
            if not names or page.name in names:
                take(browser, service, page, into)
        browser.close()
        service.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
