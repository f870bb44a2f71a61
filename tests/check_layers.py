#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_layers.py: every #include of daemon/ and lib/ against tests/layers.txt, and, where the objects are built, every
symbol that one folder uses of another, since a header that comes with another shows no #include; then the circles of
what files include: none has more than two, and those two say why, each with "Circle with FILE: reason" in a comment; and
that nobody includes another folder's inside.h; exit 1 on a breach."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OWNED = re.compile(r"\(struct (?:tracked_\w+|stock) \*+\)")  # a cast takes const away
PRIVATE = "inside.h"  # what a folder's files share, and nobody else may see


def rules():
    allowed = {}
    for line in (ROOT / "tests/layers.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line and not line.startswith("alone "):
            folder, _, others = line.partition(":")
            allowed[folder.strip()] = set(others.split())
    return allowed


def solitary():
    """{folder: what its files share}, for the folders whose files do not see each other."""
    return {folder: set(shared.split()) for folder, shared in
            re.findall(r"^alone ([\w/]+):(.*)$", (ROOT / "tests/layers.txt").read_text(), re.M)}


def is_strange(path, target, alone):
    """Is ${target} a header of another file of the same folder, whose files do not see each other?"""
    return (str(target.parent) in alone and path.parent == ROOT / target.parent
            and not path.stem.startswith(target.stem) and not target.stem.startswith(path.stem)
            and target.stem not in alone[str(target.parent)])


def objects(sources):
    """The object of each source, by its name, in $BUILD or build/; none unless all are there and not older."""
    build = ROOT / os.environ.get("BUILD", "build")
    found = {}
    for source in (path for path in sources if path.suffix == ".c"):
        made = build / source.relative_to(ROOT).with_suffix(".o")
        if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
            return {}
        found[str(source.relative_to(ROOT))] = made
    return found


def calls(sources):
    """(source, symbol, the source that defines it), for what is built."""
    defined, used = {}, []
    for name, path in objects(sources).items():
        for line in subprocess.check_output(["nm", "-g", "-P", path], text=True).splitlines():
            symbol, kind = line.split()[:2]
            if kind == "U":
                used.append((name, symbol))
            else:
                defined[symbol] = name
    return [(name, symbol, defined[symbol]) for name, symbol in used if symbol in defined]


def folder_of(name):
    return str(pathlib.PurePosixPath(name).parent)


def module_of(name):
    """foo.c and foo.h are one."""
    return str(pathlib.PurePosixPath(name).with_suffix(""))


def included(sources):
    """{module: the modules that it includes}, and {module: the text of its files}."""
    graph, texts = {}, {}
    for path in sources:
        module, text = module_of(path.relative_to(ROOT)), path.read_text()
        texts[module] = texts.get(module, "") + text
        graph.setdefault(module, set()).update(
            module_of(name) for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M))
    return {module: others & graph.keys() - {module} for module, others in graph.items()}, texts


def reach(graph, start):
    """What ${start} includes, and what that does, and so on."""
    found, left = set(), [start]
    while left:
        new = graph[left.pop()] - found
        found |= new
        left += new
    return found


def circles(graph):
    """The sets of modules that include each other, directly or not."""
    reached = {module: reach(graph, module) for module in graph}
    return sorted({tuple(sorted(other for other in reached[module] if module in reached[other]))
                   for module in graph if module in reached[module]})


def check_circles(graph, texts):
    """What is wrong with the circles, and with what is said of them."""
    breaches, pairs = [], set()
    for circle in circles(graph):
        if len(circle) > 2:
            breaches.append("these include each other in a circle of more than two: " + ", ".join(circle))
        else:
            pairs |= {circle, circle[::-1]}
    said = {(module, other) for module, text in texts.items()
            for other in re.findall(r"\bCircle with ([\w/]+)\.[ch]: \w", text)}
    breaches += [f"{one}: a circle with {other}: end it, or say why in a comment, 'Circle with {other}.h: ...'"
                 for one, other in sorted(pairs - said)]
    return breaches + [f"{one}: a comment tells of a circle with {other}, and there is none"
                       for one, other in sorted(said - pairs)]


def main():
    allowed, alone, breaches, needed = rules(), solitary(), [], set()
    sources = sorted(p for top in ("daemon", "lib") for p in (ROOT / top).rglob("*.[ch]"))

    def need(folder, other):
        needed.add((folder, other))
        return other == folder or other in allowed.get(folder, ())

    for path in sources:
        folder = str(path.parent.relative_to(ROOT))
        name = path.relative_to(ROOT)
        if folder not in allowed:
            breaches.append(f"{name}: folder '{folder}' has no line in tests/layers.txt")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if folder != "daemon/inventory" and OWNED.search(line):
                breaches.append(f"{name}:{number}: what is known is written by daemon/inventory alone")
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            target = pathlib.PurePosixPath(match.group(1))
            if not (ROOT / target).exists():
                breaches.append(f"{name}:{number}: '{target}' is not written from the root")
            elif target.name == PRIVATE and str(target.parent) != folder:
                breaches.append(f"{name}:{number}: {target} is for the files of its own folder alone")
            elif is_strange(path, target, alone):
                breaches.append(f"{name}:{number}: the files of {folder} do not know each other: no {target}")
            elif not need(folder, str(target.parent)):
                breaches.append(f"{name}:{number}: {folder} may not include {target}")
    built = calls(sources)
    for name, symbol, definer in built:
        if not need(folder_of(name), folder_of(definer)):
            breaches.append(f"{name}: {folder_of(name)} may not call {symbol}() of {definer}")
    graph, texts = included(sources)
    breaches += check_circles(graph, texts)
    if built:
        breaches += [f"tests/layers.txt: {folder} needs nothing of {other} any more"
                     for folder in allowed for other in sorted(allowed[folder]) if (folder, other) not in needed]
    print("\n".join(breaches) or f"layers: {len(sources)} files keep to tests/layers.txt"
          + (f", and so do {len(built)} calls" if built else " by what they include; what they call is not built"))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
