"""A headless Chromium, driven over its DevTools protocol.

Standard library and Debian's chromium. It gets a profile of its own in the test's folder, and ends with the test.
"""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import urllib.request

from nats import WITH_TEST, wait_for

PROGRAM = shutil.which("chromium")


class WebSocket:
    """RFC 6455, as far as a client of text messages needs it."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        assert b"101" in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        length = (bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data)) if len(data) < 65536
                  else b"\xff" + struct.pack(">Q", len(data)))
        self.socket.sendall(b"\x81" + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        message = b""
        while True:
            first, length = self.file.read(2)
            if length == 126:
                length, = struct.unpack(">H", self.file.read(2))
            elif length == 127:
                length, = struct.unpack(">Q", self.file.read(8))
            data = self.file.read(length)
            if first & 0x0f in (0, 1):
                message += data
                if first & 0x80:
                    return message.decode()

    def close(self):
        self.file.close()
        self.socket.close()


class Browser:
    """A context manager; one tab. `complaints`: what the page logged as errors or threw, its policy's among them."""

    def __init__(self, folder):
        profile = pathlib.Path(folder) / "profile"
        self.process = subprocess.Popen(
            [*WITH_TEST, PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--no-proxy-server",
             f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ready = profile / "DevToolsActivePort"
        wait_for(lambda: ready.exists() and ready.read_text().count("\n") >= 1, "chromium does not start", 60)
        self.port = int(ready.read_text().split()[0])
        self.complaints = []
        self.last_id = 0
        tabs = wait_for(self.tabs, "chromium has no tab")
        self.connection = WebSocket(self.port, tabs[0]["webSocketDebuggerUrl"].split(str(self.port), 1)[1])
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def tabs(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/json", timeout=30) as answer:
            return [tab for tab in json.load(answer) if tab["type"] == "page"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.call("Browser.close")
        self.connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        self.process.kill()
        self.process.wait()

    def call(self, method, **parameters):
        self.last_id += 1
        self.connection.send(json.dumps({"id": self.last_id, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.connection.receive())
            self.note(message)
            if message.get("id") == self.last_id:
                assert "error" not in message, (method, message)
                return message["result"]

    def note(self, message):
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        if method == "Log.entryAdded" and parameters["entry"]["level"] == "error" and parameters["entry"]["source"] != "network":
            self.complaints.append(parameters["entry"]["text"])

    def open(self, url):
        self.call("Page.navigate", url=url)

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector="body"):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText") or ""

    def wait_for_text(self, text, selector="body", limit_s=30):
        wait_for(lambda: text in self.text(selector), lambda: f"{text!r} in {selector}: {self.text()} {self.complaints}", limit_s)

    def look(self, width=1280, height=1000, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
