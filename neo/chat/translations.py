"""The page's fixed words, which the browser takes in its own language from what Gradio sends it of all languages."""

import gradio as gr
from gradio.i18n import I18nData

from neo.chat.tour import tour_html
from neo.chat.words import words
from neo.wording import LANGUAGES

SIMULATED = "header_simulated"


def header_html(says: dict[str, str], simulated: bool = False) -> str:
    note = f' <span class="neo-simulated">{says["simulated"]}</span>' if simulated else ""
    return (
        '<header class="neo-header"><svg class="neo-logo" viewBox="0 0 40 40" aria-hidden="true">'
        '<circle cx="20" cy="20" r="20"/><path d="M10 22v-4M15 27V13M20 30V10M25 25V15M30 22v-4"/></svg>'
        f"<div><h1>{says['title']}</h1><p>{says['subtitle']}{note} "
        f'<a class="neo-jump" href="#neo-controls">{says["jump"]}</a></p>'
        "</div></header>"
    )


def _all(language: str) -> dict[str, str]:
    """The words of a language, and what is made of several of them: Gradio puts one key in place of a whole text."""
    says = words(language)["page"]
    return says | {
        "header": header_html(says),
        SIMULATED: header_html(says, simulated=True),
        "greeting": f'<div class="neo-empty"><h2>{says["hello"]}</h2><p>{says["ideas"]}</p></div>',
        "exporting": f'<p class="neo-about">{says["export"]}</p>',
        "scenes": tour_html(language),
    }


TEXTS = {language: _all(language) for language in LANGUAGES}
TRANSLATIONS = gr.I18n(
    **{language: {f"neo.{key}": text for key, text in texts.items()} for language, texts in TEXTS.items()}
)


def fixed(key: str) -> I18nData:
    """A text of the page, for a label or a value that stays: English where the page lacks the browser's language.

    Raises KeyError for a text that `words.yaml` does not have. What a handler may replace says its words itself: the
    browser would put this text back when its language is changed."""
    if key not in TEXTS["en"]:
        raise KeyError(f"the page has no text {key!r}: expected one of {', '.join(TEXTS['en'])}")
    return TRANSLATIONS(f"neo.{key}")
