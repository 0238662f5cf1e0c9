"""The tour: prepared scenes that show how the recommender works. They run live, one click each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """A scene begins a new conversation. `shows` says what to watch."""

    name: str
    messages: tuple[str, ...]
    shows: str


SCENES = (
    Scene(
        "Type steering",
        ("Two podcasts about space", "Now audiobooks instead"),
        "The plan's types decide which spans may be opened; the topic stays.",
    ),
    Scene(
        "Across types",
        ("I loved the podcast Serial. Which audiobook is like it?",),
        "A show is named, an audiobook is written: one model, a vocabulary of IDs for each type.",
    ),
    Scene(
        "Another language",
        ("Two podcasts about history", "Et maintenant en français, s'il te plaît"),
        "Words, filter and items change their language in the middle of a conversation.",
    ),
    Scene(
        "Exclusion",
        ("Three podcasts with real stories, but not true crime",),
        "What is unwanted becomes a filter of the trie: no beam can reach it.",
    ),
    Scene(
        "Explanation",
        ("Something calm about the sea, an audiobook", "Why that one?"),
        "What is said about an item is said from facts spliced in when its ID closed.",
    ),
)


def scene_called(name: str) -> Scene | None:
    return next((scene for scene in SCENES if scene.name == name), None)


def tour_html() -> str:
    rows = "".join(
        f'<li><button type="button" data-do="scene" data-value="{scene.name}">{scene.name}</button>'
        f"<p>{scene.shows}</p></li>"
        for scene in SCENES
    )
    return f'<ol class="neo-tour">{rows}</ol>'
