"""How much a public page lets one address do: so many replies in so long a time, and no files."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Rate:
    """At most `most` replies in `seconds` for one address. Knows times, never what was said."""

    most: int = 12
    seconds: float = 60.0
    clock: Callable[[], float] = monotonic
    _asked: dict[str, deque[float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, address: str) -> float:
        """Seconds until this address may ask again; 0 counts as having asked now."""
        with self._lock:
            now = self.clock()
            for known in [one for one, times in self._asked.items() if times[-1] <= now - self.seconds]:
                del self._asked[known]
            times = self._asked.setdefault(address, deque())
            while times and times[0] <= now - self.seconds:
                times.popleft()
            if len(times) >= self.most:
                return times[0] + self.seconds - now
            times.append(now)
            return 0.0


@dataclass(frozen=True)
class NoUploads:
    """Refuses every file before it is read."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith("/upload"):
            await PlainTextResponse("uploads are off", status_code=403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
