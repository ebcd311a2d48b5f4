"""Run docs/tutorial.ipynb and keep its outputs, so that the web shows them: ``tutorial.py``.

Of each sound the picture is kept, not the player, which the web does not show and which is large.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial.ipynb"


def kept(data: dict[str, Any]) -> dict[str, Any]:
    """Return an output as it is kept: a sound as its picture."""
    shown = re.search(r'src="data:image/png;base64,([^"]+)"', data.get("text/html", ""))
    caption = re.search(r"<figcaption>(.*?)</figcaption>", data.get("text/html", ""))
    return {"image/png": shown[1], "text/plain": caption[1]} if shown and caption else data


def main() -> None:
    notebook = nbformat.read(TUTORIAL, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}})
        client.execute()
    for cell in notebook.cells:
        # When a cell ran is nobody's concern.
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "data" in output:
                output["data"] = nbformat.from_dict(kept(output["data"]))
    notebook.metadata.pop("language_info", None)
    nbformat.write(notebook, TUTORIAL)


if __name__ == "__main__":
    main()
