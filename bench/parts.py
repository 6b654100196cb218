"""What is measured. Each part is a generator of rows; ALL lists them in order."""

import functools
import json
import os
import random
import socket
import ssl
import statistics
import subprocess
import time
from pathlib import Path

import parts_chat
import parts_realtime
import parts_sms
import rig
from report import Row, limit_row, quotients, ratio_row, ratios, spread

WHOAMI = "/admin/whoami"
GET_USER = "/identities/{}?api-version=2025-03-02-preview"
ISSUE = "/identities/{}/:issueAccessToken?api-version=2023-10-01"
TOKEN = "/common/oauth2/v2.0/token"
DISCOVERY = "/common/v2.0/.well-known/openid-configuration"
APP = "bench"
COLD_TOKENS = 30_000  # more than three times what a loop remembers
MANY_ROLES = 100_000
CREATE = "/identities?api-version=2023-10-01"


def answer_of(ours: rig.Ours, target: str, token: str = "") -> tuple[dict, bytes]:
    answer = ours.server.bearer("GET", target, token) if token else ours.server.signed("GET", target)
    assert answer.status == 200, answer
    return dict(answer.headers.items()), answer.body


def rate_text(r: dict) -> str:
    return f"{r['rate'] / 1000:.1f} k/s, {r['cpu_us']:.2f} µs"


def compare(what: str, a: list[dict], b: list[dict], least_rate=None, least_cpu=None):
    """Rows for both figures of a comparison."""
    ours, peer = rig.medians(a), rig.medians(b)
    assert a[0]["answer_octets"] == b[0]["answer_octets"], (a[0], b[0])
    note = f" (server busy {ours['busy']:.0%} / {peer['busy']:.0%}, p99 {ours['p99_us']:.0f} / {peer['p99_us']:.0f} µs)"
    yield ratio_row(what + ", requests/s" + note, f"{ours['rate'] / 1000:.1f} k/s", f"{peer['rate'] / 1000:.1f} k/s",
                    ratios(a, b, "rate"), least_rate)
    yield ratio_row(what + ", CPU", f"{ours['cpu_us']:.2f} µs", f"{peer['cpu_us']:.2f} µs", ratios(a, b, "cpu_us"),
                    least_cpu)


# ---- against nginx ----

def plain(bench: rig.Rig):
    ours = bench.ours()
    user, _ = ours.server.new_user()
    get_user = GET_USER.format(user)
    nginx = bench.nginx({WHOAMI: answer_of(ours, WHOAMI), "/identities/": answer_of(ours, get_user)})
    requests = ours.requests("GET", WHOAMI)
    a, b = bench.interleave(lambda: ours.load(requests), lambda: nginx.load(requests))
    yield from compare("signed GET /admin/whoami against nginx, plain", a, b, 0.85, 0.9)
    requests = ours.requests("GET", get_user)
    a, b = bench.interleave(lambda: ours.load(requests), lambda: nginx.load(requests))
    yield from compare("signed GET /identities/{id} against nginx, plain", a, b, 0.5)
    bench.done(ours, nginx)


def tls(bench: rig.Rig):
    certificate = own_certificate(bench)
    ours = bench.ours(args=("--tls-cert", str(certificate), "--tls-key", str(certificate)))
    nginx = bench.nginx({WHOAMI: answer_of(ours, WHOAMI)}, certificate)
    requests = ours.requests("GET", WHOAMI)
    a, b = bench.interleave(lambda: ours.load(requests, tls=True), lambda: nginx.load(requests, tls=True))
    assert a[0]["cipher"] == b[0]["cipher"], (a[0], b[0])
    yield from compare(f"signed GET /admin/whoami against nginx, TLS 1.3 ({a[0]['cipher']})", a, b, 0.9, 0.9)
    bench.done(ours, nginx)


def own_certificate(bench: rig.Rig) -> Path:
    """A P-256 key and a leaf for localhost in one file, for both servers."""
    path = bench.work / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                    path, "-out", str(path) + ".crt"], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(str(path) + ".crt").read_text())
    return path


# ---- what authentication costs ----

