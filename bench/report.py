"""Rows of figures, and how they are shown."""

import datetime
import os
import platform
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results.md"
NOTES = Path(__file__).resolve().parent / "notes.md"


@dataclass
class Row:
    what: str  # what was measured
    ours: str
    against: str  # the peer's figure, or what it is held against
    ratio: float | None = None  # the median, or the figure that the aim speaks of
    spread: str = ""
    aim: str = ""
    met: bool | None = None  # None: no aim


def spread(values) -> str:
    return f"{min(values):.3g} … {max(values):.3g}"


def quotients(values: list[float], against: list[float]) -> list[float]:
    """Value by value. Nothing is held against a slice that answered nothing, since the disk stood still."""
    got = [x / y for x, y in zip(values, against) if y]
    if not got:
        sys.exit("Nothing was answered in any slice: the machine is too busy to measure.")
    return got


def ratios(a: list[dict], b: list[dict], key: str = "rate") -> list[float]:
    """How much more `a` manages: requests per second, or requests per CPU time."""
    if key == "rate":
        return quotients([x[key] for x in a], [y[key] for y in b])
    answered = [(x, y) for x, y in zip(a, b) if x["rate"] and y["rate"]]
    return quotients([y[key] for _, y in answered], [x[key] for x, _ in answered])


def ratio_row(what: str, ours: str, against: str, ratios: list[float], least: float | None = None,
              most: float | None = None) -> Row:
    """A ratio of pairs, at least or at most something."""
    median = statistics.median(ratios)
    if least is not None:
        return Row(what, ours, against, median, spread(ratios), f"≥ {least:g}", median >= least)
    if most is not None:
        return Row(what, ours, against, median, spread(ratios), f"≤ {most:g}", median <= most)
    return Row(what, ours, against, median, spread(ratios))


def limit_row(what: str, value: float, unit: str, most: float, values: list[float] | None = None) -> Row:
    return Row(what, f"{value:.3g} {unit}", "", None, spread(values) if values else "", f"≤ {most:g} {unit}",
               value <= most)


def verdict(row: Row) -> str:
    return "" if row.met is None else "met" if row.met else "MISSED"


def ratio_text(row: Row) -> str:
    return "" if row.ratio is None else f"{row.ratio:.3f}"


def line(row: Row) -> str:
    parts = [row.what, row.ours, row.against, ratio_text(row), row.spread and f"({row.spread})", row.aim, verdict(row)]
    return "   " + "  ".join(p for p in parts if p)


def table(rows: list[Row]) -> str:
    lines = ["| what | ours | against | ratio | spread | aim | |", "|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append(f"| {r.what} | {r.ours} | {r.against} | {ratio_text(r)} | {r.spread} | {r.aim} | {verdict(r)} |")
    return "\n".join(lines)


def machine() -> str:
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1]) // 1024 // 1024
    flags = Path("/proc/cpuinfo").read_text()
    kind = "virtual machine" if "hypervisor" in flags else "machine"
    return (f"{kind}, {os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}"
            f"{' with SHA extensions' if 'sha_ni' in flags else ''}, {memory} GiB, Linux {platform.release()}")


def circumstances(bench) -> str:
    """Of one run: parts of results.md may come from several."""
    return (f"{datetime.date.today().isoformat()}, {bench.pairs} pairs of {bench.slice_s:g} s, load average "
            f"{bench.load_before:.2f} before; {machine()}")


def sections(text: str) -> dict[str, str]:
    """What results.md says of each part, by the part's name."""
    figures = text.partition("\n## Figures\n")[2].partition("\n## ")[0]
    return {name: body.strip() for name, _, body in (s.partition("\n") for s in figures.split("\n### ")[1:])}


def write(measured: dict[str, list[Row]], parts, bench) -> None:
    """Puts what was measured in the place of what is known of the same parts; other parts stay as they are."""
    head = f"""# Bench results

Written by `make bench`. What counts are the ratios: both sides of each were measured in the same run, in
interleaved slices; absolute figures are those of one machine on one day.

- nginx: {bench.nginx_version()}; one worker on core 0, our server with one thread on core 0, the load on core 1;
  access log on in both, through a buffer; the same request and as many response octets
- NATS: {bench.nats_version()}; on core 0, the load on core 1; core pub/sub, no TLS, no authorization
- "CPU" is the server's CPU time per request: all its threads, in user space and in the kernel

## Figures
"""
    known = sections(RESULTS.read_text()) if RESULTS.exists() else {}
    known.update({name: f"{circumstances(bench)}\n\n{table(rows)}" for name, rows in measured.items()})
    figures = "".join(f"\n### {name}\n{known[name]}\n" for name in parts if name in known)
    RESULTS.write_text(f"{head}{figures}\n{NOTES.read_text()}")
