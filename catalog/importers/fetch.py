"""Fetches a feed from the public web into a temporary file: with timeouts, a size limit, no way into a local network.

A name is resolved once, every address it has must be public, and the connection goes to the address that was checked;
each redirect is checked the same way. Proxies of the environment are not used, since they would resolve again.
"""

import ipaddress
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from catalog.errors import AddressRefused

MOST_BYTES, MOST_SECONDS, MOST_REDIRECTS = 64 << 20, 120, 5
TIMEOUT = httpx.Timeout(15.0)
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 behind a translator (RFC 6052)."""
Resolve = Callable[[str, int], list[str]]


def is_address(path: str) -> bool:
    return path.lower().startswith(("http://", "https://"))


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host."""
    return list(dict.fromkeys(found[4][0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def is_public(ip: str) -> bool:
    """Whether an address is of the public web, also when it is dressed up as IPv6."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if address in TRANSLATED:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = getattr(address, "teredo", None)
    carried = [one for one in (inner, *(teredo or ())) if one]
    return address.is_global and not address.is_multicast and all(one.is_global for one in carried)


@contextmanager
def fetched(url: str, resolve: Resolve = resolve, transport: httpx.BaseTransport | None = None) -> Iterator[Path]:
    """A file with what is at `url`, gone at the end. Raises AddressRefused."""
    with tempfile.TemporaryDirectory(prefix="neo-feed-") as folder:
        path = Path(folder) / "feed"
        try:
            with httpx.Client(transport=transport, timeout=TIMEOUT, trust_env=False) as client:
                _download(client, httpx.URL(url), path, resolve)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise AddressRefused(url, error) from error
        yield path


def _download(client: httpx.Client, url: httpx.URL, path: Path, resolve: Resolve) -> None:
    end = time.monotonic() + MOST_SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        with client.stream(
            "GET",
            url.copy_with(host=_checked(url, resolve)),
            headers={"Host": url.netloc.decode("ascii"), "User-Agent": "neo-catalog", "Accept": "*/*"},
            extensions={"sni_hostname": url.host},
        ) as response:
            if response.is_redirect:
                url = url.join(response.headers.get("location", ""))
                continue
            response.raise_for_status()
            with path.open("wb") as file:
                size = 0
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > MOST_BYTES:
                        raise AddressRefused(url, f"it is larger than {MOST_BYTES >> 20} MB")
                    if time.monotonic() > end:
                        raise AddressRefused(url, f"it takes longer than {MOST_SECONDS} seconds")
                    file.write(chunk)
            return
    raise AddressRefused(url, f"more than {MOST_REDIRECTS} redirects")


def _checked(url: httpx.URL, resolve: Resolve) -> str:
    """The address to connect to."""
    if url.scheme not in ("http", "https") or not url.host:
        raise AddressRefused(url, "only http and https are fetched")
    if url.userinfo:
        raise AddressRefused(url, "it carries a password")
    addresses = resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
    private = [ip for ip in addresses if not is_public(ip)]
    if private or not addresses:
        raise AddressRefused(url, f"{url.host} is {private[0]}, of a local network" if private else "no such host")
    return addresses[0]
