"""A server on loopback that speaks the OpenAI chat protocol and does as it is told.

Each step of its script answers one request: a text is the reply, streamed where the request asks
for that; an :class:`Act` does something else. When the script is used up the last step repeats. A
script may also be a function from the body of a request to the step, which several threads call.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


@dataclass(frozen=True)
class Act:
    """A reply that is not a plain text."""

    status: int = 200
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Close the connection in the middle of the stream."""
    finish: str | None = "stop"
    """The finish reason; with ``None`` the stream ends cleanly, but without having said so."""
    garbage: bool = False
    """Send bytes that are not the protocol."""
    usage: dict[str, Any] | None = field(default_factory=lambda: USAGE)
    """What the reply is said to have cost; ``None`` says nothing of it."""
    reasoning: str = ""
    silence: float = 0.0
    """Seconds without a byte, in the middle of the stream where there is one."""
    endless: bool = False
    """Say ``text`` again and again until nobody listens."""


Step = str | Act


@dataclass
class ModelServer:
    """``url`` is what goes to ``--api-base``; ``requests`` are the bodies that came in."""

    url: str
    requests: list[dict[str, Any]]


@contextmanager
def serve(script: Sequence[Step] | Callable[[dict[str, Any]], Step]) -> Iterator[ModelServer]:
    """Run the server while the context lasts."""
    requests: list[dict[str, Any]] = []
    lock = threading.Lock()
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                number = len(requests)
                requests.append(body)
            step = script(body) if callable(script) else script[min(number, len(script) - 1)]
            with suppress(ConnectionError):  # a client may well have gone
                self._play(Act(text=step) if isinstance(step, str) else step, body)

        def _play(self, act: Act, body: dict[str, Any]) -> None:
            raw = b"<html>not json" if act.garbage else _reply(act, body)
            self.send_response(act.status)
            streams = act.status == 200 and body.get("stream")
            kind = "text/event-stream" if streams else "application/json"
            self.send_header("content-type", kind)
            if act.endless:
                self.send_header("connection", "close")
            else:
                self.send_header("content-length", str(len(raw)))
            for name, value in act.headers.items():
                self.send_header(name, value)
            self.end_headers()
            half = len(raw) // 2
            self.wfile.write(raw[:half])
            if act.silence:
                self.wfile.flush()
                closing.wait(act.silence)
            self.close_connection = act.cut or act.endless
            if not act.cut:
                self.wfile.write(raw[half:])
            while act.endless and not closing.is_set():
                self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield ModelServer(f"http://127.0.0.1:{server.server_port}/v1", requests)
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _reply(act: Act, body: dict[str, Any]) -> bytes:
    if act.status != 200:
        return json.dumps({"error": {"message": act.text or "no", "type": "x"}}).encode()
    base = {"id": "1", "created": 1, "model": body["model"], "object": "chat.completion.chunk"}
    if not body.get("stream"):
        message = {"role": "assistant", "content": act.text}
        choices = [{"index": 0, "message": message, "finish_reason": act.finish}]
        whole = base | {"object": "chat.completion", "choices": choices, "usage": act.usage}
        return json.dumps(whole).encode()
    third = max(1, len(act.text) // 3)
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    if act.reasoning:
        deltas.append({"reasoning_content": act.reasoning})
    deltas += [{"content": act.text[i : i + third]} for i in range(0, len(act.text), third)]
    chunks = [base | {"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    if act.finish is None or act.endless:
        return "".join(map(_line, chunks)).encode()
    chunks.append(base | {"choices": [{"index": 0, "delta": {}, "finish_reason": act.finish}]})
    if act.usage is not None:
        chunks.append(base | {"choices": [], "usage": act.usage})
    return "".join([*map(_line, chunks), "data: [DONE]\n\n"]).encode()


def _line(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"
