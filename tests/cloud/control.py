"""What tests may order and ask, beside the AWS interfaces: POST /NAME with a JSON object of arguments.

Each public method of Control is one name. An error is answered with HTTP 400 and {"error": sentence}.
"""

import asyncio
import base64
import inspect
import json

from aiohttp import web

from . import acm, acm_issue, acm_query, events, pki, policy, sqs, sts
from .acm_store import Certificate, Version
from .clock import monotonic
from .errors import AwsError
from .iam import EVERYTHING, MANAGED, ORGANIZATION, check_trust

DAY = 86400


class Control:
    def __init__(self, host):
        self.host = host  # has .world, .open_tls(flaw), .options

    @property
    def world(self):
        return self.host.world

    async def handle(self, request):
        name = request.path.strip("/")
        method = None if name.startswith("_") or name == "handle" else getattr(self, name, None)
        if not inspect.ismethod(method):
            return web.json_response({"error": f"no control {name!r}"}, status=404)
        try:
            arguments = json.loads(await request.read() or b"{}")
            inspect.signature(method).bind(**arguments)
            result = method(**arguments)
            if asyncio.iscoroutine(result):
                result = await result
        except (ValueError, KeyError, TypeError, LookupError, AwsError) as error:
            return web.json_response({"error": f"{name}: {type(error).__name__}: {error}"}, status=400)
        return web.json_response({"result": result})

    # The cloud as a whole

    def reset(self):
        """Everything as at start, with new access keys: the same process can serve one test after another."""
        self.host.new_world()

    def settings(self, **values):
        self.world.settings.set(**values)
        return dict(self.world.settings.__dict__)

    def skew(self, seconds):
        """Set the cloud's clock off by so much; signatures and the Date header follow it."""
        self.world.clock.offset = float(seconds)

    def advance(self, days=0, seconds=0):
        """Let time pass at the cloud; managed renewal does its work. Answers the ARNs that were renewed."""
        end = self.world.clock.now() + days * DAY + seconds
        renewed = acm_issue.pass_time(self.world, end)
        self.world.clock.offset += days * DAY + seconds
        return renewed

    def now(self):
        return self.world.clock.now()

    def quotas(self, enabled=None, rates=None):
        self.world.quotas.set(enabled, rates)

    # Accounts and who may what

    def accounts(self):
        return {
            id: {
                "users": {name: keys.as_dict() for name, keys in account.users.items()},
                "roles": {name: role.arn for name, role in account.roles.items()},
            }
            for id, account in self.world.iam.accounts.items()
        }

    def add_account(self, account, organization=ORGANIZATION):
        """organization: None for an account that is in none."""
        self.world.iam.add_destination(account, organization)

    def add_user(self, account, name, policies=None):
        return self.world.iam.add_user(account, name, _checked(policies or {})).as_dict()

    def add_role(self, account, name, trust, policies=None):
        _check(trust, trust=True)
        return self.world.iam.add_role(account, name, trust, _checked(policies or {"everything": EVERYTHING})).arn

    def remove_role(self, arn):
        role = self._role(arn)
        del self.world.iam.accounts[role.account].roles[role.name]

    def put_policy(self, arn, name, document):
        """Attach or replace a policy of a user or role; its open sessions have it at once."""
        _check(document)
        self.world.iam.put_policy(arn, name, document)

    def attach_policy(self, arn, name, document):
        """The same with a managed policy of this name, which the account makes for it."""
        _check(document)
        self.world.iam.put_policy(arn, MANAGED + name, document)

    def remove_policy(self, arn, name):
        del self.world.iam.policies(arn)[name]

    def put_trust(self, arn, document):
        _check(document, trust=True)
        check_trust(document)
        self._role(arn).trust = document

    def shipped_policy(self, name, account=None):
        """A file of conf/iam with this cloud's accounts in it."""
        return self.world.iam.load(name, account)

    def session(self, role_arn, name="test", seconds=3600, service=None):
        """Keys of a role, whatever its trust policy says; or as a service takes it, which that policy has to admit."""
        role = self._role(role_arn)
        if service and not sts.trusts_service(role, service):
            sts.note_denial(self.world, role, service)
            raise AwsError("AccessDenied", f"{service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}")
        return self.world.iam.open_session(role, name, seconds).as_dict()

    def identity_token(self, provider, subject, seconds=3600):
        """A web identity token, for roles that trust oidc-provider/PROVIDER in their account."""
        return self.world.iam.issue_identity_token(provider, subject, seconds)

    def expire_sessions(self, after=0):
        """End all open sessions: at once, or each after so many more requests."""
        self.world.iam.expire_sessions(after)

    def session_seconds(self, seconds=None):
        """No session lives longer than this from now on, whatever is asked for; None ends that."""
        self.world.iam.session_seconds = seconds

    def revoke_keys(self, access_key):
        del self.world.iam.keys[access_key]

    def _role(self, arn):
        role = self.world.iam.role(arn)
        if role is None:
            raise KeyError(f"no role {arn}")
        return role

    # Certificates

    def authority(self, account=None, region="eu-west-1", algorithm="EC_prime256v1", name="Example"):
        """A private root and an issuing authority under it, ready for ACM; answers the issuing one's ARN."""
        return self.world.pca.make_hierarchy(self.world, account or self.world.iam.source, region, algorithm, name).arn

    async def issue(
        self, names, ca_arn=None, account=None, region="eu-west-1", algorithm=None, days=None, days_ago=0, tags=None,
        eku=None, exported=False, in_use_by=(), export_option="ENABLED", count=1, **origin,
    ):  # fmt: skip
        """An issued certificate, as RequestCertificate leaves it: private with ca_arn, exportable public without.

        days_ago dates its issue back. With count, that many; "{n}" in the names is replaced by their number. origin:
        root_hierarchy of an Amazon N2 one, key_pair_origin "ACME", managed_by "CLOUDFRONT".
        """
        made = []
        for number in range(count):
            made.append(
                self._issue(
                    [name.replace("{n}", str(number)) for name in names], ca_arn, account or self.world.iam.source,
                    region, algorithm, days, days_ago, dict(tags or {}), eku, exported, in_use_by, export_option,
                    origin,
                )  # fmt: skip
            )
            await asyncio.sleep(0)  # requests go on being answered meanwhile
        return made[0] if count == 1 else made

    def _issue(
        self, names, ca_arn, account, region, algorithm, days, days_ago, tags, eku, exported, in_use_by, export_option,
        origin,
    ):  # fmt: skip
        authority = self.world.pca.find(ca_arn) if ca_arn else None
        if ca_arn and authority is None:
            raise KeyError(f"no certificate authority {ca_arn}")
        if algorithm is None:
            algorithm = "RSA_2048" if authority and pki.family(authority.algorithm) == "RSA" else "EC_prime256v1"
        when = self.world.clock.now() - days_ago * DAY
        c = Certificate(
            account, region, "PRIVATE" if ca_arn else "AMAZON_ISSUED", when, names=names, requested_algorithm=algorithm,
            ca_arn=ca_arn, tags=tags, exported=exported, exported_since=exported, in_use_by=list(in_use_by),
            export_option="ENABLED" if ca_arn else export_option, validation_method=None if ca_arn else "DNS",
            **check_origin(**origin),
        )  # fmt: skip
        if eku is not None:
            c.eku = eku
        acm_issue.issue(self.world, c, when, days)
        if c.status == "FAILED":
            raise ValueError(f"not issued: {c.failure_reason}")
        if c.version.not_after <= self.world.clock.now():
            c.status = "EXPIRED"
        self.world.acm.add(c)
        self.world.tagging.changed(c.arn, {})
        return view(c)

    def renew(self, arn, force=False, days=None, names=None, eku=None, ca_arn=None, algorithm=None):
        """Managed renewal of one certificate, now. force renews what is not eligible, as an emergency renewal does; the
        other arguments make the new version differ. Answers the certificate with "renewed" and, where not, "reason"."""
        c = self._certificate(arn)
        before = c.names, c.eku, c.ca_arn, c.requested_algorithm
        c.names, c.eku = list(names or c.names), c.eku if eku is None else eku
        c.ca_arn, c.requested_algorithm = ca_arn or c.ca_arn, algorithm or c.requested_algorithm
        reason = acm_issue.renew(self.world, c, force=force, days=days)
        if reason is not None:
            c.names, c.eku, c.ca_arn, c.requested_algorithm = before
        return {**view(c), "renewed": reason is None, "reason": reason}

    async def renew_all(self, account=None, region=None, force=False, days=None):
        """renew for every certificate of a place that AWS manages; answers the ARNs that were renewed."""
        renewed = []
        for c in self.world.acm.all():
            here = (account or c.account, region or c.region) == (c.account, c.region)
            if c.managed and not c.deleted and here and acm_issue.renew(self.world, c, force=force, days=days) is None:
                renewed.append(c.arn)
                await asyncio.sleep(0)
        return renewed

    def refuse_exports(self, arn, calls=0, seconds=0):
        acm_issue.refuse_exports(self._certificate(arn), calls, seconds)

    def in_use(self, arn, by):
        c = self._certificate(arn)
        c.in_use_by = list(by)
        self.world.acm.changed(c)

    def mark(self, arn, status=None, renewal_status=None, renewal_reason=None, failure_reason=None):
        """Put a certificate into a state that would take days to come about."""
        c, now = self._certificate(arn), self.world.clock.now()
        if status is not None:
            if status not in acm_query.STATUSES:
                raise ValueError(f"status {status!r}")
            c.status, c.failure_reason = status, failure_reason
            c.revoked_at = now if status == "REVOKED" else None
            c.revocation_reason = "UNSPECIFIED" if status == "REVOKED" else None
            if status == "PENDING_VALIDATION":
                c.version = None
        if renewal_status is not None:
            c.renewal = {"status": renewal_status, "reason": renewal_reason, "updated": now}
        self.world.acm.changed(c)
        if status in ("EXPIRED", "REVOKED"):
            events.ended(self.world, c, status)
        return view(c)

    async def import_by_hand(
        self, account, names, region="eu-west-1", algorithm="EC_prime256v1", days=90, days_ago=1, tags=None,
        in_use_by=(), eku=("serverAuth",), ku=("digitalSignature", "keyEncipherment"), count=1,
    ):  # fmt: skip
        """A self-signed import that somebody made long before; count and "{n}" as with issue."""
        made = []
        for number in range(count):
            each = [name.replace("{n}", str(number)) for name in names]
            begin = self.world.clock.now() - days_ago * DAY
            key = self.world.keys.make(algorithm)
            leaf = pki.issue(
                key.public_key(), pki.name(each[0]), begin, begin + days * DAY, key=key, sans=each, eku=eku, ku=ku
            )  # fmt: skip
            c = acm.place_import(self.world, account, region, Version(leaf, [], key), tags or {})
            c.created_at = c.imported_at = begin
            c.in_use_by = list(in_use_by)
            if c.version.not_after <= self.world.clock.now():
                c.status = "EXPIRED"
            self.world.acm.changed(c)
            made.append(view(c))
            await asyncio.sleep(0)
        return made[0] if count == 1 else made

    def delete_certificate(self, arn):
        """Gone, in use or not."""
        acm.remove(self.world, self._certificate(arn))

    def certificate(self, arn):
        """The truth about one certificate, its PEMs included, whatever reads lag."""
        return view(self._certificate(arn), full=True)

    def certificates(self, account=None, region=None):
        return [
            view(c)
            for c in self.world.acm.all()
            if not c.deleted and (account or c.account, region or c.region) == (c.account, c.region)
        ]

    def _certificate(self, arn):
        found = self.world.acm.find(arn)
        if found is None:
            raise KeyError(f"no certificate {arn}")
        return found

    # Secrets

    def secrets(self, account=None, region=None):
        """All secrets of a place with their versions' values."""
        return [
            view_secret(s)
            for s in self.world.secrets.all()
            if (account or s.account, region or s.region) == (s.account, s.region)
        ]

    def mark_secret(self, account, region, name, owning_service=None, rotated=None):
        secret = self.world.secrets.place(account, region)[name]
        secret.owning_service = owning_service
        secret.rotated = bool(rotated)

    def add_kms_key(self, account, region, alias):
        """A customer managed key, e.g. alias/tls; answers its ARN."""
        return self.world.secrets.add_key(account, region, alias)

    # Queues and events

    def event_queue(self, region="eu-west-1", receives=5, permit=True):
        """What conf/iam/README.md tells users to make: queue, dead-letter queue, rule; answers the two URLs.

        The policies and the pattern are the shipped files. permit gives the host's user the permission to receive.
        """
        world, account = self.world, self.world.iam.source
        dead = sqs.make_queue(world, account, region, "certferry-dead", {})
        redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": receives}
        attributes = {
            "Policy": json.dumps(world.iam.load("events-queue.json")),
            "RedrivePolicy": json.dumps(redrive),
        }
        queue = sqs.make_queue(world, account, region, "certferry", attributes)
        pattern = json.loads((world.iam.directory / "events-rule.json").read_text())
        world.bus.put_rule(account, region, "certferry", pattern, queue.arn)
        if permit:
            world.iam.put_policy(world.iam.host.identity.arn, "events", world.iam.load("events-host.json"))
        return {"queue": queue.url, "dead": dead.url}

    def event_rule(self, account, region, name, pattern, queue):
        """A rule with a queue (its URL) as target; answers its ARN."""
        return self.world.bus.put_rule(account, region, name, pattern, self._queue(queue).arn).arn

    def event(self, arn, detail_type="ACM Certificate Available", detail=None):
        """An event about a certificate, whether anything happened to it or not; answers it."""
        c = self._certificate(arn)
        return events.emit(self.world, c, detail_type, detail) if detail else events.available(self.world, c, "RENEWAL")

    def events_failed(self):
        """What rules could not deliver."""
        return self.world.bus.failed

    def queue(self, url):
        """The truth about the messages of a queue."""
        now = monotonic()
        return [
            {"id": m.id, "body": m.body, "received": m.receive_count, "in_flight": m.visible_at > now}
            for m in self._queue(url).messages
        ]

    def release_messages(self, url):
        """The visibility timeout of all messages in flight has passed."""
        queue = self._queue(url)
        for message in queue.messages:
            message.visible_at = min(message.visible_at, monotonic())
        queue.wake()

    def _queue(self, url):
        found = self.world.sqs.by_url(url)
        if found is None:
            raise KeyError(f"no queue {url}")
        return found

    # What goes wrong, and what was seen

    def fault(self, **order):
        return self.world.faults.add(**order)

    def faults(self):
        return self.world.faults.rules

    def clear_faults(self, id=None):
        self.world.faults.clear(id)

    async def tls_endpoint(self, flaw):
        """The URL of a further listener whose certificate is untrusted, expired or for another name ("wrong-name")."""
        return await self.host.open_tls(flaw)

    def journal(self, since=0, **members):
        return self.world.journal.select(since, **members)

    def journal_counts(self, since=0):
        return self.world.journal.counts(since)

    def journal_position(self):
        return self.world.journal.sequence

    def clear_journal(self):
        self.world.journal.clear()


