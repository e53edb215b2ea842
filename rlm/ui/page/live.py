"""The page of a run under way: a sink of its events that serves them on loopback.

::

    GET  /TOKEN/                  the page
    GET  /TOKEN/events            rows as server-sent events, numbered, all there were so far first
    GET  /TOKEN/media/HASH.jpg    a picture
    POST /TOKEN/pause, resume, stop

The token is made anew for each run and is the key to everything. The page is for browsers of this
machine alone: another name for it in ``Host``, as DNS rebinding brings it, is refused.

The run only puts events into a queue. Rows are made on a thread of their own, into one log that
each reader reads on from where it is: one that is slow, or gone, holds up nobody, and one that is
late or comes back has missed nothing.
"""

from __future__ import annotations

import hmac
import itertools
import json
import queue
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rlm.agent import events as ev
from rlm.agent.control import Control
from rlm.ui.page.document import live_page
from rlm.ui.page.rows import LANE_OF, Row, Rows

READERS = 32
"""Pages that may follow at once."""
HEARTBEAT = 10.0
"""Seconds without a word after which one is sent, so that a reader who is gone is noticed."""
PAUSE = 0.05
"""Seconds between two batches for a reader: a reply streams in many small pieces."""
STALLED = 15.0
"""Seconds after which a reader that takes nothing is given up."""
LINGER = 5.0
"""Most seconds that pages get after the end, to fetch the pictures they have not shown yet."""
ORDERS = ("pause", "resume", "stop")
_PASSING = frozenset(
    ("model_called", "reply_delta", "cell_started", "tool_started", "index_progress", "paused",
     "resumed")
)  # fmt: skip
"""Rows that the next one of their session makes obsolete."""


