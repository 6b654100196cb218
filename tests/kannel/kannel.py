"""A real Kannel on free ports: bearerbox, smsbox and, as SMSCs, its own fakesmsc and one of this file by HTTP."""

import itertools
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

START_SECONDS = 60
FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")
USER, PASSWORD = "callgate", "let me+in&out"


def free_ports(n: int) -> list[int]:
    listeners = [socket.socket() for _ in range(n)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def wait_until(what: str, holds, seconds: float = START_SECONDS):
    """The first true value of `holds`; asks until there is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Smsc:
    """An SMSC by HTTP for Kannel's smsc=http: takes what `answers` says, keeps what it took, and pushes reports
    and messages through Kannel's own port."""

    def __init__(self):
        self.messages, self.answers = [], {}
        numbers = itertools.count()  # parts of a message come side by side
        smsc = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, keep_blank_values=True,
                                                   encoding="latin-1"))

            def _answer(self, query):
                message = {name: values[0] for name, values in query.items()}
                message["text"] = message["text"].encode("latin-1").decode(
                    "utf-16-be" if message["coding"] == "2" else "utf-8")
                words = smsc.answers.get(message["to"], "OK")
                if words == "OK":
                    message["mid"] = f"mid{next(numbers)}"
                    smsc.messages.append(message)
                    words = f"OK id={message['mid']}"
                body = words.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Kannel:
    """start(inbound_url), stop(); `sendsms` is what a transport asks, `smsc` and fakesmsc() are what lies behind."""

    def __init__(self, folder: Path):
        self.folder = folder
        (self.admin, self.box, self.fake, self.http_smsc, self.sendsms_port) = free_ports(5)
        self.sendsms = f"http://127.0.0.1:{self.sendsms_port}/cgi-bin/sendsms"
        self.smsc = Smsc()
        self.processes = []
        self.outputs = []

    def configuration(self, inbound_url: str) -> str:
        post = f"{inbound_url}?from=%p&to=%P&smsc=%i&coding=%c&id=%I"
        return f"""
group = core
admin-port = {self.admin}
admin-interface = "127.0.0.1"
admin-password = admin
status-password = status
admin-deny-ip = "*.*.*.*"
admin-allow-ip = "127.0.0.1"
smsbox-port = {self.box}
smsbox-interface = "127.0.0.1"
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
store-type = spool
store-location = "{self.folder}/store"
sms-resend-freq = 1
sms-resend-retry = 2
log-file = "{self.folder}/bearerbox.log"
log-level = 0

group = smsc
smsc = fake
smsc-id = fake1
allowed-smsc-id = fake1
host = 127.0.0.1
port = {self.fake}
connect-allow-ip = "127.0.0.1"

group = smsc
smsc = http
smsc-id = http1
allowed-smsc-id = http1
system-type = generic
port = {self.http_smsc}
connect-allow-ip = "127.0.0.1"
smsc-username = push
smsc-password = push
send-url = "http://127.0.0.1:{self.smsc.port}/smsc?to=%p&from=%P&text=%b&coding=%c&id=%I"
status-success-regex = "^OK"
status-permfail-regex = "^NO"
status-tempfail-regex = "^BUSY"
generic-foreign-id-regex = "id=([a-z0-9]+)"

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {self.box}
smsbox-id = box1
sendsms-port = {self.sendsms_port}
sendsms-interface = "127.0.0.1"
http-request-retry = 3
http-queue-delay = 1
log-file = "{self.folder}/smsbox.log"
log-level = 0

group = smsbox-route
smsbox-id = box1
smsc-id = "fake1;http1"

group = sendsms-user
username = {USER}
password = "{PASSWORD}"
concatenation = true
max-messages = 40

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
assume-plain-text = true
send-sender = true
post-url = "{post}"
"""

    def _run(self, name: str, *command) -> subprocess.Popen:
        output = open(self.folder / f"{name}.out", "ab")
        self.outputs.append(output)
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   start_new_session=True)
        self.processes.append(process)
        return process

    def _listens(self, port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            return False

    def start(self, inbound_url: str) -> "Kannel":
        (self.folder / "store").mkdir()
        config = self.folder / "kannel.conf"
        config.write_text(self.configuration(inbound_url))
        self._run("bearerbox", "bearerbox", "-v", "4", config)
        wait_until("bearerbox listens", lambda: self._listens(self.box))
        self._run("smsbox", "smsbox", "-v", "4", config)
        wait_until("smsbox listens", lambda: self._listens(self.sendsms_port))
        wait_until("smsbox is connected", lambda: "smsbox:box1" in self.status())
        self._fakesmsc()
        wait_until("both SMSCs are online", lambda: self.online() == 2)
        return self

    def online(self) -> int:
        return len(re.findall(r"\(online \d+s", self.status()))

    def status(self) -> str:
        url = f"http://127.0.0.1:{self.admin}/status.txt?password=status"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def _fakesmsc(self, *messages: str):
        """Kannel takes one at a time. What it prints is added to fakesmsc.out."""
        self.fake_process = self._run("fakesmsc", FAKESMSC, "-H", "127.0.0.1", "-r", str(self.fake), "-i", "0.1", "-m",
                                      str(len(messages)), *(messages or ("1 2 text nothing",)))

    def fakesmsc_sends(self, *messages: str):
        """Another one in its place, which sends these: "SENDER RECIPIENT text WORDS"."""
        self.fake_process.terminate()
        self.fake_process.wait(20)
        wait_until("it has gone", lambda: self.online() == 1)
        self._fakesmsc(*messages)

    def _push(self, **query):
        query = {"username": "push", "password": "push", **query}
        url = f"http://127.0.0.1:{self.http_smsc}/?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def push_report(self, parts: list[dict], mask: int, receipt: str):
        """Kannel wants a report for one part, whose number it knows when it has read our answer to it."""
        wait_until("Kannel knows a part", lambda: any(
            self._push(**{"dlr-mid": part["mid"], "dlr-mask": mask, "to": part["to"], "from": part["from"],
                          "text": receipt}) == "Sent" for part in parts))

    def push_message(self, sender: str, recipient: str, text: str, **more) -> str:
        return self._push(**{"from": sender, "to": recipient, "text": text, **more})

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait(5)
        for output in self.outputs:
            output.close()
        self.smsc.stop()
