"""Another site in the same browser, which knows the studio's address, can neither change, nor read, nor show it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from studio_requests import ask, port_of, small_session, token_of

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install 'edgewise[studio]'")

from edgewise.studio import Studio

pytest_plugins = ("studio_browser",)

#: what a hostile page does with the address; each returns "read", "sent", "shown" or why not
ATTACKS = """
async (url) => {
  const found = {};
  const note = JSON.stringify({ text: "changed" });
  const asked = async (name, options) => {
    try {
      const answer = await fetch(url + "ask/note", { method: "POST", body: note, ...options });
      found[name] = answer.type === "opaque" ? "opaque" : "read";
    } catch { found[name] = "refused"; }
  };
  await asked("simple", { mode: "no-cors", headers: { "Content-Type": "text/plain" } });
  await asked("form", { mode: "no-cors", headers: { "Content-Type": "application/x-www-form-urlencoded" } });
  await asked("json", { headers: { "Content-Type": "application/json" } });
  await asked("blob", { mode: "no-cors", body: new Blob([note], { type: "application/json" }) });
  await asked("credentials", { credentials: "include", headers: { "Content-Type": "application/json" } });
  found.beacon = navigator.sendBeacon(url + "ask/note", new Blob([note], { type: "text/plain" }));
  const loads = (kind, made) => new Promise((done) => {
    made.onload = () => done((found[kind] = "shown"));
    made.onerror = () => done((found[kind] = "refused"));
    document.body.append(made);
    setTimeout(() => done((found[kind] ??= "silent")), 1500);
  });
  const of = (name, fields) => Object.assign(document.createElement(name), fields);
  await loads("script", of("script", { src: url + "static/main.js", type: "module" }));
  await loads("plain script", of("script", { src: url + "static/main.js" }));
  await loads("style", of("link", { href: url + "static/studio.css", rel: "stylesheet" }));
  await loads("image", of("img", { src: url + "static/icon.svg" }));
  const frame = of("iframe", { src: url });
  document.body.append(frame);
  await new Promise((done) => setTimeout(done, 700));
  try { found.frame = frame.contentDocument ? "blank" : "closed"; } catch { found.frame = "closed"; }
  await new Promise((done) => {
    const events = new EventSource(url + "events");
    events.onmessage = events.onopen = () => done((found.events = "read"));
    events.onerror = () => done((found.events = "refused"));
  });
  await new Promise((done) => {
    const socket = new WebSocket(url.replace("http", "ws") + "events");
    socket.onopen = () => done((found.socket = "read"));
    socket.onerror = () => done((found.socket = "refused"));
  });
  const form = of("form", { action: url + "ask/note", method: "post", enctype: "text/plain", target: "other" });
  form.append(of("input", { name: '{"text": "changed", "x": "', value: '"}' }));
  document.body.append(of("iframe", { name: "other" }), form);
  form.submit();
  await new Promise((done) => setTimeout(done, 500));
  return found;
}
"""


@pytest.fixture
def other_site() -> Iterator[int]:
    """The port of a site that serves an empty page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>other</title><link rel=icon href=data:,><body>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_another_site_can_do_nothing(
    chromium: Any, open_studio: Callable[..., Studio], other_site: int, host: str
) -> None:
    """From another site, and from another port of the same one."""
    studio = open_studio(small_session())
    context = chromium.new_context()
    page = context.new_page()
    shown: list[str] = []
    page.on("response", lambda answer: shown.append(f"{answer.status} {answer.url}"))
    page.goto(f"http://{host}:{other_site}/")
    found = page.evaluate(ATTACKS, studio.url)
    context.close()
    assert all(value != "read" and value != "shown" for key, value in found.items() if key != "frame"), found
    assert found["frame"] != "blank" and found["events"] == found["socket"] == "refused"
    assert {line[:3] for line in shown if token_of(studio) in line} <= {"403", "415", "405", "404"}, shown
    assert studio.session.state.note == "" and len(studio.session.states) == 1
    assert ask(studio, "view").status == 200 and str(port_of(studio)) in studio.url
