"""Builds the page and starts it: `python app.py`, then open the address it prints. `--help` lists what can be set."""

import argparse
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from catalog.errors import CatalogError
from neo.errors import NeoError
from neo.settings import Settings

if TYPE_CHECKING:
    from gradio import Blocks


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    settings = Settings()
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="A conversation that recommends things to listen to.",
        epilog="NEO_LOGIN=name:password asks for a login.",
    )
    parser.add_argument("--host", default=os.environ.get("NEO_HOST", "127.0.0.1"),
                        help="address to listen on; 0.0.0.0 for every network (NEO_HOST, now %(default)s)")  # fmt: skip
    parser.add_argument("--port", type=int, default=os.environ.get("NEO_PORT", "7860"),
                        help="port to listen on (NEO_PORT, now %(default)s)")  # fmt: skip
    parser.add_argument("--database", default=os.environ.get("NEO_DATABASE"),
                        help="database URL, such as sqlite:////path/to/catalog.db (NEO_DATABASE)")  # fmt: skip
    parser.add_argument("--base", default=settings.base,
                        help="base language model: a hub id or a folder (NEO_BASE, now %(default)s)")  # fmt: skip
    parser.add_argument("--weights", type=Path, default=settings.weights,
                        help='folder written by "python -m neo train" (NEO_WEIGHTS, now %(default)s)')  # fmt: skip
    parser.add_argument("--cache", type=Path, default=settings.cache,
                        help="folder for converted base models (NEO_CACHE, now %(default)s)")  # fmt: skip
    parser.add_argument("--where", default=settings.where, metavar="SQL",
                        help="suggest only items of which this holds, such as \"language = 'en' and year >= 2000\" "
                             "(NEO_WHERE)")  # fmt: skip
    parser.add_argument("--share-safe", action="store_true",
                        help="for a public demo: no ratings kept, no files taken, replies limited")  # fmt: skip
    parser.add_argument("--log-texts", action="store_true",
                        help="log what is said too, not figures alone")  # fmt: skip
    chosen = parser.parse_args(given)
    # A password among the arguments could be read by everybody on the machine.
    chosen.login = login(os.environ.get("NEO_LOGIN"))
    return chosen


def login(text: str | None) -> tuple[str, str] | None:
    """(name, password) of NEO_LOGIN. Raises NeoError for half of it."""
    name, _, password = (text or "").partition(":")
    if text and not (name and password):
        raise NeoError("NEO_LOGIN: expected name:password, unset it to let everybody in")
    return (name, password) if text else None


def require_free(host: str, port: int) -> None:
    """Fails before the model is loaded, not after."""
    if not 0 < port < 65536:
        raise NeoError(f"port {port}: expected 1 to 65535, choose another with --port")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise NeoError(
            f"host {host!r} is unknown ({error.strerror}): give an address of this machine with --host"
        ) from error
    except OSError as error:
        raise NeoError(
            f"cannot listen on port {port} of {host} ({error.strerror}): "
            f"choose another port, such as --port {port % 65535 + 1}"
        ) from error


def serve(page: "Blocks", chosen: argparse.Namespace) -> None:
    """Shows the page until Ctrl+C or a signal asks for its end."""
    from neo.chat.page import launch_options

    _, address, _ = page.launch(
        server_name=chosen.host,
        server_port=chosen.port,
        auth=chosen.login,
        quiet=True,
        prevent_thread_lock=True,
        **launch_options(chosen.share_safe),
    )
    asked_to_end = Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: asked_to_end.set())
    print(f"Ready: open {address} (stop with Ctrl+C)", flush=True)
    asked_to_end.wait()
    page.close()


def main(given: list[str] | None = None) -> None:
    try:
        chosen = arguments(given)
        require_free(chosen.host, chosen.port)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        # Imported late: torch and Gradio take seconds, and --help and a taken port should not wait for them.
        from catalog.database import default_url
        from neo.chat.assistant import open_assistant
        from neo.chat.log import start_logging
        from neo.chat.page import create_page

        settings = Settings(chosen.base, chosen.weights, chosen.cache, where=chosen.where)
        start_logging(chosen.log_texts)
        assistant = open_assistant(settings, chosen.database or default_url(), report=partial(print, flush=True))
        serve(create_page(assistant, feedback=assistant.database, public=chosen.share_safe), chosen)
    except (NeoError, CatalogError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
