"""Amazon SQS: standard queues, in the JSON protocol of today and the query protocol of Debian's boto3.

A message that is received is hidden for its visibility timeout and comes again unless it is deleted; one that has been
received often enough moves to the queue that the redrive policy names. Long polls really wait.
"""

import asyncio
import hashlib
import json
import random
import re
import secrets
import uuid
from xml.sax.saxutils import escape

from . import policy, shapes
from .clock import monotonic
from .errors import AwsError

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
VERSION = "2012-11-05"
BODY_MAX = 1024 * 1024
BATCH_MAX = 10
# The characters that XML 1.0 has, which is what a message may hold.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The query protocol has names of its own for some errors.
QUERY_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "MessageNotInflight": "AWS.SimpleQueueService.MessageNotInflight",
    "AccessDeniedException": "AccessDenied",
    "RequestThrottled": "RequestThrottled",
}
SETTABLE = {  # attribute: what it is if nobody says
    "DelaySeconds": "0",
    "MaximumMessageSize": str(BODY_MAX),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "Policy": "",
    "RedrivePolicy": "",
}


class Message:
    def __init__(self, body, visible_at):
        self.id = str(uuid.uuid4())
        self.body = body
        self.visible_at = visible_at  # monotonic
        self.receive_count = 0
        self.receipt = None  # the latest handle


class Queue:
    def __init__(self, account, region, name, attributes):
        self.account, self.region, self.name = account, region, name
        self.arn = f"arn:aws:sqs:{region}:{account}:{name}"
        self.url = f"https://sqs.{region}.amazonaws.com/{account}/{name}"
        self.attributes = {**SETTABLE, **attributes}
        self.messages = []
        self.receipts = set()  # all handles ever given out
        self.arrived = asyncio.Event()

    def put(self, body, delay=0.0):
        message = Message(body, monotonic() + delay)
        self.messages.append(message)
        self.wake()
        return message

    def wake(self):
        """Whoever waits looks again."""
        self.arrived.set()
        self.arrived = asyncio.Event()

    def visible(self):
        now = monotonic()
        return [message for message in self.messages if message.visible_at <= now]

    def next_visible(self):
        now = monotonic()
        return min((m.visible_at for m in self.messages if m.visible_at > now), default=None)


class Store:
    def __init__(self):
        self.queues = {}
        self.random = random.Random(0)

    def find(self, arn):
        return self.queues.get(arn)

    def by_url(self, url):
        """The queue of a URL, whatever its host: AWS looks at the path alone."""
        parts = url.split("/")
        return next((q for q in self.queues.values() if parts[-2:] == [q.account, q.name]), None)


def _queue(call, parameters, action):
    url = parameters["QueueUrl"]
    parts = url.split("/")
    if len(parts) < 2 or not re.fullmatch(r"\d{12}", parts[-2]):
        raise AwsError("InvalidAddress", "The address is not valid for this endpoint.")
    arn = f"arn:aws:sqs:{call.region}:{parts[-2]}:{parts[-1]}"
    call.authorize(f"sqs:{action}", arn)
    found = call.world.sqs.find(arn)
    if found is None or found.account != call.account:
        raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
    return found


def _check_attributes(world, attributes):
    for name, value in attributes.items():
        if name not in SETTABLE:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if name == "RedrivePolicy" and value:
            redrive = json.loads(value)
            if world.sqs.find(redrive["deadLetterTargetArn"]) is None or int(redrive["maxReceiveCount"]) < 1:
                raise AwsError("InvalidParameterValue", "Value for parameter RedrivePolicy is invalid.")
        if name == "Policy" and value and policy.problems(json.loads(value), resource=True):
            raise AwsError("InvalidAttributeValue", "Invalid value for the parameter Policy.")


def create_queue(call, parameters):
    name = parameters["QueueName"]
    arn = f"arn:aws:sqs:{call.region}:{call.account}:{name}"
    call.authorize("sqs:CreateQueue", arn)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
        raise AwsError("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores.")
    return {"QueueUrl": make_queue(call.world, call.account, call.region, name, parameters.get("Attributes", {})).url}


def make_queue(world, account, region, name, attributes):
    _check_attributes(world, attributes)
    made = Queue(account, region, name, attributes)
    found = world.sqs.queues.setdefault(made.arn, made)
    if found.attributes != made.attributes:
        raise AwsError("QueueNameExists", "A queue already exists with the same name and a different value.")
    return found


def get_queue_url(call, parameters):
    return {"QueueUrl": _queue(call, {"QueueUrl": f"/{call.account}/{parameters['QueueName']}"}, "GetQueueUrl").url}