def auth(bench: rig.Rig):
    ours, without = bench.ours(), bench.ours("callgate-noauth")
    mine, theirs = ours.requests("GET", WHOAMI), without.requests("GET", WHOAMI)
    a, b = bench.interleave(lambda: ours.load(mine), lambda: without.load(theirs))
    for row in compare("signed GET /admin/whoami against the same without the check", a, b):
        yield row
    cpu = [x["cpu_us"] / y["cpu_us"] - 1 for x, y in zip(a, b)]
    yield ratio_row("authentication's share of the CPU time of a request", f"{rig.medians(a)['cpu_us']:.2f} µs",
                    f"{rig.medians(b)['cpu_us']:.2f} µs", cpu, most=0.1)
    yield from instructions(bench, (ours, mine), (without, theirs))
    bench.done(ours, without)


def instructions(bench: rig.Rig, checked, unchecked):
    """The stable figure. Without performance counters: what is stepped outside the kernel, weighed with the share of the
    CPU time that is spent there."""
    counted = bench.instructions(*checked), bench.instructions(*unchecked)
    if all(counted):
        yield ratio_row("authentication's share of the instructions of a request", f"{counted[0]:.0f}",
                        f"{counted[1]:.0f}", [counted[0] / counted[1] - 1], most=0.1)
        return
    user, kernel = rig.user_and_kernel_ticks(unchecked[0].pid)  # before the steps, which cost the kernel much
    stepped = bench.steps(*checked), bench.steps(*unchecked)
    more, share = stepped[0] / stepped[1] - 1, user / (user + kernel)
    yield Row("instructions of a request outside the kernel (this machine has no counters)", f"{stepped[0]:.0f}",
              f"{stepped[1]:.0f}", more)
    yield ratio_row(f"the same, weighed with the {share:.0%} of its CPU time that a request is outside the kernel",
                    f"{stepped[0]:.0f}", f"{stepped[1]:.0f}", [more * share], most=0.1)


def micro(bench: rig.Rig):
    figures = bench.micro()
    for name, f in figures.items():
        us = {k: v / 1000 for k, v in f.items()}
        text = f"{us['best_ns']:.2f} … {us['worst_ns']:.2f}"
        if name == "scheme_key_check":
            yield Row("the whole access-key check, alone", f"{us['median_ns']:.3f} µs", "", None, text, "≤ 0.5 µs",
                      us["median_ns"] <= 0.5)
        else:
            yield Row(f"`{name}` alone", f"{us['median_ns']:.3f} µs", "", None, text)


# ---- the store ----

def users(bench: rig.Rig):
    few, owner = filled(bench, 1000)
    many, _ = filled(bench, bench.users)
    ids_few, ids_many = few.users, many.users
    hot = random.Random(1).sample(ids_many, min(1000, len(ids_many)))
    uniform = random.Random(2).choices(ids_many, k=min(400_000, 4 * len(ids_many)))
    sets = [rig.Requests(few, "GET", [GET_USER.format(u) for u in ids_few]),
            rig.Requests(many, "GET", [GET_USER.format(u) for u in hot]),
            rig.Requests(many, "GET", [GET_USER.format(u) for u in uniform]),
            many.requests("GET", WHOAMI)]
    place = iter(range(0, 1 << 40, 150_000))
    base, hots, randoms, whoami = bench.interleave(
        lambda: few.load(sets[0]), lambda: many.load(sets[1]),
        lambda: many.load(sets[2], first=next(place)), lambda: many.load(sets[3]))
    name = f"{bench.users:,} users"
    for what, got, least in ((f"GET /identities/{{id}} at {name}, 1,000 hot ones, against 1,000 users", hots, 0.9),
                             (f"GET /identities/{{id}} at {name}, uniformly random, against 1,000 users", randoms, 0.6)):
        yield from compare(what, got, base, least)
    yield ratio_row("GET /identities/{id} against GET /admin/whoami, requests/s", rate_text(rig.medians(hots)),
                    rate_text(rig.medians(whoami)), ratios(hots, whoami, "rate"))
    bench.done(few, many)


def filled(bench: rig.Rig, count: int):
    """A server with that many users."""
    ours = bench.ours()
    one, _ = ours.server.new_user()
    owner = one.removeprefix("8:acs:").split("_")[0]
    bench.done(ours)
    ids = rig.fill_users(ours.data, owner, count)
    ours = bench.ours(data=ours.data)
    ours.users = ids
    return ours, owner


