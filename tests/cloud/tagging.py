"""The Resource Groups Tagging API: what is tagged, as it was some time ago."""

from .clock import monotonic
from .paging import page
from .shapes import integer, list_of, string, structure, tag_list


class Index:
    """What GetResources believes. Behind the truth by a time or a number of calls, when a test sets a lag."""

    def __init__(self, world):
        self.world = world
        self.behind = {}  # {ARN: {"until", "calls", "tags": what was true before}}
        self.ghosts = {}  # {ARN: (until, account, region, tags)}: deleted, but still listed

    def changed(self, arn, before):
        """To be called when tags change, with those that were there before ({} for a new resource)."""
        settings = self.world.settings
        if not (settings.tag_lag_seconds or settings.tag_lag_calls):
            return
        known = self.behind[arn]["tags"] if arn in self.behind else dict(before)
        until = monotonic() + settings.tag_lag_seconds
        self.behind[arn] = {"until": until, "calls": settings.tag_lag_calls, "tags": known}

    def gone(self, arn, tags):
        seconds = self.world.settings.tag_ghost_seconds
        if seconds:
            region, account = arn.split(":")[3:5]
            self.ghosts[arn] = (monotonic() + seconds, account, region, dict(tags))

    def listing(self, account, region):
        """[(ARN, tags)] as a call sees them now; each call brings the lagging ones nearer."""
        own = [c for c in self.world.acm.place(account, region).values() if not c.deleted]
        own += [s for s in self.world.secrets.place(account, region).values() if not s.deleted_at]
        found = [(resource.arn, self._seen(resource)) for resource in own]
        now = monotonic()
        found += [
            (arn, tags)
            for arn, (until, a, r, tags) in self.ghosts.items()
            if (a, r) == (account, region) and now < until
        ]
        return [(arn, tags) for arn, tags in found if tags]

    def _seen(self, resource):
        lag = self.behind.get(resource.arn)
        if lag is None:
            return resource.tags
        if monotonic() >= lag["until"] and lag["calls"] <= 0:
            del self.behind[resource.arn]
            return resource.tags
        lag["calls"] -= 1
        return lag["tags"]


def resource_type(arn):
    """acm:certificate of arn:aws:acm:eu-west-1:111111111111:certificate/..."""
    _, _, service, _, _, rest = arn.split(":", 5)
    return f"{service}:{rest.replace(':', '/').partition('/')[0]}"


def get_resources(call, p):
    call.authorize("tag:GetResources", "*")
    kinds = p.get("ResourceTypeFilters")
    found = [
        (arn, tags)
        for arn, tags in call.world.tagging.listing(call.account, call.region)
        if _of_kind(arn, kinds) and all(_matches(tags, wanted) for wanted in p.get("TagFilters", []))
    ]
    query = [p.get("TagFilters"), kinds]
    size = p.get("ResourcesPerPage", 50)
    shown, token = page(found, p.get("PaginationToken"), size, query, call.world.settings, "InvalidParameterException")
    return {
        "PaginationToken": token or "",
        "ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tag_list(tags)} for arn, tags in shown],
    }


def _of_kind(arn, kinds):
    kind = resource_type(arn)
    return not kinds or any(wanted in (kind, kind.partition(":")[0]) for wanted in kinds)


def _matches(tags, wanted):
    if wanted.get("Key") not in tags:
        return False
    return not wanted.get("Values") or tags[wanted["Key"]] in wanted["Values"]


OPERATIONS = {
    "GetResources": (
        structure(
            {
                "TagFilters": list_of(
                    structure({"Key": string(1, 128), "Values": list_of(string(0, 256), 0, 20)}), 0, 50
                ),
                "ResourceTypeFilters": list_of(string(0, 256)),
                "ResourcesPerPage": integer(1, 100),
                "PaginationToken": string(0, 2048),
            }
        ),
        get_resources,
    )
}
