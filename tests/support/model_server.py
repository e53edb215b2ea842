"""A server on loopback that speaks the OpenAI chat protocol and does as it is told.

Each step of its script answers one request: a text is streamed as the reply; an :class:`Act` does
something else. When the script is used up the last step repeats.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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
    usage: bool = True
    reasoning: str = ""


@dataclass
class ModelServer:
    """``url`` is what goes to ``--api-base``; ``requests`` are the bodies that came in."""

    url: str
    requests: list[dict[str, Any]]


@contextmanager
def serve(script: Sequence[str | Act]) -> Iterator[ModelServer]:
    """Run the server while the context lasts."""
    requests: list[dict[str, Any]] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                step = script[min(len(requests), len(script) - 1)]
                requests.append(body)
            act = Act(text=step) if isinstance(step, str) else step
            raw = b"<html>not json" if act.garbage else self._body(act, body)
            self.send_response(act.status)
            kind = "text/event-stream" if act.status == 200 else "application/json"
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(raw)))
            for name, value in act.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw[: len(raw) // 2] if act.cut else raw)
            if act.cut:
                self.close_connection = True

        def _body(self, act: Act, body: dict[str, Any]) -> bytes:
            if act.status != 200:
                return json.dumps({"error": {"message": act.text or "no", "type": "x"}}).encode()
            base = {"id": "1", "created": 1, "model": body["model"]}
            chunk = base | {"object": "chat.completion.chunk"}
            third = max(1, len(act.text) // 3)
            pieces = [act.text[i : i + third] for i in range(0, len(act.text), third)]
            deltas: list[dict[str, Any]] = [{"role": "assistant"}]
            if act.reasoning:
                deltas.append({"reasoning_content": act.reasoning})
            deltas += [{"content": piece} for piece in pieces]
            chunks = [
                chunk | {"choices": [{"index": 0, "delta": d, "finish_reason": None}]}
                for d in deltas
            ]
            if act.finish is None:
                return "".join(f"data: {json.dumps(c)}\n\n" for c in chunks).encode()
            done = {"index": 0, "delta": {}, "finish_reason": act.finish}
            chunks.append(chunk | {"choices": [done]})
            if act.usage:
                usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
                chunks.append(chunk | {"choices": [], "usage": usage})
            lines = [f"data: {json.dumps(c)}\n\n" for c in chunks]
            return "".join([*lines, "data: [DONE]\n\n"]).encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ModelServer(f"http://127.0.0.1:{server.server_port}/v1", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
