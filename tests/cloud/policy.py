"""IAM policy documents: are they well formed, and what do they decide."""

import functools
import re

OPERATORS = (
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Bool", "Null", "NumericEquals",
    "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
)  # fmt: skip
MEMBERS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
VARIABLE = re.compile(r"\$\{([^}]+)\}")

ALLOW, DENY, SILENT = "allow", "deny", "silent"


def as_list(value):
    return value if isinstance(value, list) else [value]


def problems(document, trust=False, resource=False):
    """What IAM would refuse in a policy document; an empty list when it is fine."""
    if not isinstance(document, dict):
        return ["not an object"]
    found = []
    if document.get("Version") not in ("2012-10-17", "2008-10-17"):
        found.append("Version is not 2012-10-17")
    statements = as_list(document.get("Statement", []))
    if not statements:
        found.append("no Statement")
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(sids) != len(set(sids)):
        found.append("Sid used twice")
    for index, statement in enumerate(statements):
        found.extend(
            f"statement {statement.get('Sid', index)}: {text}" for text in _statement_problems(statement, trust, resource)
        )
    return found


def _statement_problems(statement, trust, resource):
    for member in statement.keys() - MEMBERS:
        yield f"unknown member {member}"
    if "Sid" in statement and not re.fullmatch(r"[A-Za-z0-9]*", statement["Sid"]):
        yield "Sid may hold letters and digits only"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "Effect is neither Allow nor Deny"
    if ("Action" in statement) == ("NotAction" in statement):
        yield "needs Action or NotAction"
    for action in as_list(statement.get("Action", [])) + as_list(statement.get("NotAction", [])):
        if action != "*" and not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9*?]+", action):
            yield f"action {action!r} is not SERVICE:ACTION"
    if trust:
        if "Principal" not in statement:
            yield "a trust policy needs Principal"
        if "Resource" in statement or "NotResource" in statement:
            yield "a trust policy has no Resource"
    else:
        if resource and "Principal" not in statement:
            yield "a resource's policy needs Principal"
        if not resource and "Principal" in statement:
            yield "an identity's policy has no Principal"
        if ("Resource" in statement) == ("NotResource" in statement):
            yield "needs Resource or NotResource"
    for resource in as_list(statement.get("Resource", [])) + as_list(statement.get("NotResource", [])):
        if resource != "*" and not re.fullmatch(r"arn:[\w*-]+:[\w*-]+:[\w*-]*:[\d*]*:.+", resource):
            yield f"resource {resource!r} is not an ARN"
    for name in statement.get("Condition", {}):
        if _operator(name)[1] not in OPERATORS:
            yield f"unknown condition operator {name}"


def decide(documents, action, resource, context):
    """ALLOW, DENY (a Deny statement applies) or SILENT. Context keys are lower case; values strings or lists."""
    answer = SILENT
    for document in documents:
        for statement in as_list(document["Statement"]):
            if not _covers(statement, action, resource, context):
                continue
            if statement["Effect"] == "Deny":
                return DENY
            answer = ALLOW
    return answer


def _covers(statement, action, resource, context):
    return (
        _matches_action(statement, action)
        and _matches_resource(statement, resource, context)
        and holds(statement.get("Condition", {}), context)
    )


def _matches_action(statement, action):
    negated = "NotAction" in statement
    listed = as_list(statement["NotAction"] if negated else statement["Action"])
    return any(like(pattern.lower(), action.lower()) for pattern in listed) != negated


def _matches_resource(statement, resource, context):
    if "Resource" not in statement and "NotResource" not in statement:
        return True  # a trust policy: the role itself is meant
    negated = "NotResource" in statement
    listed = as_list(statement["NotResource"] if negated else statement["Resource"])
    return any(like(substitute(pattern, context), resource) for pattern in listed) != negated


def substitute(pattern, context):
    """Policy variables such as ${aws:PrincipalTag/team}; an unknown one matches nothing."""

    def value(match):
        found = context.get(match.group(1).lower(), "\0")
        return found if isinstance(found, str) else "\0"

    return VARIABLE.sub(value, pattern) if "${" in pattern else pattern


@functools.lru_cache(maxsize=4096)
def _expression(pattern):
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)


def like(pattern, value):
    return _expression(pattern).fullmatch(value) is not None


def _operator(name):
    """('forallvalues' | 'foranyvalue' | '', operator, if_exists) of a name such as ForAllValues:StringLikeIfExists."""
    quantifier, _, rest = name.rpartition(":")
    if_exists = rest.endswith("IfExists")
    return quantifier.lower(), rest.removesuffix("IfExists"), if_exists


def holds(conditions, context):
    return all(
        _holds_one(
            *_operator(name), context.get(key.lower()), [substitute(str(value), context) for value in as_list(wanted)]
        )
        for name, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds_one(quantifier, operator, if_exists, present, wanted):
    if operator == "Null":
        return (present is None) == (wanted[0].lower() == "true")
    negated = "Not" in operator
    if present is None:
        return if_exists or negated or quantifier == "forallvalues"
    values = present if isinstance(present, list) else [present]
    test = functools.partial(_compare, operator.replace("Not", ""), wanted=wanted)
    if quantifier == "forallvalues":
        return all(test(value) != negated for value in values)
    if quantifier == "foranyvalue":
        return any(test(value) != negated for value in values)
    return any(test(value) for value in values) != negated


def _compare(operator, value, wanted):
    value = str(value)
    if operator == "StringEquals":
        return value in wanted
    if operator == "StringEqualsIgnoreCase":
        return value.lower() in [want.lower() for want in wanted]
    if operator == "StringLike":
        return any(like(want, value) for want in wanted)
    if operator in ("ArnLike", "ArnEquals"):
        return any(_arn_like(want, value) for want in wanted)
    if operator == "Bool":
        return value.lower() in [want.lower() for want in wanted]
    if operator.startswith("Numeric"):
        return any(_numeric(operator, float(value), float(want)) for want in wanted)
    raise ValueError(operator)


def _arn_like(pattern, arn):
    """A wildcard in an ARN reaches as far as its colon-separated part, and no further."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(like, patterns, parts))


def _numeric(operator, value, want):
    return {
        "NumericEquals": value == want,
        "NumericLessThan": value < want,
        "NumericLessThanEquals": value <= want,
        "NumericGreaterThan": value > want,
        "NumericGreaterThanEquals": value >= want,
    }[operator]
