"""What tests of the page in a browser share."""

DONE = "#neo-chat [data-state=done]"
PATIENCE = 600_000
"""Milliseconds after which a page hangs rather than waits for a busy machine."""


def say(page, message, replies=1):
    page.fill("#neo-box textarea", message)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == {replies}")


def tab(page, name):
    page.get_by_role("tab", name=name).click()
