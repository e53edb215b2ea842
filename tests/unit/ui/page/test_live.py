"""The server of a run under way: who may read it, and that nobody holds up the run."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from made_runs import call, ended, header, picture, reply

from rlm.agent import events as ev
from rlm.agent.control import Control
from rlm.ui.page import live
from rlm.ui.page.live import LivePage, Log


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePage]:
    monkeypatch.setattr(live, "HEARTBEAT", 0.1)
    monkeypatch.setattr(live, "LINGER", 0.5)
    control = Control()
    with LivePage(lambda: control) as one:
        yield one


def asked(
    page: LivePage, path: str, method: str = "GET", **headers: str
) -> tuple[int, bytes, dict]:
    port = int(page.address.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body, dict(response.getheaders())


def read(page: LivePage, until: str, last: str | None = None) -> list[tuple[int, dict]]:
    """The rows a reader gets up to one of the kind ``until``."""
    port = int(page.address.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "GET", f"/{page.token}/events", headers={"Last-Event-ID": last} if last else {}
    )
    response = connection.getresponse()
    assert response.getheader("Content-Type") == "text/event-stream"
    rows, number = [], -1
    for line in response:
        if line.startswith(b"id: "):
            number = int(line[4:])
        elif line.startswith(b"data: "):
            rows.append((number, json.loads(line[6:])))
            if rows[-1][1]["kind"] == until:
                break
    connection.close()
    return rows


def kinds(rows: list[tuple[int, dict]]) -> list[str]:
    return [row["kind"] for _, row in rows]


def test_a_late_reader_gets_all_and_one_who_comes_back_the_rest(page: LivePage) -> None:
    for event in (header(), reply(1, "x"), call(1, "search", (1, 2))):
        page(event)
    first = read(page, "tool_called")
    assert kinds(first) == ["session_started", "model_replied", "tool_called"]
    assert first[0][1]["controls"] is True
    page(ended(1))
    assert kinds(read(page, "session_ended", last=str(first[1][0]))) == [
        "tool_called", "session_ended",
    ]  # fmt: skip


def test_what_a_reply_said_in_pieces_is_told_once() -> None:
    log = Log()
    log.add({"kind": "model_called", "turn": 1})
    for piece in "abc":
        log.add({"kind": "reply_delta", "turn": 1, "text": piece})
    log.add({"kind": "reply_delta", "turn": 1, "text": "!", "session": "1"})
    now, _ = log.after(-1, 0)
    assert [row["text"] for _, row in live._joined(now)] == ["abc", "!"]
    # Who has read on from the second piece is told the third.
    assert [row["text"] for row in log.after(2, 0)[0].values()] == ["c", "!"]
    log.add({"kind": "model_replied", "turn": 1})
    assert [row["kind"] for row in log.after(-1, 0)[0].values()] == ["reply_delta", "model_replied"]
    assert not log.after(-1, 0)[1]
    log.end()
    assert log.after(99, 60) == ({}, True)


@pytest.mark.parametrize("what", ["", "events", "media/ab.jpg", "pause"])
def test_without_the_token_there_is_nothing(page: LivePage, what: str) -> None:
    for token in ("", "x", page.token[:-1], f"{page.token}x"):
        method = "POST" if what == "pause" else "GET"
        assert asked(page, f"/{token}/{what}", method)[0] == 404
    assert not page.control().held


def test_another_name_for_this_machine_is_refused(page: LivePage) -> None:
    path = f"/{page.token}/"
    assert asked(page, path, Host="evil.example")[0] == 421
    assert asked(page, path, Host="127.0.0.1:1")[0] == 421
    assert asked(page, path)[0] == 200


def test_no_other_site_may_read_or_order(page: LivePage) -> None:
    status, body, headers = asked(page, f"/{page.token}/", Origin="http://evil.example")
    assert status == 200
    assert not [name for name in headers if name.startswith("Access-Control")]
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert page.token.encode() not in body
    order = f"/{page.token}/pause"
    assert asked(page, order, "POST", Origin="http://evil.example")[0] == 403
    assert asked(page, order)[0] == 404
    assert asked(page, order, "OPTIONS")[0] == 501
    assert not page.control().held


def test_orders(page: LivePage) -> None:
    assert asked(page, f"/{page.token}/pause", "POST")[0] == 204
    assert page.control().held
    assert asked(page, f"/{page.token}/resume", "POST")[0] == 204
    assert not page.control().held
    assert asked(page, f"/{page.token}/stop", "POST")[0] == 204
    assert page.control().stopped
    assert asked(page, f"/{page.token}/kill", "POST")[0] == 404
    with LivePage() as other:
        assert asked(other, f"/{other.token}/pause", "POST")[0] == 404


def test_pictures_come_by_their_hash_alone(page: LivePage) -> None:
    jpeg = picture(0)
    page.store("ab12", jpeg)
    assert asked(page, f"/{page.token}/media/ab12.jpg")[1] == jpeg
    for name in ("../ab12.jpg", "%2e%2e/x", "ab13.jpg", "ab12.jpg/.."):
        assert asked(page, f"/{page.token}/media/{name}")[0] == 404


def test_a_reader_that_takes_nothing_holds_up_nobody(page: LivePage) -> None:
    port = int(page.address.split(":")[2].split("/")[0])
    stalled = socket.create_connection(("127.0.0.1", port))
    stalled.sendall(f"GET /{page.token}/events HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    page(header())
    for turn in range(2000):  # more than any buffer between the two holds
        page(ev.ReplyDelta(at=1, turn=turn, text="x" * 4000))
    page(ended(1))
    assert kinds(read(page, "session_ended"))[-1] == "session_ended"
    stalled.close()


def test_sessions_side_by_side_are_told_each_in_order(page: LivePage) -> None:

    def session(number: int) -> None:
        for turn in range(20):
            page(reply(turn, "x", session=str(number)))

    threads = [threading.Thread(target=session, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    page(ended(1))
    rows = read(page, "session_ended")
    for number in range(1, 5):
        turns = [row["turn"] for _, row in rows if row.get("session") == str(number)]
        assert turns == list(range(20))


def test_a_picture_without_room_does_not_end_the_run(page: LivePage) -> None:
    page.pictures.rmdir()  # as good as a full disk
    page.store("ab12", picture(1))
    assert asked(page, f"/{page.token}/media/ab12.jpg")[0] == 404