def get_queue_attributes(call, parameters):
    queue = _queue(call, parameters, "GetQueueAttributes")
    visible = len(queue.visible())
    found = {name: value for name, value in queue.attributes.items() if value}
    found.update(
        QueueArn=queue.arn,
        ApproximateNumberOfMessages=str(visible),
        ApproximateNumberOfMessagesNotVisible=str(len(queue.messages) - visible),
    )
    wanted = parameters.get("AttributeNames", [])
    return {"Attributes": {key: value for key, value in found.items() if "All" in wanted or key in wanted}}


def set_queue_attributes(call, parameters):
    queue = _queue(call, parameters, "SetQueueAttributes")
    _check_attributes(call.world, parameters["Attributes"])
    queue.attributes.update(parameters["Attributes"])


def send_message(call, parameters):
    queue = _queue(call, parameters, "SendMessage")
    body = parameters["MessageBody"]
    if not body or FORBIDDEN.search(body):
        raise AwsError("InvalidMessageContents", "The message contains characters outside the allowed set.")
    if len(body.encode()) > int(queue.attributes["MaximumMessageSize"]):
        raise AwsError("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter.")
    message = queue.put(body, parameters.get("DelaySeconds", int(queue.attributes["DelaySeconds"])))
    return {"MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest(), "MessageId": message.id}


async def receive_message(call, parameters):
    queue = _queue(call, parameters, "ReceiveMessage")
    wait = parameters.get("WaitTimeSeconds", int(queue.attributes["ReceiveMessageWaitTimeSeconds"]))
    end = monotonic() + wait
    while call.connected():  # a message that nobody could be told of stays where it is
        found = _take(call.world, queue, parameters)
        if found:
            call.note(received=len(found))
            return {"Messages": found}
        left = end - monotonic()
        if left <= 0:
            break
        again = queue.next_visible()
        # A quarter of a second, since a client may have gone meanwhile.
        pause = min(left, 0.25, max(0.001, again - monotonic()) if again else left)
        try:
            await asyncio.wait_for(queue.arrived.wait(), pause)
        except asyncio.TimeoutError:
            pass
    return {}


def _take(world, queue, parameters):
    visible = queue.visible()
    world.sqs.random.shuffle(visible)  # a standard queue has no order
    redrive = json.loads(queue.attributes["RedrivePolicy"] or "{}")
    hidden = parameters.get("VisibilityTimeout", int(queue.attributes["VisibilityTimeout"]))
    found = []
    for message in visible:
        if redrive and message.receive_count >= int(redrive["maxReceiveCount"]):
            _bury(world, queue, message, redrive["deadLetterTargetArn"])
        elif len(found) < parameters.get("MaxNumberOfMessages", 1):
            found.append(_receive(queue, message, hidden, parameters))
    return found


def _bury(world, queue, message, arn):
    queue.messages.remove(message)
    message.receive_count, message.receipt, message.visible_at = 0, None, 0.0
    dead = world.sqs.find(arn)
    dead.messages.append(message)
    dead.wake()


def _receive(queue, message, hidden, parameters):
    message.receive_count += 1
    message.visible_at = monotonic() + hidden
    message.receipt = secrets.token_urlsafe(180)
    queue.receipts.add(message.receipt)
    shown = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": hashlib.md5(message.body.encode()).hexdigest(),
        "Body": message.body,
    }
    wanted = parameters.get("AttributeNames", []) + parameters.get("MessageSystemAttributeNames", [])
    if "All" in wanted or "ApproximateReceiveCount" in wanted:
        shown["Attributes"] = {"ApproximateReceiveCount": str(message.receive_count)}
    return shown


def _delete(queue, receipt):
    if receipt not in queue.receipts:
        raise AwsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.", 404)
    # An older handle than the latest is accepted and does nothing.
    queue.messages = [message for message in queue.messages if message.receipt != receipt]


def delete_message(call, parameters):
    _delete(_queue(call, parameters, "DeleteMessage"), parameters["ReceiptHandle"])


def delete_message_batch(call, parameters):
    queue = _queue(call, parameters, "DeleteMessage")
    entries = parameters["Entries"]
    ids = [entry["Id"] for entry in entries]
    if not entries:
        raise AwsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > BATCH_MAX:
        raise AwsError("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10.")
    if len(set(ids)) < len(ids):
        raise AwsError("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id.")
    if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,80}", id) for id in ids):
        raise AwsError("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, - and _.")
    result = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            if call.world.settings.deletes_refused:
                raise AwsError("InternalError", "We encountered an internal error.", 500)
            _delete(queue, entry["ReceiptHandle"])
            result["Successful"].append({"Id": entry["Id"]})
        except AwsError as error:
            result["Failed"].append(
                {"Id": entry["Id"], "SenderFault": error.status < 500, "Code": error.code, "Message": error.message}
            )
    return {key: value for key, value in result.items() if value}


