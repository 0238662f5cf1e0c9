"""What tests share: a headless Chromium, running pages, and the shipped model."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from tests.chat.browser import PATIENCE

settings.register_profile("patient", deadline=None)  # machines are shared: time says nothing about correctness
settings.load_profile("patient")

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def serving() -> Iterator[Callable[..., str]]:
    """`serving(assistant, **options_of_create_page)` starts a page and returns its address; all stop with the run."""
    from neo.chat.page import create_page, launch_options

    with ExitStack() as stack:

        def start(assistant, **options) -> str:
            page = create_page(assistant, **options)
            _, address, _ = page.launch(
                prevent_thread_lock=True,
                quiet=True,
                server_name="127.0.0.1",
                server_port=free_port(),
                **launch_options(),
            )
            stack.callback(page.close, verbose=False)
            return address

        yield start


@pytest.fixture(scope="session")
def browser():
    """A Chromium for the whole run; tests open contexts of their own in it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the playwright package is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install the chromium package to run browser tests")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as tools:
        chromium = tools.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def assistant(tmp_path_factory):
    """The shipped model on a demo catalog of its own, opened once for all tests that talk to it."""
    from neo.chat.assistant import open_assistant
    from neo.settings import Settings

    return open_assistant(Settings(), f"sqlite:///{tmp_path_factory.mktemp('catalog') / 'demo.db'}")
