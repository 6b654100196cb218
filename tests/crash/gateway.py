"""A gateway by HTTP that outlives the server: takes every message, and says what became of it until it is heard."""

import http.client
import json
import queue
import random
import threading
import time
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sms_writers import FAILS, STOP

NAME = "gateway"
TELLERS = 4


class Web(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass  # the server was killed while it asked


class Gateway:
    """`asked`: how often each message was handed over, by our id. One in two hundred has no answer, and of these one half is
    lost: nobody will ever report it."""

    def __init__(self):
        self.asked, self.lock, self.random = Counter(), threading.Lock(), random.Random(1)
        self.to_tell, self.inbound_url = queue.Queue(), None
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                taken = gateway.take(asked)
                if not taken:
                    self.close_connection = True
                    return
                octets = json.dumps({"id": taken}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_):
                pass

        self.web = Web(("127.0.0.1", 0), Handler)
        for work in [self.web.serve_forever, *[self.tell_all] * TELLERS]:
            threading.Thread(target=work, daemon=True).start()

    def take(self, asked):
        """Our id of it; None: not a word."""
        with self.lock:
            self.asked[asked["ref"]] += 1
            luck = self.random.random()
            if luck < 0.0025:
                return None
            state = "FAILED" if asked["to"] == FAILS else "DELIVERED"
            self.later(asked["hook"], json.dumps({"state": state}), "application/json")
            if asked["to"] == STOP:
                form = urllib.parse.urlencode({"From": STOP, "To": asked["from"], "Body": "Stop", "Sid": asked["ref"]})
                self.later(self.inbound_url, form, "application/x-www-form-urlencoded")
            return luck >= 0.005 and f"gw-{asked['ref']}-{self.asked[asked['ref']]}"

    def later(self, url, body, media):
        self.to_tell.put((time.monotonic() + self.random.uniform(0, 0.1), url, body, media))

    def tell_all(self):
        while True:
            due, url, body, media = self.to_tell.get()
            time.sleep(max(0, due - time.monotonic()))
            if not told(url, body, media):
                self.later(url, body, media)

    def describe(self, server):
        """Makes it the transport that `--sms-transport` names."""
        made = server.admin("PUT", f"/admin/sms/transports/{NAME}", {
            "kind": "http", "url": f"http://127.0.0.1:{self.web.server_port}/messages",
            "body": {"from": "{from}", "to": "{to}", "hook": "{reportUrl}", "ref": "{id}"},
            "accepted": {"id": "json:/id"},
            "reports": {"status": "json:/state", "delivered": ["DELIVERED"], "failed": {"FAILED": 4006}},
            "inbound": {"from": "form:From", "to": "form:To", "text": "form:Body", "id": "form:Sid"}})
        assert made.status in (200, 201), made

    def callback(self, server):
        """The address of callbacks, once the transport is open."""
        shown = server.admin("GET", f"/admin/sms/transports/{NAME}:status").json()["status"].get("callbackUrl")
        self.inbound_url = shown and f"{shown}/inbound"
        return shown

    def close(self):
        self.web.shutdown()
        self.web.server_close()


def told(url, body, media):
    """True when the server has it: it answers 200 after its commit."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("POST", f"{parts.path}?{parts.query}" if parts.query else parts.path, body,
                           {"Content-Type": media})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