def change_message_visibility(call, parameters):
    queue = _queue(call, parameters, "ChangeMessageVisibility")
    receipt = parameters["ReceiptHandle"]
    if receipt not in queue.receipts:
        raise AwsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.", 404)
    message = next((one for one in queue.messages if one.receipt == receipt), None)
    if message is None or message.visible_at <= monotonic():
        raise AwsError("MessageNotInflight", "The message referred to is not in flight.")
    message.visible_at = monotonic() + parameters["VisibilityTimeout"]
    queue.wake()


URL = {"QueueUrl": shapes.string()}
NAMES = shapes.list_of(shapes.string())
ATTRIBUTES = shapes.any_value()
ENTRY = shapes.structure({"Id": shapes.string(), "ReceiptHandle": shapes.string()}, ("Id", "ReceiptHandle"))


def _shape(required=(), **members):
    return shapes.structure(members, required)


OPERATIONS = {
    "CreateQueue": (_shape(("QueueName",), QueueName=shapes.string(), Attributes=ATTRIBUTES), create_queue),
    "GetQueueUrl": (_shape(("QueueName",), QueueName=shapes.string()), get_queue_url),
    "GetQueueAttributes": (_shape(("QueueUrl",), **URL, AttributeNames=NAMES), get_queue_attributes),
    "SetQueueAttributes": (_shape(("QueueUrl", "Attributes"), **URL, Attributes=ATTRIBUTES), set_queue_attributes),
    "SendMessage": (
        _shape(
            ("QueueUrl", "MessageBody"), **URL, MessageBody=shapes.string(), DelaySeconds=shapes.integer(0, 900)
        ),
        send_message,
    ),
    "ReceiveMessage": (
        _shape(
            ("QueueUrl",), **URL, AttributeNames=NAMES, MessageSystemAttributeNames=NAMES,
            MaxNumberOfMessages=shapes.integer(1, BATCH_MAX), WaitTimeSeconds=shapes.integer(0, 20),
            VisibilityTimeout=shapes.integer(0, 43200),
        ),
        receive_message,
    ),
    "DeleteMessage": (
        _shape(("QueueUrl", "ReceiptHandle"), **URL, ReceiptHandle=shapes.string()), delete_message
    ),
    "DeleteMessageBatch": (
        _shape(("QueueUrl", "Entries"), **URL, Entries=shapes.list_of(ENTRY)), delete_message_batch
    ),
    "ChangeMessageVisibility": (
        _shape(
            ("QueueUrl", "ReceiptHandle", "VisibilityTimeout"), **URL, ReceiptHandle=shapes.string(),
            VisibilityTimeout=shapes.integer(0, 43200),
        ),
        change_message_visibility,
    ),
}  # fmt: skip

# The query protocol: lists are numbered members of these names, maps numbered pairs.
LISTS = {"AttributeName": "AttributeNames", "MessageSystemAttributeName": "MessageSystemAttributeNames"}
ENTRIES = "DeleteMessageBatchRequestEntry"
NUMBERS = {"MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout", "DelaySeconds"}
ELEMENTS = {
    "Messages": "Message",
    "Successful": "DeleteMessageBatchResultEntry",
    "Failed": "BatchResultErrorEntry",
}


def read_query(form):
    """The parameters of a form as JSON would have brought them."""
    found = {}
    for name, value in form.items():
        first, *rest = name.split(".")
        if name in ("Action", "Version"):
            continue
        if first in LISTS:
            found.setdefault(LISTS[first], []).append(value)
        elif first == "Attribute" and rest[1] == "Name":
            found.setdefault("Attributes", {})[value] = form[f"Attribute.{rest[0]}.Value"]
        elif first == "Attribute":
            continue
        elif first == ENTRIES and rest[1] == "Id":
            entry = {"Id": value, "ReceiptHandle": form[f"{ENTRIES}.{rest[0]}.ReceiptHandle"]}
            found.setdefault("Entries", []).append(entry)
        elif first != ENTRIES:
            found[name] = int(value) if name in NUMBERS and value.isdigit() else value
    return found


def result_xml(operation, result, request_id):
    return (
        f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{_xml(result or {})}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )


def _xml(value):
    if not isinstance(value, dict):
        return escape(str(value).lower() if isinstance(value, bool) else str(value))
    text = ""
    for key, member in value.items():
        if key == "Attributes":
            text += "".join(
                f"<Attribute><Name>{name}</Name><Value>{escape(one)}</Value></Attribute>"
                for name, one in member.items()
            )
        elif isinstance(member, list):
            text += "".join(f"<{ELEMENTS[key]}>{_xml(one)}</{ELEMENTS[key]}>" for one in member)
        else:
            text += f"<{key}>{_xml(member)}</{key}>"
    return text
