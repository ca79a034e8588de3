"""SSM parameters."""

from ..call import fault
from .registry import on

STANDARD, ADVANCED = 4096, 8192


@on("ssm", "PutParameter")
def put_parameter(call):
    if "{{" in call.get("Value", ""):
        raise fault(
            "ValidationException",
            'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value: '
            + call.get("Name", ""),
        )
    size, advanced = len(call.get("Value", "").encode()), call.get("Tier") == "Advanced"
    if size > (ADVANCED if advanced else STANDARD):
        raise fault(
            "ValidationException",
            f"{'Advanced' if advanced else 'Standard'} tier parameters support a maximum parameter value of "
            f"{ADVANCED if advanced else STANDARD} characters.",
        )
    versions = call.moto("ssm")._parameters.get(call.get("Name"))
    if versions and versions[-1].tier == "Advanced" and call.get("Tier", "Advanced") == "Standard":
        raise fault(
            "ValidationException",
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier.",
        )
    return call.forward()
