"""EC2 instances."""

import base64

from ..call import fault
from .registry import on
from .states import enter, passing


INSTANCE_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


def state(name):
    return {"Name": name, "Code": INSTANCE_CODES[name]}


def zone_of(call, ec2):
    """The zone that a launch asks for, by its subnet or by name."""
    interfaces = call.get("NetworkInterfaces") or [{}]
    subnet = call.get("SubnetId") or interfaces[0].get("SubnetId")
    for by_zone in list(ec2.subnets.values()):
        if subnet in by_zone:
            return by_zone[subnet].availability_zone
    return (call.get("Placement") or {}).get("AvailabilityZone")


def check_launch(call):
    ec2, image, kind = call.moto("ec2"), call.get("ImageId"), call.get("InstanceType")
    if len(call.get("UserData", "")) > 16384 * 4 // 3 + 4:
        raise fault("InvalidParameterValue", "User data is limited to 16384 bytes")
    if image and image not in ec2.amis:
        raise fault("InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist")
    if kind and not ec2.describe_instance_type_offerings(filters={"instance-type": [kind]}):
        raise fault("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
    zone = zone_of(call, ec2)
    offers = ec2.describe_instance_type_offerings("availability-zone", {"instance-type": [kind]}) if kind else []
    zones = sorted(offer["Location"] for offer in offers)
    if zone and zones and zone not in zones:
        raise fault(
            "Unsupported",
            f"Your requested instance type ({kind}) is not supported in your requested Availability Zone ({zone}). "
            f"Please retry your request by not specifying an Availability Zone or choosing {', '.join(zones)}.",
        )
    if image and kind:
        has = ec2.amis[image].architecture
        able = ec2.describe_instance_types([kind])[0]["ProcessorInfo"]["SupportedArchitectures"]
        if has and has not in able:
            raise fault(
                "InvalidParameterValue",
                f"The architecture '{','.join(able)}' of the specified instance type does not match the architecture "
                f"'{has}' of the specified AMI. Specify an instance type and an AMI that have matching architectures.",
            )
    if call.get("KeyName") and call.get("KeyName") not in ec2.key_pairs:
        raise fault("InvalidKeyPair.NotFound", f"The key pair '{call.get('KeyName')}' does not exist")
    profile = call.get("IamInstanceProfile", {})
    names = {p.name for p in list(call.moto("iam", "aws").instance_profiles.values())} if profile else set()
    name = profile.get("Name") or (profile.get("Arn") or "").split("/")[-1]
    if profile and name not in names:
        raise fault(
            "InvalidParameterValue",
            f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        )


@on("ec2", "RunInstances")
def run_instances(call):
    check_launch(call)
    ec2, answer = call.moto("ec2"), call.forward()
    tags = {
        t["Key"]: t.get("Value", "")
        for s in call.get("TagSpecifications", [])
        if s["ResourceType"] == "network-interface"
        for t in s["Tags"]
    }
    for i in answer.get("Instances", []):
        if tags:  # moto leaves these out
            ec2.create_tags([e.id for e in list(ec2.enis.values()) if holds(i["InstanceId"], e)], tags)
        i["SecurityGroups"] = adopt_groups(ec2.get_instance(i["InstanceId"]), i)
        enter(call, "instance", i["InstanceId"], "pending")
        i["State"] = state("pending")
    return answer


def adopt_groups(instance, shown):
    """moto keeps the groups of a network interface made with its instance from the instance itself"""
    primary = instance.nics.get(0)
    if instance.security_groups or not primary:
        return shown.get("SecurityGroups", [])
    instance.security_groups, primary._group_set = list(primary._group_set), []
    return [{"GroupId": g.id, "GroupName": g.name} for g in instance.security_groups]


def holds(instance, eni):
    return bool(eni.instance) and eni.instance.id == instance


@on("ec2", "DescribeInstances")
def describe_instances(call):
    # moto lacks the client-token filter; the passing states are known only here
    here = [f for f in call.get("Filters", []) if f["Name"] in ("client-token", "instance-state-name")]
    answer = call.forward({**call.request, "Filters": [f for f in call.get("Filters", []) if f not in here]})

    associations = call.moto("ec2").iam_instance_profile_associations

    def keep(i):
        # moto shows the association's id, where AWS shows the id of the profile that was associated: one that is made
        # anew under the same name is another
        association = associations.get(i["InstanceId"])
        if association and i.get("IamInstanceProfile"):
            i["IamInstanceProfile"]["Id"] = association.iam_instance_profile.id
        i["State"] = state(passing(call, "instance", i["InstanceId"]) or i["State"]["Name"])
        value = {"client-token": i.get("ClientToken"), "instance-state-name": i["State"]["Name"]}
        return all(value[f["Name"]] in f["Values"] for f in here)

    for r in answer.get("Reservations", []):
        r["Instances"] = [i for i in r.get("Instances", []) if keep(i)]
    answer["Reservations"] = [r for r in answer.get("Reservations", []) if r["Instances"]]
    return answer


@on("ec2", "TerminateInstances", "StopInstances", "StartInstances")
def change_instances(call):
    ec2 = call.moto("ec2")
    field, passing_state = {
        "TerminateInstances": ("TerminatingInstances", "shutting-down"),
        "StopInstances": ("StoppingInstances", "stopping"),
        "StartInstances": ("StartingInstances", "pending"),
    }[call.op]
    instances = [i for i in (ec2.get_instance(n) for n in call.get("InstanceIds", []))]
    before = {i.id: passing(call, "instance", i.id) or i._state.name for i in instances}
    answer = call.forward()
    for change in answer.get(field, []):
        name = change["InstanceId"]
        change["PreviousState"] = state(before[name])
        if before[name] in ("terminated", "shutting-down"):
            continue
        change["CurrentState"] = state(passing_state)
        extra = None
        if call.op == "TerminateInstances":
            # moto keeps the network interfaces of a terminated instance
            mine = [e for e in list(ec2.enis.values()) if holds(name, e)]
            extra = {
                "subnets": {e.subnet.id for e in mine},
                "groups": {g.id for e in mine for g in e.group_set},
                "vpc": next((e.subnet.vpc_id for e in mine if e.public_ip), None),
            }
            for e in mine:
                ec2.enis.pop(e.id, None)
        enter(call, "instance", name, passing_state, extra)
    return answer


def user_data(instance):
    """What an instance was launched with; moto keeps it as text, as bytes or in a class of its own."""
    data = instance.user_data or b""
    return base64.b64decode(data.as_bytes() if hasattr(data, "as_bytes") else data)


@on("ec2", "ModifyInstanceAttribute")
def modify_instance_attribute(call):
    ec2 = call.moto("ec2")
    instance = ec2.get_instance(call.get("InstanceId"))
    stopped = instance._state.name == "stopped" and not passing(call, "instance", instance.id)
    if (call.get("InstanceType") or call.get("UserData")) and not stopped:
        raise fault("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    if call.get("UserData"):  # moto decodes this once too often
        value = call.get("UserData").get("Value", b"")
        instance.user_data = base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        return {}
    return call.forward()


@on("ec2", "ModifyInstanceMetadataOptions")
def modify_instance_metadata_options(call):
    # moto needs every option each time; AWS keeps what is not given
    old = call.moto("ec2").get_instance(call.get("InstanceId")).metadata_options
    now = (
        {
            "HttpTokens": old.http_tokens,
            "HttpPutResponseHopLimit": int(old.http_put_response_hop_limit or 1),
            "HttpEndpoint": old.http_endpoint,
        }
        if old
        else {}
    )
    return call.forward({**{k: v for k, v in now.items() if v is not None}, **call.request})