def create(bench: rig.Rig):
    ours, without = bench.ours(), bench.ours("callgate-nosync")
    mine, theirs = ours.requests("POST", CREATE, {}), without.requests("POST", CREATE, {})
    f, a, u = bench.interleave(
        bench.syncs_per_second,
        lambda: ours.load(mine, connections=256, status=201, slice_s=1),
        lambda: without.load(theirs, connections=256, status=201, slice_s=1))
    aims = [min(10 * x, 0.5 * y["rate"]) for x, y in zip(f, u)]
    yield ratio_row("durable POST /identities at 256 connections, against min(10 f, 0.5 u)",
                    f"{rig.medians(a)['rate'] / 1000:.1f} k/s", f"{statistics.median(aims) / 1000:.1f} k/s",
                    quotients([x["rate"] for x in a], aims), 1.0)
    yield Row("f: 4 KiB write and fdatasync per second", f"{statistics.median(f):.0f} /s", "", None, spread(f))
    yield Row("u: the same without waiting for the disk", rate_text(rig.medians(u)), "", None,
              spread([x["rate"] for x in u]))
    each = quotients([x["rate"] for x in a], f)
    yield Row("durable creates per fdatasync", "", "", statistics.median(each), spread(each))
    bench.done(ours, without)


# ---- tokens ----

def tokens(bench: rig.Rig):
    for alg in ("ES256", "RS256"):
        ours = bench.ours(args=("--auth-token-alg", alg))
        user, _ = ours.server.new_user()
        issue = ours.requests("POST", ISSUE.format(user), {"scopes": ["chat", "voip"]})
        get = ours.requests("GET", GET_USER.format(user))
        step = f"evp_pkey_sign_{alg.lower()}"
        got, g, s = bench.interleave(lambda: ours.load(issue), lambda: ours.load(get),
                                     lambda: 1e9 / bench.micro(step)[step]["median_ns"])
        yield from against_sum(f"token issue, {alg}", got, g, s, "s")
        bench.done(ours)


# ---- service tokens ----

def service(bench: rig.Rig):
    """A bearer token that the loop remembers."""
    certificate = own_certificate(bench)
    ours = bench.ours(args=("--imds", "127.0.0.1:0", "--tls-cert", str(certificate), "--tls-key", str(certificate)))
    token = ours.identity_token()
    nginx = bench.nginx({WHOAMI: answer_of(ours, WHOAMI, token)}, certificate)
    what = "GET /admin/whoami with a service token against nginx"
    requests = ours.bearer(WHOAMI, token)
    a, b = bench.interleave(lambda: ours.load(requests), lambda: nginx.load(requests))
    yield from compare(f"{what}, plain", a, b, 0.85, 0.9)
    requests = ours.bearer(WHOAMI, token)
    a, b = bench.interleave(lambda: ours.load(requests, tls=True), lambda: nginx.load(requests, tls=True))
    assert a[0]["cipher"] == b[0]["cipher"], (a[0], b[0])
    yield from compare(f"{what}, TLS 1.3 ({a[0]['cipher']})", a, b, 0.9, 0.9)
    bench.done(ours, nginx)


def with_application(bench: rig.Rig, *args: str):
    """The data of a stopped server that was started with `args`: one user, and one application with a secret."""
    ours = bench.ours(args=args)
    user, _ = ours.server.new_user()
    bench.done(ours)
    return ours.data, user, json.loads(bench.seed(ours.data, "app", APP))


def tokens_of(bench: rig.Rig, data: Path, count: int = 1) -> list[str]:
    return bench.seed(data, "tokens", APP, "http://localhost", count).split()


def against_sum(what: str, got: list[dict], g: list[dict], step: list[float], letter: str) -> Row:
    """A request that has to do what a GET does, and one call of EVP."""
    bound = [1 / (1 / y["rate"] + 1 / z) for y, z in zip(g, step)]
    yield ratio_row(f"{what}, against 1/(1/g + 1/{letter}): g {rig.medians(g)['rate'] / 1000:.1f} k/s, "
                     f"{letter} {statistics.median(step) / 1000:.1f} k/s", rate_text(rig.medians(got)),
                     f"{statistics.median(bound) / 1000:.1f} k/s", quotients([x["rate"] for x in got], bound), 0.85)
    sums = [y["cpu_us"] + 1e6 / z for y, z in zip(g, step)]
    yield ratio_row(f"{what}, against the same sum, CPU", f"{rig.medians(got)['cpu_us']:.2f} µs",
                    f"{statistics.median(sums):.2f} µs", [y / x["cpu_us"] for x, y in zip(got, sums)])


