"""EC2 and VPC."""

import base64
import ipaddress
import re

from .registry import match, rule, walk, within

GROUP_TEXT = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}"
IDS = {"VpcId": "vpc", "SubnetId": "subnet", "InternetGatewayId": "igw", "NatGatewayId": "nat", "RouteTableId": "rtb",
       "AllocationId": "eipalloc", "GroupId": "sg", "InstanceId": "i", "ImageId": "ami", "GatewayId": "igw",
       "AssociationId": "rtbassoc"}


@rule("ec2")
def ec2_ids(request, params, world):
    for path, value in walk(params):
        name = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]
        for one, prefix in IDS.items():
            if isinstance(value, str) and name in (one, one + "s") and not re.fullmatch(rf"{prefix}-[0-9a-f]{{8,17}}", value):
                if not (name == "AssociationId" and value.startswith(("eipassoc-", "iip-assoc-"))):
                    request.problem(path, "id-form", f"{value!r} is no {prefix}-… id", "D:resource ids")


@rule("ec2", "Describe*")
def ec2_describe(request, params, world):
    for i, one in enumerate(params.get("Filters") or params.get("Filter") or []):
        if not one.get("Values"):
            request.problem(f"Filters[{i}].Values", "filter-empty", "a filter without values", "D:Using_Filtering", "doubt")
        if len(one.get("Values", [])) > 200:
            request.problem(f"Filters[{i}].Values", "filter-200", "more than 200 values", "D:Using_Filtering")
    size = params.get("MaxResults")
    ids = [k for k in params if k.endswith("Ids") and params[k]]
    if size is not None:
        within(request, "MaxResults", size, 5, 1000, "page-size", "B:ec2")
        if ids and request.operation in ("DescribeInstances", "DescribeSecurityGroups", "DescribeSubnets"):
            request.problem("MaxResults", "ids-and-page", f"with {ids}", "B:ec2 MaxResults")
    filtered = ids or params.get("Filters") or params.get("Filter") or size
    if not filtered and request.operation in ("DescribeInstances", "DescribeNetworkInterfaces", "DescribeSecurityGroups"):
        request.problem("", "unfiltered", "neither filter nor page: the smaller throttle bucket", "B:ec2", "notice")
    if request.operation == "DescribeVpcAttribute" and len([k for k in params if k in ("Attribute",)]) != 1:
        request.problem("Attribute", "one-attribute", "exactly one", "B:ec2 DescribeVpcAttribute")


@rule("ec2", "CreateSecurityGroup")
def security_group(request, params, world):
    for name in ("GroupName", "Description"):
        match(request, name, params.get(name, ""), GROUP_TEXT, "sg-text", "B:ec2 CreateSecurityGroupRequest")
    if params.get("GroupName", "").lower().startswith("sg-"):
        request.problem("GroupName", "sg-prefix", f"{params['GroupName']!r} begins with sg-", "B:ec2")
    if params.get("GroupName", "").lower() == "default":
        request.problem("GroupName", "sg-default", "the name default is taken", "D:security groups")


