#!/usr/bin/env python3
"""The sample program over the real transport, against a server that checks what it is sent."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import subprocess
import sys
import threading

KEY = b"Callgate-fake-test-key-0123456789-not-a-secret-0123456789-ABCDEF"
USER = "8:acs:00000000-0000-0000-0000-000000000001_0000000a-0000-0000-0000-000000000002"


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 201
    seen = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        text = "\n".join(["POST", self.path, ";".join(
            [self.headers["x-ms-date"], self.headers["Host"], digest])])
        signature = base64.b64encode(hmac.digest(KEY, text.encode(), "sha256")).decode()
        self.seen.append({
            "signed": self.headers["Authorization"].endswith("&Signature=" + signature),
            "hash": self.headers["x-ms-content-sha256"] == digest,
            "type": self.headers["Content-Type"], "expect": self.headers["Expect"],
            "body": json.loads(body), "path": self.path})
        answer = {"identity": {"id": USER}, "accessToken": {
            "token": "a.b.c", "expiresOn": "2026-11-23T15:00:00.0000000+00:00"}}
        if self.status != 201:
            answer = {"error": {"code": "Denied", "message": "Denied by the resource provider."}}
        data = json.dumps(answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("x-callgate-explain", "because")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        self.send_response(407)
        self.send_header("x-callgate-explain", "by the proxy")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def refused_by_a_proxy(program):
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    done = run(program, 443, "https://name.example", https_proxy=f"http://127.0.0.1:{proxy.server_address[1]}/")
    assert done.returncode == 1 and done.stderr.startswith("no answer: ") and "407" in done.stderr, done
    assert "by the proxy" not in done.stderr, done
    proxy.shutdown()


class Forgetful(Server):
    """Answers the first request, and ends the kept connection when it has read the second."""
    status = 201
    seen = []

    def do_POST(self):
        if self.seen:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.seen.append({})
            self.close_connection = True
        else:
            super().do_POST()


def asked_once(program):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forgetful)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = run(program, server.server_address[1])
    assert done.returncode == 1 and "no answer: the connection was lost" in done.stderr, done
    assert len(Forgetful.seen) == 2, "what the server has read must not come again"
    server.shutdown()


def run(program, port, place="http://localhost", **more):
    env = dict(os.environ, http_proxy="http://127.0.0.1:1/", **more,
               COMMUNICATION_SERVICES_CONNECTION_STRING=f"Endpoint={place}:{port}/;"
               f"AccessKey={base64.b64encode(KEY).decode()}")
    env.pop("CALLGATE_CA_FILE", None)
    return subprocess.run([program], env=env, capture_output=True, text=True, timeout=60)


def main():
    program = os.path.abspath(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]

    done = run(program, port)
    assert done.returncode == 0, done
    assert USER in done.stdout and "a.b.c" in done.stdout, done
    seen = Server.seen.pop()
    assert seen == {"signed": True, "hash": True, "type": "application/json", "expect": None,
                    "body": {"createTokenWithScopes": ["chat", "voip"]},
                    "path": "/identities?api-version=2023-10-01"}, seen

    Server.status = 401
    done = run(program, port)
    assert done.returncode == 1 and done.stderr == \
        "denied: Denied by the resource provider. because\n", done

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done = run(program, closed.getsockname()[1])
    assert done.returncode == 1 and done.stderr.startswith("no answer: "), done
    server.shutdown()
    refused_by_a_proxy(program)
    asked_once(os.path.abspath(sys.argv[2]))
    print("ok")


if __name__ == "__main__":
    main()
