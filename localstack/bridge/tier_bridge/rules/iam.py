"""IAM names, and roles in instance profiles."""

from ..call import fault
from .registry import on


def at_most(call, key, longest):
    if len(call.get(key, "")) > longest:
        raise fault(
            "ValidationError",
            f"1 validation error detected: Value at '{key[0].lower() + key[1:]}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {longest}",
        )


@on("iam", "CreateRole")
def create_role(call):
    at_most(call, "RoleName", 64)
    return call.forward()


@on("iam", "CreateInstanceProfile")
def create_instance_profile(call):
    at_most(call, "InstanceProfileName", 128)
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
