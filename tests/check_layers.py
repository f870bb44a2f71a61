#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_layers.py: every #include of daemon/ and lib/ against tests/layers.txt; exit 1 on a breach."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def rules():
    allowed = {}
    for line in (ROOT / "tests/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, others = line.partition(":")
            allowed[folder.strip()] = set(others.split())
    return allowed


def main():
    allowed, breaches = rules(), []
    sources = sorted(p for top in ("daemon", "lib") for p in (ROOT / top).rglob("*.[ch]"))
    for path in sources:
        folder = str(path.parent.relative_to(ROOT))
        name = path.relative_to(ROOT)
        if folder not in allowed:
            breaches.append(f"{name}: folder '{folder}' has no line in tests/layers.txt")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            target = pathlib.PurePosixPath(match.group(1))
            if not (ROOT / target).exists():
                breaches.append(f"{name}:{number}: '{target}' is not written from the root")
            elif str(target.parent) != folder and str(target.parent) not in allowed[folder]:
                breaches.append(f"{name}:{number}: {folder} may not include {target}")
    print("\n".join(breaches) or f"layers: {len(sources)} files keep to tests/layers.txt")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
