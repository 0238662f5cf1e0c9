"""A conversation on the page as a visitor has it, in a headless Chromium, with a scripted assistant."""

import re

import pytest
from playwright.sync_api import expect

from tests.chat.browser import DONE, ENDLESS, PATIENCE, say, tab, until
from tests.chat.conftest import MARKER


def test_a_first_visit_says_what_this_is_and_waits_for_a_message(visit):
    page = visit()
    expect(page.locator("h1")).to_have_text("What shall we listen to?")
    expect(page.locator(".neo-empty")).to_contain_text("Tell me what you feel like hearing")
    expect(page.locator("#neo-chat .example")).to_have_count(4)
    expect(page.get_by_role("tab")).to_have_text(["You", "Filters", "Shelf", "Tour"])
    expect(page.locator(":is(#neo-stop, #neo-retry, #neo-undo):disabled")).to_have_count(3)
    page.wait_for_function("document.activeElement == document.querySelector('#neo-box textarea')")


def test_the_page_speaks_the_language_of_the_browser(visit):
    page = visit(locale="de-DE")
    expect(page.locator("h1")).to_have_text("Was hören wir?")
    expect(page.locator(".neo-empty")).to_contain_text("worauf du Lust hast")
    expect(page.get_by_role("tab")).to_have_text(["Du", "Filter", "Regal", "Rundgang"])
    expect(page.locator("#neo-send")).to_have_text("Senden")
    expect(page.locator("#neo-box textarea")).to_have_attribute("placeholder", "Eine Stimmung, ein Titel, ein Thema…")
    tab(page, "Filter")
    expect(page.get_by_role("checkbox", name="Hörbuch")).to_be_visible()
    expect(page.locator("#neo-language input")).to_have_value("Auto: wie du fragst")
    assert "__i18n__" not in page.inner_text("body")


def test_words_and_cards_come_in_order(visit):
    page = visit()
    say(page, "something calm")
    kinds = page.eval_on_selector_all(f"{DONE} > *", "all => all.map(one => one.className)")
    assert kinds == [
        "neo-plan",
        "neo-words",
        "neo-card",
        "neo-words",
        "neo-card",
        "neo-words",
        "neo-notice",
        "neo-rating",
    ]
    cards = page.eval_on_selector_all(".neo-card", "all => all.map(one => [one.dataset.sid, one.dataset.type])")
    assert cards == [["audiobook:3-1-4", "audiobook"], ["show:1-2-3", "show"]]
    expect(page.locator(".neo-said")).to_have_text("something calm")
    expect(page.locator(".neo-card svg.neo-cover")).to_have_count(2)
    expect(page.locator("#neo-box textarea")).to_have_value("")


def test_a_card_is_there_while_the_reply_goes_on(visit):
    page = visit()
    page.fill("#neo-box textarea", "something calm, slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live] .neo-card")
    page.click("#neo-stop")
    page.wait_for_selector("#neo-chat [data-state=stopped] .neo-card")


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_a_reply_comes_in(visit, width):
    page = visit(width=width)
    page.evaluate("""() => new Promise(built => {  // what moves while the page is built up is another matter
      let before, still = 0;
      const look = () => {
        const parts = [...document.querySelectorAll('h1, #neo-main > *, #neo-talk > *, #neo-chat .example')];
        const now = parts.map(part => Object.values(part.getBoundingClientRect().toJSON())).join();
        still = now === before ? still + 1 : 0;
        before = now;
        still < 60 ? requestAnimationFrame(look) : built();
      };
      look();
    })""")
    page.evaluate("""() => {
      window.shifts = [];
      const begun = performance.now();
      new PerformanceObserver(list => list.getEntries().forEach(one => {
        const moved = one.sources.map(({node, previousRect, currentRect}) =>
          `${node?.nodeName} #${node?.id} .${node?.className} from ${previousRect.y} to ${currentRect.y}`);
        if (one.startTime > begun && !one.hadRecentInput) shifts.push([one.value, ...moved]);
      })).observe({type: 'layout-shift', buffered: true});
      window.places = new Set();  // of the first card, below the message that it answers
      const look = () => {
        const [said, card] = ['.neo-said', '.neo-card'].map(name => document.querySelector(name));
        if (said && card) places.add(Math.round(card.getBoundingClientRect().top - said.getBoundingClientRect().top));
        requestAnimationFrame(look);
      };
      look();
    }""")
    say(page, "something calm")
    page.wait_for_selector(".neo-edit:enabled")
    page.wait_for_selector(".neo-chip")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shifts = page.evaluate("shifts")
    assert sum(value for value, *_ in shifts) < 0.05, shifts
    assert len(page.evaluate("[...places]")) == 1


def test_what_is_unfolded_on_a_card_stays_so_while_the_reply_goes_on(visit):
    page = visit()
    page.fill("#neo-box textarea", "something calm, slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live] .neo-others")
    page.evaluate("document.querySelector('.neo-others summary').click()")
    page.wait_for_selector(".neo-others[open]")
    page.wait_for_function("document.querySelector('#neo-chat').innerText.includes('word9')")
    expect(page.locator(".neo-others[open]")).to_have_count(1)
    page.wait_for_function(  # a card that is drawn anew is folded for a moment
        "() => { const one = document.querySelector('.neo-others[open] summary'); one?.click(); return !!one }"
    )
    page.wait_for_selector(".neo-others:not([open])")
    page.wait_for_function("document.querySelector('#neo-chat').innerText.includes('word19')")
    expect(page.locator(".neo-others[open]")).to_have_count(0)
    page.click("#neo-stop")
    page.wait_for_selector("#neo-chat [data-state=stopped]")


