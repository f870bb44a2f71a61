"""Shapes of request parameters, checked as the services check them before anything else.

A shape is a function (value, path, report) that returns the value as handlers want it (blobs decoded). Problems are
collected, because AWS reports all of them in one message. Members that the model does not have are ignored, as AWS
does, but are noted for the journal: a test can then catch a client's misspelt member, which AWS never would.
"""

import base64
import binascii
import re


class Report:
    def __init__(self):
        self.problems = []
        self.ignored = []

    def problem(self, path, value, constraint):
        shown = "" if value is None else f"Value '{value}' at "
        prefix = shown if value is not None else "Value null at "
        self.problems.append(f"{prefix}'{lower_camel(path)}' failed to satisfy constraint: Member must {constraint}")

    def message(self):
        count = len(self.problems)
        return f"{count} validation error{'s' if count > 1 else ''} detected: " + "; ".join(self.problems)


class SerializationError(Exception):
    """The value has another JSON type than the model's: AWS does not even get to validate it."""


def lower_camel(path):
    return ".".join(part[:1].lower() + part[1:] for part in path.split("."))


def string(minimum=0, maximum=None, pattern=None, options=None, sensitive=False):
    expression = re.compile(pattern) if pattern else None

    def check(value, path, report):
        if not isinstance(value, str):
            raise SerializationError(f"{path} is not a string")
        shown = "***" if sensitive else value
        if len(value) < minimum:
            report.problem(path, shown, f"have length greater than or equal to {minimum}")
        if maximum is not None and len(value) > maximum:
            report.problem(path, shown, f"have length less than or equal to {maximum}")
        if expression and not expression.fullmatch(value):
            report.problem(path, shown, f"satisfy regular expression pattern: {pattern}")
        if options and value not in options:
            report.problem(path, shown, f"satisfy enum value set: [{', '.join(options)}]")
        return value

    return check


def integer(minimum=None, maximum=None):
    def check(value, path, report):
        if isinstance(value, bool) or not isinstance(value, int):
            raise SerializationError(f"{path} is not an integer")
        if minimum is not None and value < minimum:
            report.problem(path, value, f"have value greater than or equal to {minimum}")
        if maximum is not None and value > maximum:
            report.problem(path, value, f"have value less than or equal to {maximum}")
        return value

    return check


def boolean():
    def check(value, path, report):
        if not isinstance(value, bool):
            raise SerializationError(f"{path} is not a boolean")
        return value

    return check


def timestamp():
    def check(value, path, report):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SerializationError(f"{path} is not a timestamp")
        return float(value)

    return check


def blob(minimum=0, maximum=None):
    def check(value, path, report):
        if not isinstance(value, str):
            raise SerializationError(f"{path} is not a blob")
        try:
            data = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise SerializationError(f"{path} is not base64") from None
        if len(data) < minimum:
            report.problem(path, "***", f"have length greater than or equal to {minimum}")
        if maximum is not None and len(data) > maximum:
            report.problem(path, "***", f"have length less than or equal to {maximum}")
        return data

    return check


def list_of(member, minimum=0, maximum=None):
    def check(value, path, report):
        if not isinstance(value, list):
            raise SerializationError(f"{path} is not a list")
        if len(value) < minimum:
            report.problem(path, value, f"have length greater than or equal to {minimum}")
        if maximum is not None and len(value) > maximum:
            report.problem(path, value, f"have length less than or equal to {maximum}")
        return [member(item, f"{path}.{index + 1}.member", report) for index, item in enumerate(value)]

    return check


def structure(members, required=()):
    def check(value, path, report):
        if not isinstance(value, dict):
            raise SerializationError(f"{path or 'the request'} is not a structure")
        result = {}
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key not in members:
                report.ignored.append(where)
            elif item is not None:  # an explicit null means the same as leaving the member out
                result[key] = members[key](item, where, report)
        for key in required:
            if key not in result:
                report.problem(f"{path}.{key}" if path else key, None, "not be null")
        return result

    return check


def any_value():
    return lambda value, path, report: value


def tags(minimum=0, maximum=50, value_required=False):
    required = ("Key", "Value") if value_required else ("Key",)
    return list_of(
        structure({"Key": string(1, 128, r"[\w\s.:/=+\-@]*"), "Value": string(0, 256, r"[\w\s.:/=+\-@]*")}, required),
        minimum,
        maximum,
    )


def tag_dict(listed):
    """{'owner': 'platform'} from [{'Key': 'owner', 'Value': 'platform'}]."""
    return {tag["Key"]: tag.get("Value", "") for tag in listed or []}


def tag_list(tagged):
    return [{"Key": key, "Value": value} for key, value in tagged.items()]
