"""Run the long fault and fuzz tests and write their figures to docs/reliability.md: ``python3 scripts/reliability.py``.

Takes about an hour and a half. Options are those of pytest: ``-k damaged`` renews one row and keeps the others.
"""

import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import environment

PAGE = environment.ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def main() -> int:
    interpreter = environment.python("[test]")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        tests = ["-m", "slow", "tests/farm/test_faults.py", f"--junitxml={results}", "-o", "junit_family=xunit1"]
        code = subprocess.run(
            [str(interpreter), "-m", "pytest", *tests, *sys.argv[1:]], cwd=environment.ROOT
        ).returncode
        # Pytest wrote the file, so it is safe to parse.
        cases = list(ET.parse(results).iter("testcase"))  # noqa: S314
    before, _, rest = PAGE.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    for case in cases:
        figures = [p.get("value", "") for p in case.iter("property") if p.get("name") == "figures"]
        bad = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        rows[case.get("name", "")] = f"{bad[0]}: {case.get('time')} s" if bad else "".join(figures) or "held"
    lines = [f"| `{name}` | {text} |" for name, text in rows.items()]
    PAGE.write_text("\n".join([before + BEGIN, "| test | figures |", "| --- | --- |", *lines, END + after]))
    return code


if __name__ == "__main__":
    sys.exit(main())
