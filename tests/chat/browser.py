"""What tests of the page in a browser share."""

import re
import time
from pathlib import Path

from playwright.sync_api import TimeoutError

PICTURES = Path(__file__).parents[2] / "screenshots"
DONE = "#neo-chat [data-state=done]"
PATIENCE = 600_000
"""Milliseconds after which a page hangs rather than waits for a busy machine."""

ONE_TRY = 10_000
"""Milliseconds that a click may take before it is tried again."""

ENDLESS = 2_000
"""Words of a reply to "slow": it goes on for as long as a busy machine may take to look at it."""


def say(page, message, replies=1):
    page.fill("#neo-box textarea", message)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == {replies}")
    page.wait_for_selector("#neo-retry:enabled")


def until(met, each=50):
    """Wait until `met()` is true, which takes about `each` milliseconds to ask; it ends as a failure where a page would
    be said to hang."""
    for _ in range(PATIENCE // each):
        if met():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to be")


def picture(page, name):
    """What the page shows now, for people to look at; git ignores the folder."""
    page.screenshot(path=PICTURES / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.png", animations="disabled")


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def listen_as(page, name):
    """Choose a listener; on a busy machine the page may fill the list while it is open, which closes it."""
    field, option = page.locator("#neo-listener input"), page.get_by_role("option", name=name)

    def chosen():
        field.blur()
        field.click()
        try:
            option.click(timeout=ONE_TRY)
        except TimeoutError:
            return False
        return True

    until(chosen, each=ONE_TRY)
