"""The desk's door: one-time token, cookie session, CSRF header, Origin, Host, size of bodies, and the headers of every answer.

Pure ASGI, before any route. A page of another site can make the browser send requests to 127.0.0.1; it can neither read the
session's CSRF token nor forge Host or Origin, so nothing of it gets through.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 8 << 20
MAX_SESSIONS = 64
CSRF_HEADER = b"x-firstpass-csrf"
SESSION_KEY = "firstpass_session"
LOCAL_HOSTS = ("127.0.0.1", "localhost")
_LOG = logging.getLogger("firstpass.web")
_SAFE = {"GET", "HEAD", "OPTIONS"}
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
            b"font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class DeskSession:
    """Who sits at the desk. csrf: the token that every unsafe request must carry. holder: the name leases are held under."""

    user: str
    role: str
    csrf: str
    holder: str


@dataclass(slots=True)
class Sessions:
    """The one-time token of this server, and the sessions opened with it. Everything is gone when the server ends.

    cookie: the cookie's name; cookies know no ports, so each project has its own.
    """

    user: str
    cookie: str
    role: str = "owner"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _used: bool = False
    _open: dict[str, DeskSession] = field(default_factory=dict[str, DeskSession])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def redeem(self, token: str) -> str | None:
        """The secret of a new session for the right token, the first time; else None."""
        with self._lock:
            right = hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())
            if self._used or not right:
                return None
            self._used = True
        return self.begin()

    def begin(self) -> str:
        """Opens a session without a token, for the program that runs the server itself; its secret."""
        secret = secrets.token_urlsafe(32)
        session = DeskSession(self.user, self.role, secrets.token_urlsafe(32), f"{self.user}:{secrets.token_hex(4)}")
        with self._lock:
            while len(self._open) >= MAX_SESSIONS:
                self._open.pop(next(iter(self._open)))
            self._open[secret] = session
        return secret

    def find(self, cookie_header: str) -> DeskSession | None:
        """The session that a Cookie header names."""
        try:
            morsel = SimpleCookie(cookie_header).get(self.cookie)
        except CookieError:
            return None
        return self._open.get(morsel.value) if morsel is not None else None

    def set_cookie(self, secret: str) -> str:
        """The Set-Cookie header of a new session."""
        return f"{self.cookie}={secret}; HttpOnly; SameSite=Strict; Path=/"


class Guard:
    """The middleware. hosts: names this server may be called by, without port; another is refused (DNS rebinding)."""

    def __init__(
        self, app: ASGIApp, sessions: Sessions, hosts: Iterable[str] = LOCAL_HOSTS, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._hosts = frozenset(hosts)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through with its session in the scope, or answers it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets here: closed without an answer
        send = _with_headers(send)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = self._refused(scope, headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["path"] == "/" and "token" in query:
            await self._redeem(send, query["token"][0], self._session(headers))
            return
        if scope["method"] not in _SAFE:
            body = await _body(receive, headers, self._max_body_bytes)
            if body is None:
                limit_mb = self._max_body_bytes >> 20
                await _answer(send, 413, "the request is too large", f"at most {limit_mb} MB", "Send less at once.")
                return
            receive = _replay(body, receive)
        await self._run(scope, receive, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The routes; a bug in one is told as an answer and logged with its trace."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _LOG.exception("%s %s", scope["method"], scope["path"])
            if begun:
                raise
            await _answer(send, 500, f"a bug in Firstpass: {type(error).__name__}", "", "The server's terminal has the trace.")

    def _refused(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str, str, str] | None:
        """Why this request goes no further: status, what, expected, remedy; puts the session into the scope."""
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if _name_of(host) not in self._hosts:
            remedy = "Open the address that the command printed."
            return 421, "this server is not called by that name", " or ".join(sorted(self._hosts)), remedy
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() != f"{scope.get('scheme', 'http')}://{host}":
            return 403, "the request comes from another site", "the desk's own pages", ""
        if not scope["path"].startswith("/api"):
            return None if scope["method"] in _SAFE else (405, "pages can only be read", "GET", "")
        session = self._session(headers)
        if session is None:
            remedy = "Open the address that `firstpass review` printed; it works once. Start the desk again for a new one."
            return 401, "this browser has no session at the desk", "a session", remedy
        scope[SESSION_KEY] = session
        if scope["method"] not in _SAFE and not hmac.compare_digest(headers.get(CSRF_HEADER, b""), session.csrf.encode()):
            return 403, "the session's token is missing or wrong", "the header X-Firstpass-Csrf", "Reload the page."
        return None

    def _session(self, headers: dict[bytes, bytes]) -> DeskSession | None:
        return self._sessions.find(headers.get(b"cookie", b"").decode("latin-1"))

    async def _redeem(self, send: Send, token: str, session: DeskSession | None) -> None:
        """Trades the token for a session; a browser that has one already is only sent on."""
        secret = None if session is not None else self._sessions.redeem(token)
        if session is None and secret is None:
            remedy = "Start `firstpass review` again and open the address that it prints."
            await _answer(send, 403, "this address was used before or is not the desk's", "a fresh address", remedy)
            return
        headers = [(b"location", b"/"), (b"cache-control", b"no-store"), (b"content-length", b"0")]
        if secret is not None:
            headers.append((b"set-cookie", self._sessions.set_cookie(secret).encode()))
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def error_body(what: str, expected: str = "", remedy: str = "") -> dict[str, Any]:
    """The one form of every refusal."""
    return {"error": {"what": what, "expected": expected, "remedy": remedy}}


def _name_of(host: str) -> str:
    """A Host header without its port; "" for one that is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            given += [header for header in _HEADERS if header[0] not in names]
            if b"cache-control" not in names:
                given.append((b"cache-control", b"no-store"))
            message = {**message, "headers": given}
        await send(message)

    return sending


async def _answer(send: Send, status: int, what: str, expected: str, remedy: str) -> None:
    body = json.dumps(error_body(what, expected, remedy)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes | None:
    """The whole body; None when it is, or says it is, larger than allowed. Nothing above the limit is ever held."""
    said = headers.get(b"content-length", b"0")
    if not said.isdigit() or int(said) > most:
        return None
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(parts)
        parts += message.get("body", b"")
        if len(parts) > most:
            return None
        if not message.get("more_body", False):
            return bytes(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def receiving() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
