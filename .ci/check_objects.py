# SPDX-License-Identifier: Apache-2.0
"""Baseline objects hold no vector code beyond SSE2, and kernel objects no symbol that the linker may merge.

usage: check_objects.py BUILD_DIR
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

WIDE = re.compile(r"%[yz]mm\d|%k[0-7]\b")


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def wide_instructions(path: Path) -> int:
    return sum(bool(WIDE.search(line)) for line in output_of("objdump", "-d", str(path)).splitlines())


def weak_symbols(path: Path) -> list[str]:
    return [line for line in output_of("nm", "-C", str(path)).splitlines() if re.search(r" [WVu] ", line)]


def problems_of(path: Path) -> list[str]:
    found = []
    wide = wide_instructions(path)
    is_wide_level = path.name.startswith(("kernels_avx2", "kernels_avx512"))
    if is_wide_level and wide == 0:
        found.append(f"{path.name}: no vector instruction at all; were the level's flags lost?")
    if not is_wide_level and wide:
        found.append(f"{path.name}: {wide} instructions beyond the baseline")
    if path.name.startswith("kernels_"):
        found += [f"{path.name}: weak symbol {symbol}" for symbol in weak_symbols(path)]
    return found


def main(build: str) -> int:
    objects = sorted(Path(build).rglob("*.cpp.o"))
    names = {path.name for path in objects}
    missing = {f"kernels_{level}.cpp.o" for level in ("base", "avx2", "avx512")} | {"module.cpp.o"}
    found = [f"{name} was not built" for name in sorted(missing - names)]
    for path in objects:
        found += problems_of(path)
    print(
        "\n".join(found)
        or f"{len(objects)} objects checked: no stray vector instruction, no weak kernel symbol"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