def test_markup_is_shown_and_not_followed(visit):
    page = visit()
    text = f"evil <script>window.hacked=1</script> <img src=x onerror=window.hacked=1> **bold** $$x$$ {MARKER}"
    say(page, text)
    expect(page.locator(".neo-said")).to_have_text(text)
    expect(page.locator(".neo-title")).to_have_text("<img src=x onerror=window.hacked=1>")
    expect(page.locator(".neo-words")).to_contain_text("*stars* ![x](http://example.com/x.png)")
    tab(page, "Shelf")
    expect(page.locator(".neo-row small")).to_contain_text(MARKER)
    assert page.evaluate("window.hacked") is None
    unwanted = ", ".join(
        f"#neo-chat .message-content {tag}" for tag in ("script", "img", "a", "strong", "b", "h1", "code")
    )
    assert page.locator(unwanted).count() == 0


def test_no_inline_handler_runs_even_if_one_got_in(visit):
    page = visit()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=window.hacked=1>')")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None


def test_stop_keeps_what_was_said_and_lets_one_go_on(visit):
    page = visit()
    page.fill("#neo-box textarea", "slow")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#neo-chat').innerText.includes('word3')")
    page.click("#neo-stop")
    page.wait_for_selector("#neo-chat [data-state=stopped]")
    words = page.inner_text("#neo-chat [data-state=stopped]")
    page.wait_for_timeout(600)
    assert page.inner_text("#neo-chat [data-state=stopped]") == words and "word3" in words
    say(page, "count")
    expect(page.locator(DONE)).to_contain_text("Turn 2; first was 'slow'.")


def test_enter_during_a_reply_keeps_the_draft(visit):
    page = visit()
    page.fill("#neo-box textarea", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live]")
    page.fill("#neo-box textarea", "next")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=A reply is still being written.")
    expect(page.locator("#neo-box textarea")).to_have_value("next")
    expect(page.locator(".neo-said")).to_have_count(1)
    page.click("#neo-stop")
    page.wait_for_selector("#neo-chat [data-state=stopped]")


def test_clear_during_a_reply_starts_anew(visit):
    page = visit()
    page.fill("#neo-box textarea", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live]")
    page.click("#neo-clear")
    page.wait_for_selector(".neo-empty")
    page.wait_for_timeout(400)
    assert page.locator(".neo-reply").count() == 0
    say(page, "count")
    expect(page.locator(f"{DONE} .neo-words")).to_have_text("Turn 1.")


def test_retry_and_undo(visit):
    page = visit()
    say(page, "hello")
    say(page, "count", replies=2)
    page.locator(DONE).nth(1).evaluate("reply => reply.classList.add('before')")
    page.click("#neo-retry:not([disabled])")
    expect(page.locator(".before")).to_have_count(0)
    expect(page.locator(DONE)).to_have_count(2)
    expect(page.locator(DONE).nth(1)).to_contain_text("Turn 2; first was 'hello'.")
    page.click("#neo-undo:not([disabled])")
    page.wait_for_function("document.querySelectorAll('.neo-reply').length == 1")
    expect(page.locator("#neo-box textarea")).to_have_value("count")


def test_an_error_is_a_calm_notice(visit):
    page = visit()
    say(page, "fail")
    expect(page.locator(".neo-notice")).to_contain_text("press Retry")
    expect(page.locator("body")).not_to_contain_text(re.compile("secret|Traceback"))


def test_an_example_is_asked_with_the_keyboard_alone(visit):
    page = visit()
    page.focus("#neo-chat .example >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)
    expect(page.locator(".neo-said")).to_contain_text("the sea")


def test_messages_are_not_named_by_their_markup(visit):
    page = visit()
    say(page, "hello")
    page.wait_for_function("!document.querySelector('#neo-chat [data-testid][aria-label*=\"<\"]')")


def test_two_visitors_see_their_own_talk(visit):
    ana, ben = visit(), visit()
    say(ana, "from Ana")
    say(ben, "from Ben")
    say(ana, "count", replies=2)
    expect(ana.locator("#neo-chat")).to_contain_text("first was 'from Ana'")
    expect(ben.locator("#neo-chat")).not_to_contain_text("Ana")


def test_who_waits_sees_their_place_in_the_queue(visit):
    two = visit(), visit()  # as many as are answered at once
    for page in two:
        page.fill("#neo-box textarea", "slow")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=word1")
    third = visit()
    third.fill("#neo-box textarea", "something calm")
    third.keyboard.press("Enter")
    third.wait_for_selector("#neo-chat :text-matches('queue: 1/1')")
    two[0].click("#neo-stop")
    third.wait_for_selector(DONE)
    expect(third.locator("#neo-chat")).not_to_contain_text("queue")


def test_a_closed_tab_frees_the_model(browser, serving, scripted):
    assistant = scripted()
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(serving(assistant))
    page.fill("#neo-box textarea", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=word1")
    page.close()
    until(lambda: assistant.closed)
    assert assistant.given < ENDLESS, "the reply is broken off, not written to its end for nobody"


def test_a_reload_in_mid_stream_begins_anew_and_ends_the_reply(visit, script):
    page, before = visit(), script.given
    page.fill("#neo-box textarea", "slow, until it is reloaded")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=word1")
    page.reload()
    page.wait_for_selector(".neo-empty")
    expect(page.locator(".neo-reply, .neo-said, [data-testid=toast-body]")).to_have_count(0)
    until(lambda: "slow, until it is reloaded" in script.closed)
    assert script.given - before < ENDLESS, "broken off, not written to its end for nobody"
    say(page, "count")
    expect(page.locator(f"{DONE} .neo-words")).to_have_text("Turn 1.")


def test_examples_are_in_the_browsers_language(browser, address):
    context = browser.new_context(locale="de-CH")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("document.querySelector('#neo-chat')?.innerText.includes('Hörbuch')")
    context.close()
