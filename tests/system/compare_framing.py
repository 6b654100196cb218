"""The comparison run: mutated streams to us, nginx and Node. None may be served by us that both of
them refuse. Prints what differs; exits 1 on a breach.

    compare_framing.py [STREAMS [SEED]]        100,000 streams by default

Streams go to each server on a connection of their own; accepted means that every complete answer has
a status below 400 and that as many requests were answered as the others answered."""

import concurrent.futures
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))

from attacks.framing_cases import CASES, SOUND  # noqa: E402
from echo_server import EchoServer, split_answers  # noqa: E402

NGINX = """
worker_processes 1; daemon off; pid {d}/pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {d}; client_max_body_size 64k;
  proxy_temp_path {d}; fastcgi_temp_path {d}; uwsgi_temp_path {d}; scgi_temp_path {d};
  large_client_header_buffers 4 16k;
  server {{ listen 127.0.0.1:{port}; lingering_time 1s; lingering_timeout 1s;
    location / {{ proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:{port}/_/; proxy_pass_request_body off;
                  proxy_set_header Content-Length ""; proxy_set_header Host x; }}
    location /_/ {{ return 200 "ok"; }} }} }}
"""
# Node drops the answers of good requests when the next one on the same read is bad: counted here are
# the requests that its parser completed.
NODE = """
const server = require('http').createServer((req, res) => {
  const socket = req.socket;
  (socket.all ??= []).push(req);
  req.resume();
  req.on('end', () => { res.on('finish', () => { socket.told = (socket.told ?? 0) + 1; });
                        res.statusCode = 200; res.end('ok'); });
});
server.on('checkContinue', (req, res) => server.emit('request', req, res));
server.on('clientError', (err, socket) => {
  const whole = (socket.all ?? []).filter((r) => r.complete).length - (socket.told ?? 0);
  if (!socket.writable) return socket.destroy();
  const good = 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'.repeat(Math.max(0, whole));
  socket.end(good + (err.code === 'ECONNRESET' || err.code === 'HPE_INVALID_EOF_STATE' ? '' :
    'HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\n\\r\\n'));
});
server.listen(%d, '127.0.0.1', () => console.log('ready'));
"""
OCTETS = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"\x0b", b"\xa0", b"\x85", b"\x7f",
          b"0", b"5", b"a", b"+", b"-", b"_", b"/", b"%", b"%2f", b"chunked", b"Content-Length: 5\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"Expect: 100-continue\r\n", b"\r\n\r\n",
          b"HTTP/1.0", b"HTTP/1.1", b"close", b"Connection: close\r\n"]


def mutate(rng, stream):
    """One to three small faults."""
    data = bytearray(stream)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            data[at:at] = rng.choice(OCTETS)
        elif kind == 1:
            del data[at:at + rng.randrange(1, 4)]
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 3:
            length = rng.randrange(1, 30)
            data[at:at] = data[at:at + length]
        elif kind == 4:
            data[at:at + 1] = rng.choice(OCTETS)
        else:
            other = rng.randrange(len(data) + 1)
            first, second = min(at, other), max(at, other)
            data[first:first + 2], data[second:second + 2] = \
                data[second:second + 2], data[first:first + 2]
        if not data:
            data = bytearray(b"\r\n")
    return bytes(data)


def verdict(port, stream):
    """How many requests were answered well, and whether one was refused."""
    data = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=3) as sock:
            sock.sendall(stream)
            sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(65536):
                data += part
    except OSError:
        pass
    try:
        statuses = [a.status for a in split_answers(data)]
    except (AssertionError, ValueError, IndexError):
        statuses = [599]
    good = sum(1 for s in statuses if s < 400)
    return good, any(s >= 400 for s in statuses)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {port}")


def judge(ports, stream):
    ours, nginx, node = (verdict(port, stream) for port in ports)
    breach = ours[0] > max(nginx[0], node[0])
    return breach, (ours, nginx, node), stream


def main(count, seed):
    rng = random.Random(seed)
    bases = [c.twin for c in CASES if len(c.twin) < 2000] + [s for _, s in SOUND]
    bases += [c.attack for c in CASES if len(c.attack) < 2000]
    folder = tempfile.TemporaryDirectory()
    nginx_port, node_port = free_port(), free_port()
    with open(f"{folder.name}/conf", "w", encoding="ascii") as f:
        f.write(NGINX.format(d=folder.name, port=nginx_port))
    ours = EchoServer("-q", tls=False)
    others = [subprocess.Popen(["nginx", "-c", f"{folder.name}/conf"], stderr=subprocess.DEVNULL),
              subprocess.Popen(["node", "-e", NODE % node_port], stdout=subprocess.DEVNULL)]
    breaches = stricter = 0
    served = [0, 0, 0]
    try:
        for port in (nginx_port, node_port):
            wait_for(port)
        ports = (ours.ports["plain"], nginx_port, node_port)
        streams = (mutate(rng, rng.choice(bases)) for _ in range(count))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for breach, seen, stream in pool.map(lambda s: judge(ports, s), streams):
                served = [n + (s[0] > 0) for n, s in zip(served, seen)]
                stricter += seen[0][0] < min(seen[1][0], seen[2][0])
                if breach:
                    breaches += 1
                    print("BREACH ours, nginx, node:", seen, stream)
    finally:
        for child in others:
            child.terminate()
            child.wait()
        ours.stop()
    print(f"{count} streams (seed {seed}): served by us, nginx and Node: {served}; of those "
          f"that both others serve we refuse {stricter}; {breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100000,
                  int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)))
