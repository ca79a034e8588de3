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
    return call.forward()
