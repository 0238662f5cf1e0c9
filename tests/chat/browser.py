"""What tests of the page in a browser share."""

DONE = "#neo-chat [data-state=done]"
PATIENCE = 600_000
"""Milliseconds after which a page hangs rather than waits for a busy machine."""

ENDLESS = 2_000
"""Words of a reply to "slow": it goes on for as long as a busy machine may take to look at it."""


def say(page, message, replies=1):
    page.fill("#neo-box textarea", message)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == {replies}")


def tab(page, name):
    page.get_by_role("tab", name=name).click()