def goes_on(ours: rig.Ours, requests: rig.Requests):
    """Slices of load, each of which begins with the request at which the former ended."""
    next_one = 0

    def slice_of_it() -> dict:
        nonlocal next_one
        got = ours.load(requests, first=next_one)
        next_one = got["next"]
        return got

    return slice_of_it


def cold(bench: rig.Rig):
    """Each request with a token that the loop does not remember."""
    for alg in ("RS256", "ES256"):
        args = ("--issuer-alg", alg)
        data, _, _ = with_application(bench, *args)
        many = tokens_of(bench, data, COLD_TOKENS)
        ours = bench.ours(data=data, args=args)
        one, all_of_them = ours.bearer(WHOAMI, many[0]), ours.bearer(WHOAMI, *many)
        step = f"evp_pkey_verify_{alg.lower()}"
        got, g, v = bench.interleave(goes_on(ours, all_of_them), lambda: ours.load(one),
                                     lambda: 1e9 / bench.micro(step)[step]["median_ns"])
        yield from against_sum(f"GET /admin/whoami with a service token not seen before, {alg}", got, g, v, "v")
        bench.done(ours)


def issuer(bench: rig.Rig):
    for alg in ("RS256", "ES256"):
        args = ("--issuer-alg", alg)
        data, user, app = with_application(bench, *args)
        ours = bench.ours(data=data, args=args)
        ask = rig.Unsigned(ours, "POST", TOKEN, form={
            "grant_type": "client_credentials", "client_id": app["clientId"], "client_secret": app["secret"],
            "scope": "https://communication.azure.com/.default"})
        get, document = ours.requests("GET", GET_USER.format(user)), rig.Unsigned(ours, "GET", DISCOVERY)
        step = f"evp_pkey_sign_{alg.lower()}"
        got, g, same, s = bench.interleave(lambda: ours.load(ask), lambda: ours.load(get), lambda: ours.load(document),
                                           lambda: 1e9 / bench.micro(step)[step]["median_ns"])
        yield from against_sum(f"service token by client secret, {alg}", got, g, s, "s")
        yield Row(f"of them, answers of {got[0]['answer_octets']} octets; the discovery document, "
                  f"{same[0]['answer_octets']} octets", rate_text(rig.medians(got)), rate_text(rig.medians(same)))
        bench.done(ours)


# ---- role assignments ----

def roles(bench: rig.Rig):
    kinds = [("one", 10), ("spread", MANY_ROLES), ("one", MANY_ROLES)]
    servers = [with_roles(bench, *kind) for kind in kinds]
    for what, target in (("GET /admin/whoami", lambda s: WHOAMI), ("GET /identities/{id}", lambda s: s.get_user)):
        sets = [(s, s.bearer(target(s), s.token)) for s in servers]
        few, spread_out, at_one = bench.interleave(*(functools.partial(s.load, r) for s, r in sets))
        yield from compare(f"{what} at {MANY_ROLES:,} role assignments of {MANY_ROLES // 10:,} principals, against 10",
                           spread_out, few, 0.95, 0.95)
        yield from compare(f"{what} at {MANY_ROLES:,} role assignments of the caller's own, against 10", at_one, few,
                           0.95, 0.95)
    few, spread_out, at_one = (s.resident() for s in servers)
    yield Row(f"resident memory for {MANY_ROLES:,} role assignments, spread / of one principal",
              f"{(spread_out - few) / 2**20:.1f} / {(at_one - few) / 2**20:.1f} MiB", "")
    bench.done(*servers)


def with_roles(bench: rig.Rig, shape: str, count: int) -> rig.Ours:
    data, user, _ = with_application(bench)
    bench.seed(data, "roles", APP, shape, count)
    token, = tokens_of(bench, data)
    ours = bench.ours(data=data)
    ours.token, ours.get_user = token, GET_USER.format(user)
    return ours


