# SPDX-License-Identifier: Apache-2.0
"""Policies in HCL, as much of it as they use: path "PATTERN" { capabilities = ["read", ...] } and comments."""
import re

CAPABILITIES = {"create", "read", "update", "patch", "delete", "list", "sudo", "deny"}
TOKEN = re.compile(r'\s+|#[^\n]*|//[^\n]*|/\*.*?\*/|"((?:[^"\\]|\\.)*)"|([A-Za-z_]+)|([{}\[\]=,])', re.S)


def tokens(text):
    at = 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise ValueError(f"policy: cannot read {text[at : at + 20]!r}")
        at = match.end()
        if match[1] is not None:
            yield ("text", match[1])
        elif match[2] or match[3]:
            yield ("word", match[2] or match[3])


def parse(text):
    """[(pattern, {capability, ...})]; what a server would refuse, or would not mean what it says, is a ValueError."""
    rules, stream = [], list(tokens(text))

    def take(kind, value=None):
        if not stream or stream[0][0] != kind or (value and stream[0][1] != value):
            raise ValueError(f"policy: {value or kind} is missing before {stream[:1]}")
        return stream.pop(0)[1]

    while stream:
        take("word", "path")
        pattern = take("text")
        if "*" in pattern[:-1] or pattern.startswith("/"):
            raise ValueError(f"policy: in {pattern!r} a * is not at the end, or a slash is in front")
        take("word", "{")
        take("word", "capabilities")
        take("word", "=")
        take("word", "[")
        granted = set()
        while stream and stream[0] != ("word", "]"):
            granted.add(take("text"))
            if stream and stream[0] == ("word", ","):
                stream.pop(0)
        take("word", "]")
        take("word", "}")
        if not granted <= CAPABILITIES:
            raise ValueError(f"policy: no such capability: {granted - CAPABILITIES}")
        rules.append((pattern, granted))
    return rules


def matches(pattern, path):
    """`+` is one segment, `*` at the end is anything."""
    parts = [re.escape(part) if part != "+" else "[^/]+" for part in pattern.removesuffix("*").split("/")]
    return re.fullmatch("/".join(parts) + (".*" if pattern.endswith("*") else ""), path, re.S) is not None


def allowed(rules, path):
    """What the most specific patterns that match give: an exact one before one with wildcards, then the longest."""
    fitting = [rule for rule in rules if matches(rule[0], path)]
    if not fitting:
        return set()
    best = max((("*" not in pattern and "+" not in pattern), len(pattern)) for pattern, _ in fitting)
    granted = set().union(*(capabilities for pattern, capabilities in fitting
                            if (("*" not in pattern and "+" not in pattern), len(pattern)) == best))  # fmt: skip
    return set() if "deny" in granted else granted
