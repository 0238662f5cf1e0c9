"""The whole program once, in a browser, with the shipped model: the conversation that the README begins with."""

from playwright.sync_api import expect

from tests.chat.browser import DONE, PATIENCE, picture, say


def test_two_shows_and_an_audiobook_then_why(serving, browser, assistant):
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(serving(assistant))
    page.wait_for_selector("#neo-box textarea")
    say(page, "I loved Serial. Find me two shows like it and an audiobook for a long train ride", 1)
    cards = page.eval_on_selector_all(
        ".neo-card", "all => all.map(one => [one.dataset.sid, one.dataset.type, one.innerText])"
    )
    assert sorted(type_ for _, type_, _ in cards) == ["audiobook", "show", "show"]
    assert len({sid for sid, _, _ in cards}) == 3
    assert all(text.strip() for *_, text in cards)
    expect(page.locator(".neo-card svg")).to_have_count(3)
    say(page, "Why the second one?", 2)
    answer = page.locator(DONE).nth(1).inner_text()
    assert len(answer) > 20
    expect(page.locator(".neo-card")).to_have_count(3)
    picture(page, "the conversation of the readme")
    page.context.close()
