"""Buttons of cards and replies, listener, filters, shelf, tour; on every screen, with a scripted assistant."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from neo.chat.parts import Controls
from tests.chat.browser import DONE, listen_as, say, tab


def test_a_listener_is_described_and_called_simulated(visit):
    page = visit()
    listen_as(page, "Nadia (simulated)")
    page.wait_for_selector(".neo-about:has-text('night-shift')")
    expect(page.locator(".neo-about")).to_have_text(re.compile(r"wants <b>long</b> stories\.$"))


def test_a_filter_and_a_listener_reach_the_assistant(visit, script):
    page = visit()
    listen_as(page, "Nadia (simulated)")
    page.wait_for_selector(".neo-history [data-key='audiobook:the-sea-around-us']")
    tab(page, "Filters")
    page.get_by_label("Podcast show").check()
    page.fill("#neo-minutes input", "20")
    say(page, "something calm")
    assert script.controls[-1] == Controls(("show",), listener="Nadia", minutes=20)


def test_subscriptions_are_taken_up_and_saved_as_a_file_that_can_be_taken_up(visit, tmp_path):
    page = visit()
    outlines = "".join(
        f'<outline type="rss" text="{title}" xmlUrl="https://feed.example/{title}"/>'
        for title in ("Serial", "Moby Duck")
    )
    opml = f'<opml version="2.0"><body>{outlines}</body></opml>'.encode()
    upload(page, {"name": "shows.opml", "mimeType": "text/x-opml", "buffer": opml})
    page.wait_for_selector("text=1 of 2 titles are in the catalog. Not found: “Moby Duck”.")
    page.wait_for_selector(".neo-history [data-key='show:serial']")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my titles").click()
    assert download.value.suggested_filename == "titles.csv"
    download.value.save_as(tmp_path / "titles.csv")
    page.click(".neo-history [data-do=forget]")
    page.wait_for_function("!document.querySelector('.neo-history')")
    upload(page, tmp_path / "titles.csv")
    page.wait_for_selector(".neo-history [data-key='show:serial']")


def upload(page, file):
    with page.expect_file_chooser() as chooser:
        page.click("#neo-upload")
    chooser.value.set_files(file)


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_sideways_scrolling(visit, dark):
    page = visit(width=390, height=844, dark=dark)
    say(page, "evil")
    say(page, "hello", replies=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    too_wide = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).length"
    assert page.eval_on_selector_all("#neo-chat .bubble-wrap, .neo-reply, .neo-card, .neo-body", too_wide) == 0
    box = page.locator("#neo-box textarea").bounding_box()
    assert box["y"] + box["height"] <= 844, "the message box is in view"


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_axe_finds_nothing_serious(visit, width, dark):
    page = visit(width=width, dark=dark)
    settled(page)
    assert serious(page) == [], "before any message"
    page.check("#neo-inspect input")
    say(page, "something calm")
    page.wait_for_selector(".neo-inside .neo-beams")
    for name in ("You", "Filters", "Shelf", "Tour"):
        tab(page, name)
        settled(page)
        assert serious(page) == [], f"tab {name}"


def settled(page):
    """Until nothing fades any more: half-faded words have too little contrast."""
    page.wait_for_timeout(300)
    page.evaluate("""() => Promise.allSettled(document.getAnimations()
        .filter(one => Number.isFinite(one.effect.getComputedTiming().endTime)).map(one => one.finished))""")


def serious(page):
    found = Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")]


def test_what_is_saved_shows_on_the_card_and_on_the_shelf_and_can_be_downloaded(visit):
    page = visit()
    say(page, "something calm")
    page.click(".neo-card [data-do=save] >> nth=0")
    page.wait_for_selector(".neo-card [data-do=save][aria-pressed=true]")
    page.click(".neo-card [data-do=refuse] >> nth=1")
    page.wait_for_selector(".neo-card [data-do=refuse][aria-pressed=true]")
    tab(page, "Shelf")
    page.wait_for_selector(".neo-shelf [data-group=saved]")
    expect(page.locator(".neo-shelf [data-group=saved] b")).to_have_text("The Sea Around Us")
    expect(page.locator(".neo-shelf [data-group=refused] b")).to_have_text("Serial")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "shelf.csv"
    assert "The Sea Around Us" in download.value.path().read_text(encoding="utf-8")
    say(page, "count", replies=2)
    expect(page.locator(".neo-card [data-do=save][aria-pressed=true]"), "it stays marked").to_have_count(1)


def test_why_this_is_asked_by_its_card(visit):
    page = visit()
    say(page, "something calm")
    page.click(".neo-card [data-do=why] >> nth=1")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == 2")
    expect(page.locator(".neo-said").nth(1)).to_have_text("Why “Serial”?")


def test_a_chip_is_removed_and_changed_with_the_keyboard(visit):
    page = visit()
    say(page, "something calm")
    page.wait_for_selector(".neo-chip")
    expect(page.locator(".neo-chip")).to_have_count(3)
    page.focus(".neo-chip button >> nth=1")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('.neo-chip').length == 2 && !!document.querySelector('{DONE}')")
    page.wait_for_selector("#neo-retry:enabled")
    page.select_option(".neo-chip select >> nth=1", "-sea")
    page.wait_for_function("document.querySelector('.neo-plan')?.innerText.includes('not sea')")
    expect(page.locator(".neo-said")).to_have_count(1)


def test_an_earlier_message_is_edited(visit):
    page = visit()
    say(page, "hello")
    say(page, "count", replies=2)
    page.click(".neo-edit >> nth=0")
    page.wait_for_function("document.querySelectorAll('.neo-said').length == 0")
    expect(page.locator("#neo-box textarea")).to_have_value("hello")


def test_a_reply_is_rated_with_a_reason(visit):
    page = visit()
    say(page, "hello")
    page.click("[data-do=rate][data-value=dislike]")
    page.wait_for_selector("[data-do=reason]")
    page.select_option("[data-do=reason]", "known")
    page.wait_for_function("document.querySelector('[data-do=reason]')?.value == 'known'")


def test_titles_are_picked_and_taken_out_again(visit):
    page = visit()
    page.locator("#neo-title textarea").press_sequentially("ser")
    page.click(".neo-found [data-do=hear][data-key='show:serial']")  # the list is another while one types
    page.wait_for_selector(".neo-history [data-key='show:serial']")
    expect(page.locator("#neo-listener input")).to_have_value("My own titles")
    page.click(".neo-history [data-do=forget]")
    page.wait_for_function("!document.querySelector('.neo-history')")


def test_under_the_hood_is_one_switch(visit):
    page = visit()
    expect(page.locator(".neo-inside")).to_have_count(0)
    page.check("#neo-inspect input")
    say(page, "evil")
    page.wait_for_selector(".neo-inside .neo-beams")
    assert page.evaluate("window.hacked") is None and page.locator(".neo-inside script").count() == 0


def test_a_scene_runs_by_itself(visit):
    page = visit()
    say(page, "before")
    tab(page, "Tour")
    page.click("[data-do=scene] >> nth=4")
    page.wait_for_function(
        f"document.querySelectorAll('{DONE}').length == 2"
        " && document.querySelector('#neo-chat').innerText.includes('Why that one?')"
    )
    expect(page.locator("#neo-chat")).not_to_contain_text("before")


def test_the_tour_speaks_the_language_of_the_browser(visit):
    page = visit(locale="fr-FR")
    tab(page, "Visite")
    page.click("[data-do=scene] >> nth=4")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == 2")
    expect(page.locator(".neo-said").first).to_have_text("Un livre audio calme sur la mer")


def test_the_transcript_is_copied(visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(page, "hello")
    page.click("#neo-copy")
    page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('> hello'))")
