"""The page as a visitor meets it, in a headless Chromium, with a scripted assistant."""

import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import create_engine

DONE = "#neo-chat [data-state=done]"
PATIENCE = 600_000
"""Milliseconds after which a page hangs rather than waits for a busy machine."""


@pytest.fixture(scope="module")
def script(scripted):
    return scripted(pause=0.08)


@pytest.fixture(scope="module")
def address(serving, script, tmp_path_factory):
    database = create_engine(f"sqlite:///{tmp_path_factory.mktemp('page') / 'feedback.db'}")
    return serving(script, at_once=2, feedback=database)


@pytest.fixture
def visit(browser, address):
    """Opens the page: `visit(width=390, dark=True)`. Fails if the page asks anything of another host, or breaks."""
    contexts, foreign, broken = [], [], []

    def open_page(width=1280, height=860, dark=False):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: foreign.append(request.url) if not local(request.url) else None)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#neo-box textarea")
        return page

    def local(url):
        return url.startswith((address, "data:", "blob:"))

    yield open_page
    for context in contexts:
        context.close()
    assert not foreign and not broken


def say(page, message, replies=1):
    page.fill("#neo-box textarea", message)
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == {replies}")


def test_a_first_visit_says_what_this_is_and_waits_for_a_message(visit):
    page = visit()
    assert page.inner_text("h1") == "What shall we listen to?"
    assert "Tell me what you feel like hearing" in page.inner_text(".neo-empty")
    assert page.locator("#neo-chat .example").count() == 4
    assert page.get_by_role("tab").all_inner_texts() == ["You", "Filters", "Shelf", "Tour"]
    assert page.locator("#neo-stop, #neo-retry, #neo-undo").evaluate_all("all => all.every(one => one.disabled)")
    page.wait_for_function("document.activeElement == document.querySelector('#neo-box textarea')")


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
    assert page.inner_text(".neo-said") == "something calm"
    assert page.locator(".neo-card svg.neo-cover").count() == 2
    assert page.input_value("#neo-box textarea") == ""


