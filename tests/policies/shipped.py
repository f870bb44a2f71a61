# SPDX-License-Identifier: Apache-2.0
"""The files of conf/iam, statement by statement."""

import json
from pathlib import Path
from typing import NamedTuple

from tests.cloud.policy import as_list

IAM = Path(__file__).resolve().parents[2] / "conf" / "iam"
# A pattern of EventBridge's is no policy.
FILES = sorted(path.name for path in IAM.glob("*.json") if not path.name.endswith("-rule.json"))


class Cell(NamedTuple):
    """One action of one statement."""

    file: str
    sid: str
    action: str

    def __str__(self):
        return f"{self.file} {self.sid} {self.action}"


def load(name, directory=IAM):
    return json.loads((directory / name).read_text())


def statements():
    """(file, statement) of all files."""
    return [(name, statement) for name in FILES for statement in load(name)["Statement"]]


def cells():
    return [Cell(name, one["Sid"], action) for name, one in statements() for action in as_list(one["Action"])]


def without(cell):
    """The policy of the cell's file, which does not have that action in that statement."""
    document = load(cell.file)
    (statement,) = [one for one in document["Statement"] if one["Sid"] == cell.sid]
    statement["Action"] = [action for action in as_list(statement["Action"]) if action != cell.action]
    return document