def _check(document, trust=False):
    found = policy.problems(document, trust)
    if found:
        raise ValueError("; ".join(found))


def _checked(policies):
    for document in policies.values():
        _check(document)
    return policies


def check_origin(root_hierarchy=None, key_pair_origin="AWS_MANAGED", managed_by=None):
    if root_hierarchy not in (None, *acm_query.ROOT_HIERARCHIES) or key_pair_origin not in acm_query.KEY_PAIR_ORIGINS:
        raise ValueError(f"no certificate comes from {root_hierarchy}, {key_pair_origin}")
    return {"root_hierarchy": root_hierarchy, "key_pair_origin": key_pair_origin, "managed_by": managed_by}


def view(c, full=False):
    shown = {
        "arn": c.arn,
        "account": c.account,
        "region": c.region,
        "type": c.type,
        "status": c.status,
        "domain": c.domain,
        "names": c.names,
        "tags": c.tags,
        "in_use_by": c.in_use_by,
        "exported": c.exported,
        "exported_since": c.exported_since,
        "eligible": c.eligible,
        "created_at": c.created_at,
        "imported_at": c.imported_at,
        "renewal": c.renewal,
    }
    if c.version:
        v = c.version
        shown.update(serial=v.serial, fingerprint=v.fingerprint, not_before=v.not_before, not_after=v.not_after)
        shown.update(algorithm=v.algorithm)
        if full:
            shown.update(certificate=v.leaf_pem, chain=v.chain_pem, private_key=pki.key_pem(v.key))
    return shown


def view_secret(s):
    return {
        "arn": s.arn,
        "account": s.account,
        "region": s.region,
        "name": s.name,
        "tags": s.tags,
        "kms_key": s.kms_key,
        "deleted_at": s.deleted_at,
        "versions": {v.id: {"stages": sorted(v.stages), "value": _text(v.content[1])} for v in s.versions.values()},
    }


def _text(value):
    return value if isinstance(value, str) else base64.b64encode(value).decode()
