"""The tour: prepared scenes that show how the recommender works. They run live, one click each, in the words of the
visitor's language (`words.yaml`)."""

from dataclasses import dataclass

from neo.chat.cards import escaped
from neo.chat.words import words
from neo.wording import LANGUAGES


@dataclass(frozen=True)
class Scene:
    """A scene begins a new conversation. `shows` says what to watch."""

    name: str
    messages: tuple[str, ...]
    shows: str


SCENES = {
    f"{language}-{at}": Scene(scene["name"], tuple(scene["messages"]), scene["shows"])
    for language in LANGUAGES
    for at, scene in enumerate(words(language)["tour"])
}
"""By the names under which the page asks for them."""


def tour_html(language: str) -> str:
    rows = "".join(
        f'<li><button type="button" data-do="scene" data-value="{name}">{escaped(scene.name)}</button>'
        f"<p>{escaped(scene.shows)}</p></li>"
        for name, scene in SCENES.items()
        if name.startswith(f"{language}-")
    )
    return f'<ol class="neo-tour">{rows}</ol>'
