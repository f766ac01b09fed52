"""docs/python.md runs as it stands."""

import re
from pathlib import Path

import pytest

MANUAL = Path(__file__).resolve().parents[2] / "docs/python.md"


def blocks() -> list[str]:
    text = MANUAL.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.filterwarnings("ignore:.*non-interactive.*")
def test_the_manual_runs_from_top_to_bottom(folder):
    names: dict[str, object] = {}
    found = blocks()
    assert len(found) > 5
    for number, block in enumerate(found):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)
    for figure in re.findall(r"savefig\(\"(.*?)\"\)", "".join(found)):
        assert (folder / figure).stat().st_size > 1000, figure