def test_a_card_is_there_while_the_reply_goes_on(visit):
    page = visit()
    page.fill("#neo-box textarea", "something calm")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live] .neo-card")
    page.wait_for_selector(DONE)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_a_reply_comes_in(visit, width):
    page = visit(width=width)
    page.wait_for_function("document.activeElement == document.querySelector('#neo-box textarea')")
    page.evaluate("""() => {
      window.shifted = 0;
      const begun = performance.now();  // what moved while the page was built up is another matter
      new PerformanceObserver(list => list.getEntries().forEach(one => {
        if (one.startTime > begun && !one.hadRecentInput) shifted += one.value;
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
    assert page.evaluate("shifted") < 0.05
    assert len(page.evaluate("[...places]")) == 1


def test_what_is_unfolded_on_a_card_stays_so_while_the_reply_goes_on(visit):
    page = visit()
    page.fill("#neo-box textarea", "something calm, slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live] .neo-others")
    page.evaluate("document.querySelector('.neo-others summary').click()")
    page.wait_for_selector(".neo-others[open]")
    page.wait_for_function("document.querySelector('#neo-chat').innerText.includes('word9')")
    assert page.locator(".neo-others[open]").count() == 1
    page.evaluate("document.querySelector('.neo-others summary').click()")
    page.wait_for_selector(".neo-others:not([open])")
    page.wait_for_function("document.querySelector('#neo-chat').innerText.includes('word19')")
    assert page.locator(".neo-others[open]").count() == 0
    page.click("#neo-stop")
    page.wait_for_selector("#neo-chat [data-state=stopped]")


def test_markup_is_shown_and_not_followed(visit):
    page = visit()
    say(page, "evil <script>window.hacked=1</script> <img src=x onerror=window.hacked=1> **bold** $$x$$")
    assert page.inner_text(".neo-said") == (
        "evil <script>window.hacked=1</script> <img src=x onerror=window.hacked=1> **bold** $$x$$"
    )
    assert page.inner_text(".neo-title") == "<img src=x onerror=window.hacked=1>"
    assert "*stars* ![x](http://example.com/x.png)" in page.inner_text(".neo-words")
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
    assert "Turn 2; first was 'slow'." in page.inner_text(DONE)


def test_enter_during_a_reply_keeps_the_draft(visit):
    page = visit()
    page.fill("#neo-box textarea", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("#neo-chat [data-state=live]")
    page.fill("#neo-box textarea", "next")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=A reply is still being written.")
    assert page.input_value("#neo-box textarea") == "next" and page.locator(".neo-said").count() == 1
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
    assert page.inner_text(f"{DONE} .neo-words") == "Turn 1."


def test_retry_and_undo(visit):
    page = visit()
    say(page, "hello")
    say(page, "count", replies=2)
    page.click("#neo-retry:not([disabled])")
    page.wait_for_selector("#neo-chat [data-state=waiting], #neo-chat [data-state=live]")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == 2")
    assert "Turn 2; first was 'hello'." in page.locator(DONE).nth(1).inner_text()
    page.click("#neo-undo:not([disabled])")
    page.wait_for_function("document.querySelectorAll('.neo-reply').length == 1")
    assert page.input_value("#neo-box textarea") == "count"


def test_an_error_is_a_calm_notice(visit):
    page = visit()
    say(page, "fail")
    assert "press Retry" in page.inner_text(".neo-notice")
    assert "secret" not in page.inner_text("body") and "Traceback" not in page.inner_text("body")


def test_an_example_is_asked_with_the_keyboard_alone(visit):
    page = visit()
    page.focus("#neo-chat .example >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)
    assert "the sea" in page.inner_text(".neo-said")


def test_a_listener_is_described_and_called_simulated(visit):
    page = visit()
    page.click("#neo-listener input")
    page.get_by_role("option", name="Nadia (simulated)").click()
    page.wait_for_function("document.querySelector('.neo-about').innerText.includes('night-shift')")
    assert page.inner_text(".neo-about").endswith("wants <b>long</b> stories.")


def test_a_filter_and_a_listener_reach_the_assistant(visit, script):
    page = visit()
    page.click("#neo-listener input")
    page.get_by_role("option", name="Nadia (simulated)").click()
    page.wait_for_selector(".neo-history [data-key='audiobook:the-sea-around-us']")
    tab(page, "Filters")
    page.get_by_label("Podcast show").check()
    say(page, "something calm")
    assert (script.controls[-1].listener, script.controls[-1].types) == ("Nadia", ("show",))


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


def test_messages_are_not_named_by_their_markup(visit):
    page = visit()
    say(page, "hello")
    page.wait_for_function("!document.querySelector('#neo-chat [data-testid][aria-label*=\"<\"]')")


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


def test_two_visitors_see_their_own_talk(visit):
    ana, ben = visit(), visit()
    say(ana, "from Ana")
    say(ben, "from Ben")
    say(ana, "count", replies=2)
    assert "first was 'from Ana'" in ana.inner_text("#neo-chat") and "Ana" not in ben.inner_text("#neo-chat")


def test_who_waits_sees_their_place_in_the_queue(visit):
    for _ in range(2):  # as many as are answered at once
        page = visit()
        page.fill("#neo-box textarea", "slow")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=word1")
    third = visit()
    third.fill("#neo-box textarea", "something calm")
    third.keyboard.press("Enter")
    third.wait_for_selector("#neo-chat :text-matches('queue: 1/1')")
    third.wait_for_selector(DONE)
    assert "queue" not in third.inner_text("#neo-chat")


def test_a_closed_tab_frees_the_model(browser, serving, scripted):
    assistant = scripted()
    page = browser.new_page()
    page.goto(serving(assistant))
    page.fill("#neo-box textarea", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=word1")
    page.close()
    while not assistant.closed:
        time.sleep(0.05)
    assert assistant.given < 200, "the reply is broken off, not written to its end for nobody"


def test_a_reload_in_mid_stream_begins_anew_and_ends_the_reply(visit, script):
    page, before = visit(), script.given
    page.fill("#neo-box textarea", "slow, until it is reloaded")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=word1")
    page.reload()
    page.wait_for_selector(".neo-empty")
    assert page.locator(".neo-reply, .neo-said, [data-testid=toast-body]").count() == 0
    while "slow, until it is reloaded" not in script.closed:
        time.sleep(0.05)
    assert script.given - before < 200, "broken off, not written to its end for nobody"
    say(page, "count")
    assert page.inner_text(f"{DONE} .neo-words") == "Turn 1."


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_axe_finds_nothing_serious(visit, width, dark):
    page = visit(width=width, dark=dark)
    assert serious(page) == [], "before any message"
    page.check("#neo-inspect input")
    say(page, "something calm")
    page.wait_for_selector(".neo-inside .neo-beams")
    for name in ("You", "Filters", "Shelf", "Tour"):
        tab(page, name)
        page.wait_for_timeout(300)  # until the tab has faded in
        assert serious(page) == [], f"tab {name}"


def serious(page):
    found = Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found if rule["impact"] in ("serious", "critical")]


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def test_what_is_saved_shows_on_the_card_and_on_the_shelf_and_can_be_downloaded(visit):
    page = visit()
    say(page, "something calm")
    page.click(".neo-card [data-do=save] >> nth=0")
    page.wait_for_selector(".neo-card [data-do=save][aria-pressed=true]")
    page.click(".neo-card [data-do=refuse] >> nth=1")
    page.wait_for_selector(".neo-card [data-do=refuse][aria-pressed=true]")
    tab(page, "Shelf")
    page.wait_for_selector(".neo-shelf [data-group=saved]")
    assert page.inner_text(".neo-shelf [data-group=saved] b") == "The Sea Around Us"
    assert page.inner_text(".neo-shelf [data-group=refused] b") == "Serial"
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "shelf.csv"
    assert "The Sea Around Us" in download.value.path().read_text(encoding="utf-8")
    say(page, "count", replies=2)
    assert page.locator(".neo-card [data-do=save][aria-pressed=true]").count() == 1, "it stays marked"


def test_why_this_is_asked_by_its_card(visit):
    page = visit()
    say(page, "something calm")
    page.click(".neo-card [data-do=why] >> nth=1")
    page.wait_for_function(f"document.querySelectorAll('{DONE}').length == 2")
    assert page.locator(".neo-said").nth(1).inner_text() == "Why “Serial”?"


def test_a_chip_is_removed_and_changed_with_the_keyboard(visit):
    page = visit()
    say(page, "something calm")
    page.wait_for_selector(".neo-chip")
    assert page.locator(".neo-chip").count() == 3
    page.focus(".neo-chip button >> nth=1")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('.neo-chip').length == 2 && !!document.querySelector('{DONE}')")
    page.select_option(".neo-chip select >> nth=1", "-sea")
    page.wait_for_function("document.querySelector('.neo-plan')?.innerText.includes('not sea')")
    assert page.locator(".neo-said").count() == 1


def test_an_earlier_message_is_edited(visit):
    page = visit()
    say(page, "hello")
    say(page, "count", replies=2)
    page.click(".neo-edit >> nth=0")
    page.wait_for_function("document.querySelectorAll('.neo-said').length == 0")
    assert page.input_value("#neo-box textarea") == "hello"


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
    page.click(".neo-found [data-do=hear]")
    page.wait_for_selector(".neo-history [data-key='show:serial']")
    assert page.input_value("#neo-listener input") == "My own titles"
    page.click(".neo-history [data-do=forget]")
    page.wait_for_function("!document.querySelector('.neo-history')")


def test_under_the_hood_is_one_switch(visit):
    page = visit()
    assert page.locator(".neo-inside").count() == 0
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
    assert "before" not in page.inner_text("#neo-chat")


def test_the_transcript_is_copied(visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(page, "hello")
    page.click("#neo-copy")
    page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('> hello'))")


def test_examples_are_in_the_browsers_language(browser, address):
    context = browser.new_context(locale="de-CH")
    page = context.new_page()
    page.goto(address)
    page.wait_for_function("document.querySelector('#neo-chat')?.innerText.includes('Hörbuch')")
    context.close()
