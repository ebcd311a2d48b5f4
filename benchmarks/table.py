"""Write the tables of docs/speed.md: ``python benchmarks/table.py BENCH.json PEERS.json``.

BENCH.json is from ``cnndsd bench --json``, PEERS.json from ``benchmarks/peers/run.py --json``.
"""

import argparse
import json
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs" / "speed.md"


def speed_table(found: list[dict]) -> str:
    lines = [
        "| network | precision | gap 0, times real time | share of the limit | gap 3 | gap 6 |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for precision in ("single", "double"):
        of_precision = [f for f in found if f["precision"] == precision]
        for first in (f for f in of_precision if f["gap"] == 0):
            network = {key: first[key] for key in ("length", "hidden")}
            times = [f["times_real_time"] for f in of_precision if network.items() <= f.items()]
            low, high = first["share_spread"]
            shape = f"{first['length']},[{','.join(map(str, first['hidden']))}]"
            share = f"{first['share_of_limit']:.2f} ({low:.2f}–{high:.2f})"
            lines.append(f"| {shape} | {precision} | {times[0]:,.0f} | {share} | {times[1]:,.0f} | {times[2]:,.0f} |")
    return "\n".join(lines)


def peer_table(found: list[dict]) -> str:
    lines = [
        "| peer | networks at once | cores | single, times real time | double | cnndsd is faster by |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    by_precision = {precision: [f for f in found if f["precision"] == precision] for precision in ("single", "double")}
    # cnndsd through the public API, on as many cores.
    own = {(f["precision"], f["cores"]): f["times_real_time"] for f in found if f["peer"] == "cnndsd render_many"}
    for peers in zip(*by_precision.values(), strict=True):
        times = [peer["times_real_time"] for peer in peers]
        name, networks, cores = (peers[0][key] for key in ("peer", "networks", "cores"))
        faster = ", ".join(f"{own[p['precision'], p['cores']] / p['times_real_time']:,.1f}" for p in peers)
        faster = "" if name.startswith("cnndsd") else faster
        lines.append(f"| {name} | {networks} | {cores} | {times[0]:,.1f} | {times[1]:,.1f} | {faster} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path, metavar="BENCH.json")
    parser.add_argument("peers", type=Path, metavar="PEERS.json")
    options = parser.parse_args()
    text = DOCS.read_text(encoding="utf-8")
    for name, file, table in (("speed", options.bench, speed_table), ("peers", options.peers, peer_table)):
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        assert end, f"docs/speed.md: no <!-- {name} --> ... <!-- end of {name} -->"
        text = f"{before}<!-- {name} -->\n{table(json.loads(file.read_text(encoding='utf-8')))}\n{end}{after}"
    DOCS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
