"""DynamoDB's tables, which take their time, and what AWS refuses meanwhile."""

import time

from ..call import fault
from .registry import on
from .states import enter, passing

# (account, region, table) -> when its time to live was changed. AWS takes one change an hour.
CHANGED = {}
HOUR = 3600
ITEMS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")


def unknown(name):
    return fault("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


def going(call, name):
    """The description of a table that is being deleted, or None."""
    return passing(call, "table-going").get(name)


def there(call, name):
    return call.moto("dynamodb").tables.get(name)


def active(call, name):
    """Refuse what AWS refuses of a table that is not there, or busy."""
    if going(call, name):
        raise fault("ResourceInUseException", f"Attempt to change a resource which is still in use: Table is being deleted: {name}")
    if not there(call, name):
        raise unknown(name)
    if state := passing(call, "table", name):
        raise fault("ResourceInUseException", f"Attempt to change a resource which is still in use: Table is being {state.lower()}: {name}")


@on("dynamodb", "CreateTable")
def create_table(call):
    name = call.get("TableName")
    if going(call, name):
        raise fault("ResourceInUseException", f"Table already exists: {name}")
    answer = call.forward()
    enter(call, "table", name, "CREATING")
    CHANGED.pop((call.account, call.region, name), None)
    answer["TableDescription"]["TableStatus"] = passing(call, "table", name) or "ACTIVE"
    return answer


@on("dynamodb", "DescribeTable")
def describe_table(call):
    name = call.get("TableName")
    if shown := going(call, name):
        return {"Table": {**shown, "TableStatus": "DELETING"}}
    answer = call.forward()
    answer["Table"]["TableStatus"] = passing(call, "table", name) or answer["Table"]["TableStatus"]
    return answer


@on("dynamodb", "UpdateTable")
def update_table(call):
    name = call.get("TableName")
    active(call, name)
    answer = call.forward()
    enter(call, "table", name, "UPDATING")
    answer["TableDescription"]["TableStatus"] = passing(call, "table", name) or "ACTIVE"
    return answer


@on("dynamodb", "DeleteTable")
def delete_table(call):
    name = call.get("TableName")
    if shown := going(call, name):
        return {"TableDescription": {**shown, "TableStatus": "DELETING"}}
    active(call, name)
    if there(call, name).deletion_protection_enabled:
        raise fault("ValidationException", f"Resource cannot be deleted as it is currently protected against deletion. Table: {name}")
    shown = call.client("dynamodb").describe_table(TableName=name)["Table"]
    answer = call.forward()
    enter(call, "table-going", name, "DELETING", shown)
    answer["TableDescription"]["TableStatus"] = "DELETING"
    return answer


@on("dynamodb", "DescribeTimeToLive", "DescribeContinuousBackups")
def describe_part(call):
    name = call.get("TableName")
    if not there(call, name):
        # Of one of the two the model has another name for the same.
        code = "TableNotFoundException" if call.op == "DescribeContinuousBackups" else "ResourceNotFoundException"
        raise fault(code, f"Table not found: {name}")
    return call.forward()


@on("dynamodb", "UpdateTimeToLive")
def update_time_to_live(call):
    name, asked = call.get("TableName"), call.get("TimeToLiveSpecification")
    active(call, name)
    key, now = (call.account, call.region, name), time.monotonic()
    if now - CHANGED.get(key, -HOUR) < HOUR:
        raise fault("ValidationException", "Time to live has been modified multiple times within a fixed interval")
    is_on = there(call, name).ttl.get("TimeToLiveStatus") == "ENABLED"
    if is_on == asked["Enabled"]:
        raise fault("ValidationException", f"TimeToLive is already {'enabled' if is_on else 'disabled'}")
    answer = call.forward()
    CHANGED[key] = now
    return answer


@on("dynamodb", "UpdateContinuousBackups")
def update_continuous_backups(call):
    name = call.get("TableName")
    if not there(call, name):
        raise fault("TableNotFoundException", f"Table not found: {name}")
    if passing(call, "table", name):
        raise fault(
            "ContinuousBackupsUnavailableException",
            f"Backups are being enabled for the table: {name}. Please retry later",
        )
    return call.forward()


@on("dynamodb", "ListTagsOfResource")
def list_tags(call):
    """Of a table that is not active AWS knows no tags."""
    name = call.get("ResourceArn", "").split("table/")[-1]
    if not there(call, name) or passing(call, "table", name) == "CREATING":
        raise fault("ResourceNotFoundException", f"Requested resource not found: ResourceArn: {call.get('ResourceArn')} not found")
    return call.forward()


@on("dynamodb", "TagResource")
def tag_resource(call):
    """moto keeps the old value of a key beside the new one."""
    arn, tags = call.get("ResourceArn"), call.get("Tags", [])
    name = arn.split("table/")[-1]
    active(call, name)
    call.moto("dynamodb").untag_resource(arn, [tag["Key"] for tag in tags])
    return call.forward()


@on("dynamodb", *ITEMS)
def use_items(call):
    """A table takes no items before it is active."""
    name = call.get("TableName")
    if there(call, name) and passing(call, "table", name) == "CREATING":
        raise unknown(name)
    return call.forward()