class Log:
    """Numbered rows, for any number of readers."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._passing: dict[str, list[int]] = {}
        self._next = 0
        self._done = False
        self._changed = threading.Condition()

    def add(self, row: Row) -> None:
        """Append a row; those that it makes obsolete are gone for readers that come later."""
        with self._changed:
            passing = self._passing.setdefault(row.get("session", ""), [])
            # Only a whole reply says what its pieces did.
            if not (passing and row["kind"] == self._rows[passing[-1]]["kind"] == "reply_delta"):
                for number in passing:
                    del self._rows[number]
                passing.clear()
            if row["kind"] in _PASSING:
                passing.append(self._next)
            self._rows[self._next] = row
            self._next += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Let nothing follow."""
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def after(self, last: int, seconds: float) -> tuple[dict[int, Row], bool]:
        """The rows after number ``last``, and whether these are all there will be.

        Waits so many seconds for one.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._next - 1 > last or self._done, seconds)
            newer = list(itertools.takewhile(lambda number: number > last, reversed(self._rows)))
            return {number: self._rows[number] for number in reversed(newer)}, self._done


def _of_one(old: Row, row: Row) -> bool:
    return bool(old.get("session", "") == row.get("session", ""))


@dataclass
class LivePage:
    """A sink; use it as a context manager. Its ``store`` and ``progress`` are those of a run.

    With a ``control`` the page has buttons that pause the run and have it answer now; it says by
    what the run is held at the moment. ``address`` is what to open.
    """

    control: Callable[[], Control] | None = None
    _log: Log = field(default_factory=Log, init=False)
    _events: queue.SimpleQueue[ev.Event | Row | None] = field(
        default_factory=queue.SimpleQueue, init=False
    )

    def __post_init__(self) -> None:
        self.token = secrets.token_urlsafe(24)
        self._folder = tempfile.TemporaryDirectory(prefix="videorlm-live-")
        self.pictures = Path(self._folder.name)
        self.reading = threading.BoundedSemaphore(READERS)
        self._server = _Server(self)
        self._threads = [
            threading.Thread(target=target, name=f"live page: {name}", args=args, daemon=True)
            for name, target, args in (
                ("server", self._server.serve_forever, (0.1,)),
                ("rows", self._draw, ()),
            )
        ]

    @property
    def address(self) -> str:
        """Where the page is, with its token."""
        return f"http://127.0.0.1:{self._server.server_port}/{self.token}/"

    @property
    def log(self) -> Log:
        """What there is to tell."""
        return self._log

    def __call__(self, event: ev.Event) -> None:
        """Tell of an event; returns at once."""
        self._events.put(event)

    def store(self, sha256: str, jpeg: bytes) -> None:
        """Keep a picture until the end; without room for it the page goes without."""
        with suppress(OSError):
            (self.pictures / f"{sha256}.jpg").write_bytes(jpeg)

    def progress(self, what: str, done: float, total: float) -> None:
        """Tell how far an index is; returns at once."""
        self._events.put(
            {"kind": "index_progress", "session": f"index of {what}", "what": what}
            | {"done": round(done, 2), "total": round(total, 2)}
        )

    def order(self, what: str) -> bool:
        """Do one of :data:`ORDERS`; whether it could be."""
        if self.control is None or what not in ORDERS:
            return False
        getattr(self.control(), what)()
        return True

    def __enter__(self) -> LivePage:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.put(None)
        until = time.monotonic() + LINGER
        while self._server.open and time.monotonic() < until:
            time.sleep(0.05)
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def _draw(self) -> None:
        rows = Rows()
        while (event := self._events.get()) is not None:
            row = event if isinstance(event, dict) else rows(event)
            if row is None:
                continue
            if row["kind"] == "session_started":
                row |= {"controls": self.control is not None, "lanes": LANE_OF}
            self._log.add(row)
        self._log.end()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a reader that stalls is not waited for

    def __init__(self, page: LivePage) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page
        self.open = 0
        """Streams that are being read."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader went away: nobody has to be told."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = STALLED
    server_version, sys_version = "videorlm", ""

    def do_GET(self) -> None:
        what = self._asked()
        if what == "":
            self._send(live_page().encode(), "text/html; charset=utf-8")
        elif what == "events":
            self._stream()
        elif what is not None and (found := re.fullmatch(r"media/([0-9a-f]+\.jpg)", what)):
            self._picture(self.server.page.pictures / found[1])
        elif what is not None:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        what = self._asked()
        if what is None:
            return
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self._names():
            self._refuse(HTTPStatus.FORBIDDEN)
        elif self.server.page.order(what):
            self._send(b"", "text/plain", HTTPStatus.NO_CONTENT)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: Any) -> None:
        """The terminal is the run's."""

    # ----

    def _names(self) -> tuple[str, str]:
        port = self.server.server_port
        return f"127.0.0.1:{port}", f"localhost:{port}"

    def _asked(self) -> str | None:
        """What of the page is asked for; ``None`` where that has been refused."""
        if self.headers.get("Host") not in self._names():
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        token, slash, what = self.path.partition("?")[0].lstrip("/").partition("/")
        right = hmac.compare_digest(token.encode(), self.server.page.token.encode())
        if not (right and slash):
            self._refuse(HTTPStatus.NOT_FOUND)
            return None
        return what

    def _refuse(self, status: HTTPStatus) -> None:
        self._send(status.phrase.encode(), "text/plain", status)

    def _send(
        self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, keep: str = "no-store"
    ) -> None:
        self._head(kind, status, keep)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _head(self, kind: str, status: HTTPStatus = HTTPStatus.OK, keep: str = "no-store") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", keep)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")

    def _picture(self, file: Path) -> None:
        try:
            jpeg = file.read_bytes()
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            self._send(jpeg, "image/jpeg", keep="private, max-age=86400, immutable")

    def _stream(self) -> None:
        reading = self.server.page.reading
        if not reading.acquire(blocking=False):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.server.open += 1
        try:
            self._head("text/event-stream")
            self.end_headers()
            last = self.headers.get("Last-Event-ID", "")
            for message in _messages(self.server.page.log, int(last) if last.isdecimal() else -1):
                self.wfile.write(message.encode())
            self.connection.settimeout(LINGER)
            self.rfile.read(1)  # until the page, which may have pictures to fetch, closes it
        finally:
            self.server.open -= 1
            reading.release()


def _messages(log: Log, last: int) -> Iterator[str]:
    """What a reader that knows the rows up to number ``last`` is sent, as long as there is any."""
    done = False
    while not done:
        rows, done = log.after(last, HEARTBEAT)
        if not rows:
            yield ": still there\n\n"
        for number, row in _joined(rows):
            yield f"id: {number}\ndata: {json.dumps(row)}\n\n"
            last = number
        time.sleep(PAUSE)
    yield "event: done\ndata:\n\n"


def _joined(rows: dict[int, Row]) -> Iterator[tuple[int, Row]]:
    """The same rows, with pieces of a reply that follow each other as one."""
    held: tuple[int, Row] | None = None
    for number, row in rows.items():
        goes_on = (
            held is not None
            and row["kind"] == held[1]["kind"] == "reply_delta"
            and row["turn"] == held[1]["turn"]
            and _of_one(held[1], row)
        )
        if held is not None and goes_on:
            held = number, held[1] | {"text": held[1]["text"] + row["text"]}
            continue
        if held is not None:
            yield held
        held = number, row
    if held is not None:
        yield held
