"""Pages of a listing, and the opaque tokens that lead from one to the next."""

import base64
import hashlib
import json

from .errors import AwsError


def page(items, token, size, query, settings, code="ValidationException"):
    """(items of this page, token of the next page or None).

    A token is good only for the query that it came from. Tests may cap pages below what was asked for and have empty
    ones in between: AWS promises neither full pages nor non-empty ones, only that the last page has no token.
    """
    digest = hashlib.sha256(json.dumps(query, sort_keys=True, default=str).encode()).hexdigest()[:16]
    start, skipped = _read(token, digest, code) if token else (0, False)
    if settings.empty_pages and not skipped and start < len(items):
        return [], _write(start, True, digest)
    if settings.page_cap:
        size = min(size, settings.page_cap)
    end = start + size
    following = _write(end, False, digest) if end < len(items) else None
    return items[start:end], following


def _write(position, skipped, digest):
    text = json.dumps({"position": position, "skipped": skipped, "query": digest, "padding": "=" * 40})
    return base64.b64encode(text.encode()).decode()


def _read(token, digest, code):
    try:
        found = json.loads(base64.b64decode(token, validate=True))
        if found["query"] != digest:
            raise ValueError("another query's")
        return int(found["position"]), found["skipped"]
    except (ValueError, KeyError, TypeError):
        raise AwsError(code, "The provided NextToken is invalid.") from None