# ---- start and memory ----

def start(bench: rig.Rig):
    ours = bench.ours()
    port, data = rig.free_port(), ours.data
    ours.server.signed("GET", WHOAMI)
    bench.done(ours)
    host, key = f"localhost:{port}", ours.server.primary
    times = [first_answer(bench, data, port, host, key) for _ in range(max(bench.pairs, 7) + 1)][1:]
    yield Row("from execve to the last octet of the first signed answer", f"{statistics.median(times):.1f} ms", "", None,
              spread(times), "< 25 ms", statistics.median(times) < 25)


def first_answer(bench: rig.Rig, data: Path, port: int, host: str, key: str) -> float:
    headers = rig.Server.__init__.__globals__["sign"](key, "GET", WHOAMI, host)
    request = (f"GET {WHOAMI} HTTP/1.1\r\nHost: {host}\r\n"
               + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()
    program = str(bench.build / "callgate")
    arguments = [program, "serve", "--threads", "1", "--data", str(data), "--https", "localhost:0", "--http",
                 f"localhost:{port}"]
    quiet = os.open(os.devnull, os.O_RDWR)
    with rig.on_core(rig.SERVER_CORE):  # the child inherits it
        begun = time.monotonic_ns()
        pid = os.posix_spawn(program, arguments, os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)])
    try:
        with rig.on_core(rig.LOAD_CORE):
            connection = connect(port)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(request)
            answer = b""
            while not whole(answer):
                answer += connection.recv(65536)
            took = time.monotonic_ns() - begun
        assert answer.startswith(b"HTTP/1.1 200"), answer
        connection.close()
    finally:
        os.close(quiet)
        os.kill(pid, 15)
        os.waitpid(pid, 0)
    return took / 1e6


def connect(port: int, seconds: float = 20) -> socket.socket:
    end = time.monotonic() + seconds
    while True:
        s = socket.socket()
        try:
            s.connect(("127.0.0.1", port))
            return s
        except ConnectionRefusedError:
            s.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.0001)


def whole(answer: bytes) -> bool:
    head, mark, body = answer.partition(b"\r\n\r\n")
    if not mark:
        return False
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return len(body) >= int(length.split(b":")[1])


def ask(connection, request: bytes) -> None:
    connection.sendall(request)
    answer = b""
    while not whole(answer):
        more = connection.recv(65536)
        assert more, answer
        answer += more
    assert answer.startswith(b"HTTP/1.1 200"), answer


def memory(bench: rig.Rig):
    ours = bench.ours()
    request = ours.requests("GET", WHOAMI).file().read_bytes()
    with socket.create_connection(("127.0.0.1", ours.port(False))) as connection:
        for _ in range(10_000):
            ask(connection, request)
    mib = ours.resident() / 2**20
    yield Row("resident memory after 10,000 requests", f"{mib:.1f} MiB", "", None, "", "< 12 MB", mib * 1.048576 < 12)
    yield from idle(bench, ours, False, 2)
    yield from idle(bench, ours, True, 18)
    bench.done(ours)


def idle(bench: rig.Rig, ours: rig.Ours, secure: bool, most_kb: float, count: int = 10_000):
    """Connections that have had an answer each and then stay."""
    count = min(count, bench.users)
    request = ours.requests("GET", WHOAMI).file(tls=secure).read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    held = []

    def one():
        s = socket.create_connection(("127.0.0.1", ours.port(secure)))
        if secure:
            s = context.wrap_socket(s, server_hostname="localhost")
        ask(s, request)
        return s

    one().close()
    before = ours.resident()
    for _ in range(count):
        held.append(one())
    octets = (ours.resident() - before) / count
    for s in held:
        s.close()
    kind = "TLS" if secure else "plain"
    yield limit_row(f"memory of an idle connection, {kind}, of {count:,}", octets / 1000, "KB", most_kb)


ALL = {"plain": plain, "tls": tls, "auth": auth, "micro": micro, "users": users, "create": create, "tokens": tokens,
       "service": service, "cold": cold, "issuer": issuer, "roles": roles, "start": start, "memory": memory,
       **parts_sms.ALL, **parts_chat.ALL, **parts_realtime.ALL}
