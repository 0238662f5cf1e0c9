"""What tests of the page in a browser share."""

import re
import time
from pathlib import Path

PICTURES = Path(__file__).parents[2] / "screenshots"
DONE = "#neo-chat [data-state=done]"
PATIENCE = 600_000
"""Milliseconds after which a page hangs rather than waits for a busy machine."""

ENDLESS = 2_000
"""Words of a reply to "slow": it goes on for as long as a busy machine may take to look at it."""


def say(page, message, replies=1):
    page.fill("#neo-box textarea", message)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == {replies}")
    page.wait_for_selector("#neo-retry:enabled")


def until(met):
    """Wait until `met()` is true; it ends as a failure where a page would be said to hang."""
    for _ in range(PATIENCE // 50):
        if met():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to be")


def picture(page, name):
    """What the page shows now, for people to look at; git ignores the folder."""
    page.screenshot(path=PICTURES / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.png", animations="disabled")


def tab(page, name):
    page.get_by_role("tab", name=name).click()
