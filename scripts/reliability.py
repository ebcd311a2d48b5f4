"""Run the long tests and keep their figures in docs/reliability.md: ``python3 scripts/reliability.py``.

These are all tests that are marked ``slow``, wherever they lie. They take about an hour and a half. Options are
pytest's: ``-k damaged`` renews one line and keeps the others.
"""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

import environment

PAGE = environment.ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def main() -> int:
    interpreter = environment.python("[test]")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        options = ["-m", "slow", f"--junitxml={results}", "-o", "junit_family=xunit1", *sys.argv[1:]]
        code = subprocess.run([str(interpreter), "-m", "pytest", *options], cwd=environment.ROOT).returncode
        if not results.exists():
            return code
        # The file is pytest's own.
        cases = list(ET.parse(results).iter("testcase"))  # noqa: S314
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    by_test: dict[str, list[ET.Element]] = defaultdict(list)
    for case in cases:
        by_test[case.get("name", "").partition("[")[0]].append(case)
    rows.update((name, in_words(cases)) for name, cases in by_test.items())
    lines = [f"| `{name}` | {text} |" for name, text in rows.items()]
    PAGE.write_text(
        "\n".join([before + BEGIN, "| test | figures |", "| --- | --- |", *lines, END + after]), encoding="utf-8"
    )
    return code


def in_words(cases: list[ET.Element]) -> str:
    """What became of a test, all its parameters together: its figures, or how it failed."""
    for kind in ("failure", "error", "skipped"):
        bad = [case.get("name", "") for case in cases if case.find(kind) is not None]
        if bad:
            return f"{kind}: {', '.join(bad)}".replace("|", "/")
    figures = [p.get("value", "") for case in cases for p in case.iter("property") if p.get("name") == "figures"]
    return "; ".join(figures) or ("held" if len(cases) == 1 else f"held, with each of {len(cases)} parameters")


if __name__ == "__main__":
    sys.exit(main())
