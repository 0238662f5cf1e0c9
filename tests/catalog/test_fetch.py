"""Addresses of one's own network are never connected to, by whatever name they come; a tiny server plays the web."""

import ipaddress
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import AddressRefused
from catalog.importers import fetch


def web(pages: dict[str, httpx.Response], asked: list) -> httpx.MockTransport:
    """A web whose every request is written down as (address, host asked for)."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, request.headers["host"]))
        return pages[request.url.path]

    return httpx.MockTransport(answer)


def test_a_feed_is_fetched_from_the_address_that_was_checked():
    asked = []
    transport = web({"/f": httpx.Response(200, content=b"<rss/>")}, asked)
    with fetch.fetched("https://feeds.example/f", lambda host, port: ["93.184.216.34"], transport) as path:
        assert path.read_bytes() == b"<rss/>"
    assert not path.exists()
    assert asked == [("93.184.216.34", "feeds.example")]


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::1", "fe80::1",
     "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "224.0.0.1", "::", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_local_addresses_are_refused_by_any_name(address):
    asked = []
    with (
        pytest.raises(AddressRefused, match="local network"),
        fetch.fetched("http://feeds.example/f", lambda host, port: ["93.184.216.34", address], web({}, asked)),
    ):
        pass
    assert asked == []


@given(
    st.ip_addresses(network="127.0.0.0/8") | st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="fd00::/8")
)
def test_no_private_address_is_public(address):
    assert not fetch.is_public(str(address))
    if isinstance(address, ipaddress.IPv4Address):
        assert not fetch.is_public(f"::ffff:{address}")


def test_a_redirect_is_checked_too():
    asked = []
    pages = {"/f": httpx.Response(302, headers={"location": "http://inside.example/secret"})}
    hosts = {"feeds.example": ["93.184.216.34"], "inside.example": ["10.0.0.1"]}
    with (
        pytest.raises(AddressRefused, match="10.0.0.1"),
        fetch.fetched("http://feeds.example/f", lambda host, port: hosts[host], web(pages, asked)),
    ):
        pass
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("url", "page", "reason"),
    [
        ("http://a.example/f", httpx.Response(302, headers={"location": "/f"}), "redirects"),
        ("http://a.example/f", httpx.Response(302, headers={"location": "file:///etc/passwd"}), "http"),
        ("http://a.example/f", httpx.Response(404), "404"),
        ("http://a.example/f", httpx.Response(200, content=b"x" * 2000), "larger"),
        ("http://me:secret@a.example/f", httpx.Response(200), "password"),
        ("ftp://a.example/f", httpx.Response(200), "http"),
    ],
)
def test_what_is_refused(monkeypatch, url, page, reason):
    monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    with (
        pytest.raises(AddressRefused, match=reason),
        fetch.fetched(url, lambda host, port: ["93.184.216.34"], web({"/f": page}, [])),
    ):
        pass


def test_a_server_of_this_machine_is_not_asked():
    class Page(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self):
            Page.asked += 1

    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with (
        pytest.raises(AddressRefused, match="local network"),
        fetch.fetched(f"http://localhost:{server.server_port}/feed"),
    ):
        pass
    server.shutdown()
    server.server_close()
    assert Page.asked == 0
