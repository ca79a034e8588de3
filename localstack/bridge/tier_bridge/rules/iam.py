"""IAM names and tags, managed policies, and roles in instance profiles."""

import functools
import json

from ..call import fault
from .registry import on


def at_most(call, key, longest):
    if len(call.get(key, "")) > longest:
        raise fault(
            "ValidationError",
            f"1 validation error detected: Value at '{key[0].lower() + key[1:]}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {longest}",
        )


def keys_differ(call):
    """For IAM two keys that differ by case are the same key; moto takes both."""
    keys = [tag["Key"].lower() for tag in call.get("Tags", [])]
    if len(keys) != len(set(keys)):
        raise fault(
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        )


@functools.cache
def policies_of_aws():
    """AWS's own managed policies as moto keeps them, by name."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    return json.loads(aws_managed_policies_data)


def managed_policy(call, arn):
    """The managed policy of this ARN, if there is one. Those of AWS itself are in every account; moto's accounts would
    have all of them or none, so each is put in when it is asked for."""
    backend, (_, _, path) = call.moto("iam", "aws"), (arn or "").partition(":iam::aws:policy/")
    known = policies_of_aws().get(path.rpartition("/")[2]) if path else None
    if known and arn not in backend.managed_policies:
        from moto.iam.models import AWSManagedPolicy

        policy = AWSManagedPolicy.from_data(path.rpartition("/")[2], call.account, "aws", known)
        backend.managed_policies.setdefault(policy.arn, policy)
    return backend.managed_policies.get(arn)


@on("iam", "GetPolicy")
def get_policy(call):
    managed_policy(call, call.get("PolicyArn"))
    return call.forward()


@on("iam", "AttachRolePolicy")
def attach_role_policy(call):
    arn = call.get("PolicyArn")
    managed_policy(call, arn)
    role = next((r for r in call.moto("iam", "aws").roles.values() if r.name == call.get("RoleName")), None)
    if role and arn not in role.managed_policies and len(role.managed_policies) >= 10:
        raise fault("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10", 409)
    return call.forward()


def boundary_exists(call):
    """A permissions boundary is a managed policy that is there; moto takes any ARN."""
    arn = call.get("PermissionsBoundary")
    if arn and not managed_policy(call, arn):
        raise fault("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)


@on("iam", "PutRolePermissionsBoundary")
def put_role_permissions_boundary(call):
    boundary_exists(call)
    return call.forward()


@on("iam", "TagRole", "TagInstanceProfile")
def tag(call):
    keys_differ(call)
    return call.forward()


@on("iam", "CreateRole")
def create_role(call):
    at_most(call, "RoleName", 64)
    keys_differ(call)
    boundary_exists(call)
    return call.forward()


@on("iam", "CreateInstanceProfile")
def create_instance_profile(call):
    at_most(call, "InstanceProfileName", 128)
    keys_differ(call)
    return call.forward()


@on("iam", "PutRolePolicy")
def put_role_policy(call):
    at_most(call, "PolicyName", 128)
    return call.forward()


@on("iam", "RemoveRoleFromInstanceProfile")
def remove_role_from_instance_profile(call):
    profiles = {p.name: p for p in list(call.moto("iam", "aws").instance_profiles.values())}
    profile, role = profiles.get(call.get("InstanceProfileName")), call.get("RoleName")
    if profile and role not in [r.name for r in profile.roles]:
        raise fault("NoSuchEntity", f"The role with name {role} cannot be found.", 404)
    return call.forward()
