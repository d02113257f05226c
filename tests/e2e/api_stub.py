"""An engine's HTTP as docs/query-api.md has it, without an engine: for its clients' tests, which need answers that no
healthy engine gives.

Standard library only. Listens on a free port of loopback.
"""
import http.server
import json
import queue
import threading
import urllib.parse

import harness

PAGE = harness.ROOT / "app" / "ns-engine" / "page"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; frame-ancestors 'none'"

START_NS = 1_795_398_870 * 10**9
FIELDS = ["src_ip", "dst_ip", "src_port", "dst_port", "protocol"]


def ledger(**changes):
    return {"from_ns": 0, "to_ns": None, "first_start_ns": START_NS, "last_end_ns": START_NS + 15 * 10**9, "epochs": 3,
            "rx_packets": 1097, "rx_bytes": 247787, "ip_packets": 1085, "ip_bytes": 247235, "counted_packets": 1085,
            "overflow_packets": 0, "overflow_bytes": 0, "not_ip": 12, "malformed": {}, "other_drops": 0, "filtered_out": 0,
            "late_packets": 0, "nic_missed": 0, "no_mbuf": 0, "nic_errors": 0, "kernel_dropped": 0, "missing_snapshots": 0,
            "incomplete_epochs": 0, "epoch_overruns": 0, "faults": 0, "expired_epochs": 0, **changes}


def books(**changes):
    """The ledger of tasks and probes: of no task."""
    return {name: value for name, value in ledger(**changes).items()
            if name not in ("counted_packets", "overflow_packets", "overflow_bytes")}


def answer(rows, book=None, next_page=None, **more):
    return {"rows": rows, **more, "ledger": ledger() if book is None else book, "next": next_page}


def record(**changes):
    return {"src_ip": "192.0.2.1", "dst_ip": "192.0.2.2", "src_port": 35731, "dst_port": 443, "protocol": 6, "packets": 65,
            "bytes": 10338, "first_seen_ns": START_NS + 6 * 10**9, "last_seen_ns": START_NS + 14 * 10**9, "tcp_flags": 27,
            **changes}


def task(name, kind, fields=("src_ip",), elements=(), derived_from="per_five_tuple"):
    return {"name": name, "kind": kind, "fields": list(fields), "elements": list(elements), "options": {},
            "derived_from": derived_from, "first_start_ns": START_NS, "last_start_ns": START_NS + 10**10, "epochs": 3, "rows": 217}


TASKS = [task("hosts", "cardinality"), task("per_five_tuple", "exact", FIELDS, derived_from=None),
         task("scan", "super_spreader", elements=["dst_ip"]), task("top_src", "heavy_hitters")]


def probe(name, **changes):
    return {"site": "ams", "probe": name, "run": START_NS, "runs": 1, "last_start_ns": START_NS + 10**10, "period_ns": 5 * 10**9,
            "last_stored_ns": START_NS + 16 * 10**9, "gaps": 0, "gap_ns": 0, "ledger": books(**changes)}


def epoch(**changes):
    return {"site": "ams", "probe": "edge-1", "run": START_NS, "start_ns": START_NS, "period_ns": 5 * 10**9, "amendment": 0,
            "packets": 1000, "bytes": 250_000, "records": 87, "overflow_packets": 0, "lost": 0, "missing_snapshots": 0,
            "faults": 0, "top": [], **changes}


def alert(**changes):
    return {"rule": "syn_flood", "site": "ams", "probe": "edge-1", "key": {"dst_ip": "192.0.2.2"}, "state": "firing",
            "since_ns": START_NS, "value": 5000, "threshold": 1000, "severity": "critical",
            "summary": "syn_flood on ams/edge-1: dst_ip 192.0.2.2: 5000 records, above 1000", **changes}


class Stub:
    """A context manager. `answers`: question -> object, text, (status, text), or a function of the parameters that gives
    one of these. What it is asked stands in `asked`: (question, parameters, headers)."""

    def __init__(self, token="", context=None, port=0):
        self.answers = {
            "tasks": answer(TASKS, books()), "probes": answer([probe("edge-1")], books()),
            "alerts": {"rows": [], "next": None}, "aggregate": answer([record()]), "records": answer([record()]),
            "top": answer([record()])}
        self.token = token
        self.asked = []
        self.listeners = []
        self.preamble = "retry: 2000\n\n"
        self.listened = threading.Event()  # somebody listens, or has
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # pylint: disable=invalid-name
                stub.serve(self)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass  # clients may go whenever they like

        self.server = Server(("127.0.0.1", port), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.end_streams()
        self.server.shutdown()
        self.server.server_close()

    def send(self, text):
        """Bytes of the stream of events, to all who listen."""
        for listener in list(self.listeners):
            listener.put(text)

    def publish(self, name, data):
        self.send(f"event: {name}\ndata: {json.dumps(data)}\n\n")

    def end_streams(self):
        self.send(None)

    def serve(self, request):
        url = urllib.parse.urlsplit(request.path)
        if not url.path.startswith("/api/v1/"):
            return self.serve_page(request, url.path)
        question = url.path.removeprefix("/api/v1/")
        parameters = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.asked.append((question, parameters, dict(request.headers)))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.reply(request, 401, json.dumps({"error": "a token is needed"}))
        if question == "live" and "live" not in self.answers:
            return self.stream(request)
        given = self.answers.get(question, (404, '{"error":"no such question"}'))
        if callable(given):
            given = given(parameters)
        status, content = given if isinstance(given, tuple) else (200, given)
        return self.reply(request, status, content if isinstance(content, (str, bytes)) else json.dumps(content))

    def serve_page(self, request, path):
        file = PAGE / (path.lstrip("/") or "index.html")
        if file.parent != PAGE or file.suffix not in TYPES:
            return self.reply(request, 404, '{"error":"there is no such page"}')
        return self.reply(request, 200, file.read_bytes(), TYPES[file.suffix])

    @staticmethod
    def reply(request, status, content, kind="application/json"):
        data = content if isinstance(content, bytes) else content.encode()
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        request.send_header("X-Content-Type-Options", "nosniff")
        request.send_header("Cache-Control", "no-store")
        if kind.startswith("text/html"):
            request.send_header("Content-Security-Policy", POLICY)
        if status in (301, 302):
            request.send_header("Location", "/api/v1/tasks")
        request.end_headers()
        request.wfile.write(data)

    def stream(self, request):
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        waiting = queue.Queue()
        request.wfile.write(self.preamble.encode())
        self.listeners.append(waiting)
        self.listened.set()
        try:
            while (text := waiting.get()) is not None:
                request.wfile.write(text.encode())
        except OSError:
            pass
        finally:
            self.listeners.remove(waiting)
            request.close_connection = True