@rule("ec2", "Authorize*", "Revoke*")
def rules_of_groups(request, params, world):
    for i, one in enumerate(params.get("IpPermissions", [])):
        at, protocol = f"IpPermissions[{i}]", one.get("IpProtocol")
        peers = sum(len(one.get(k, [])) for k in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds"))
        if not peers:
            request.problem(at, "rule-peer", "no source or destination", "B:ec2 IpPermission")
        if protocol in ("tcp", "udp", "6", "17"):
            low, high = one.get("FromPort"), one.get("ToPort")
            if low is None or high is None or not 0 <= low <= high <= 65535:
                request.problem(at, "rule-ports", f"{low}..{high}", "B:ec2 IpPermission")
        for j, ip in enumerate(one.get("IpRanges", [])):
            cidr(request, f"{at}.IpRanges[{j}].CidrIp", ip.get("CidrIp"))
            match(request, f"{at}.IpRanges[{j}].Description", ip.get("Description"), GROUP_TEXT, "rule-text", "B:ec2 IpRange")
        if request.operation == "AuthorizeSecurityGroupIngress":
            rules = set(world.inbound[params.get("GroupId")])
            rules |= {(one.get("FromPort"), ip.get("CidrIp")) for ip in one.get("IpRanges", [])}
            rules |= {(one.get("FromPort"), p.get("GroupId")) for p in one.get("UserIdGroupPairs", [])}
            if len(rules) > 60:
                request.problem(at, "rules-per-group", f"{len(rules)} inbound rules, 60 are the default quota", "D:VPC quotas", "doubt")
            request.once_served(world.inbound.__setitem__, params.get("GroupId"), rules)
    if params.get("IpPermissions") and params.get("SecurityGroupRuleIds"):
        request.problem("SecurityGroupRuleIds", "rule-ids-or-permissions", "one or the other", "B:ec2")
    if len(params.get("IpPermissions", [])) > 1000:
        request.problem("IpPermissions", "rules-1000", "more than 1000 rules in a call", "D:security groups")


def cidr(request, path, text):
    try:
        ipaddress.ip_network(text or "")
    except ValueError as error:
        request.problem(path, "cidr", f"{text!r}: {error}", "B:ec2")


@rule("ec2", "CreateVpc", "CreateSubnet")
def networks(request, params, world):
    cidr(request, "CidrBlock", params.get("CidrBlock"))
    size = int(params.get("CidrBlock", "/0").partition("/")[2] or 0)
    within(request, "CidrBlock", size, 16, 28, "netmask", "B:ec2")


@rule("ec2", "CreateRoute", "ReplaceRoute")
def routes(request, params, world):
    cidr(request, "DestinationCidrBlock", params.get("DestinationCidrBlock"))
    targets = [k for k in ("GatewayId", "NatGatewayId", "InstanceId", "VpcEndpointId", "TransitGatewayId",
                           "NetworkInterfaceId", "VpcPeeringConnectionId", "EgressOnlyInternetGatewayId") if params.get(k)]
    if len(targets) != 1:
        request.problem("", "route-target", f"exactly one target, and here are {targets}", "B:ec2 CreateRoute")


@rule("ec2", "ModifyVpcAttribute", "ModifySubnetAttribute")
def one_attribute(request, params, world):
    given = sorted(set(params) - {"VpcId", "SubnetId"})
    if len(given) != 1:
        request.problem("", "one-attribute", f"one attribute per call, and here are {given}", "B:ec2")


@rule("ec2", "RunInstances")
def run_instances(request, params, world):
    data = params.get("UserData", "")
    try:
        raw = base64.b64decode(data, validate=True)
    except ValueError as error:
        request.problem("UserData", "user-data-base64", str(error), "B:ec2 UserData")
        raw = b""
    if len(raw) > 16384:
        request.problem("UserData", "user-data-size", f"{len(raw)} bytes raw, 16384 are the most", "B:ec2")
    elif len(data) > 16384:
        request.problem("UserData", "user-data-size", f"{len(data)} bytes in base64 (raw {len(raw)}): the limit is for raw data",
                        "B:ec2", "notice")
    if raw and not raw.startswith((b"#!", b"#cloud-config", b"Content-Type", b"MIME")):
        request.problem("UserData", "user-data-form", f"begins {raw[:20]!r}: cloud-init would not run it", "D:user-data")
    if params.get("NetworkInterfaces"):
        for name in ("SubnetId", "SecurityGroupIds", "SecurityGroups", "PrivateIpAddress"):
            if params.get(name):
                request.problem(name, "interface-or-instance", "must stand in the network interface", "B:ec2 NetworkInterfaces")
        for i, one in enumerate(params["NetworkInterfaces"]):
            if one.get("AssociatePublicIpAddress") is not None and (one.get("DeviceIndex") != 0 or one.get("NetworkInterfaceId")):
                request.problem(f"NetworkInterfaces[{i}]", "public-ip", "only a new interface 0", "B:ec2")
            if len(one.get("Groups", [])) > 5:
                request.problem(f"NetworkInterfaces[{i}].Groups", "groups-5", "5 groups are the default quota", "B:ec2", "doubt")
    options = params.get("MetadataOptions", {})
    within(request, "MetadataOptions.HttpPutResponseHopLimit", options.get("HttpPutResponseHopLimit"), 1, 64, "hop-limit", "B:ec2")
    if options.get("HttpTokens") != "required":
        request.problem("MetadataOptions.HttpTokens", "imds-v2", "is not required", "B:ec2", "doubt")
    kind = params.get("InstanceType", "")
    if not re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+", kind):
        request.problem("InstanceType", "instance-type", repr(kind), "B:ec2 InstanceType")
    token = params.get("ClientToken")
    if not token:
        request.problem("ClientToken", "client-token", "none: a repeated call makes a second instance", "B:ec2", "doubt")
    elif len(token) > 64:
        request.problem("ClientToken", "client-token", f"{len(token)} characters, 64 are the most", "B:ec2")
    for i, one in enumerate(params.get("BlockDeviceMappings", [])):
        disk = one.get("Ebs", {})
        if disk.get("VolumeType") == "gp3":
            within(request, f"BlockDeviceMappings[{i}].Ebs.VolumeSize", disk.get("VolumeSize"), 1, 65536, "gp3-size", "B:ec2")
        if disk.get("Encrypted") is False:
            request.problem(f"BlockDeviceMappings[{i}].Ebs.Encrypted", "ebs-encrypted", "is off", "B:ec2", "doubt")
    profile = params.get("IamInstanceProfile", {})
    if profile.get("Arn") and profile.get("Name"):
        request.problem("IamInstanceProfile", "profile-arn-or-name", "one or the other", "B:ec2")
    match(request, "IamInstanceProfile.Arn", profile.get("Arn"), r"arn:aws[\w-]*:iam::\d{12}:instance-profile/.+", "profile-arn",
          "B:iam")


@rule("ec2", "Create*", "AllocateAddress")
def tagged_when_made(request, params, world):
    taggable = request.shape.input_shape and "TagSpecifications" in request.shape.input_shape.members
    if taggable and not params.get("TagSpecifications") and request.operation not in ("CreateTags",):
        level = "notice" if request.operation in ("CreateRoute",) else "doubt"
        request.problem("TagSpecifications", "untagged", "made without tags: a killed run cannot find it", "B:ec2", level)
    if "ClientToken" in (request.shape.input_shape.members if request.shape.input_shape else {}) and not params.get("ClientToken"):
        request.problem("ClientToken", "client-token", "none: a repeated call makes a second one", "B:ec2", "doubt")


@rule("ec2", "CreateTags", "DeleteTags")
def ec2_tags(request, params, world):
    if len(params.get("Resources", [])) > 1000:
        request.problem("Resources", "tag-resources", "more than 1000", "B:ec2")
    if request.operation == "DeleteTags" and not params.get("Tags"):
        request.problem("Tags", "delete-all-tags", "without tags it deletes every tag", "B:ec2 DeleteTags", "doubt")
