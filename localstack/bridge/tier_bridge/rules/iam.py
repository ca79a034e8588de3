"""IAM names and tags, and roles in instance profiles."""

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


def boundary_exists(call):
    """A permissions boundary is a managed policy that is there; moto takes any ARN. Those of AWS itself always are."""
    arn = call.get("PermissionsBoundary")
    if arn and ":iam::aws:" not in arn and arn not in call.moto("iam", "aws").managed_policies:
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
