"""Listeners."""

from ..call import fault
from .load_balancers import bad
from .registry import on


def forwards(actions):
    """What default actions come to, whichever of the two ways a target group was named in."""
    shown = []
    for action in actions or []:
        groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
        arn = action.get("TargetGroupArn") or (groups[0].get("TargetGroupArn") if len(groups) == 1 else None)
        rest = {k: v for k, v in action.items() if k not in ("TargetGroupArn", "ForwardConfig", "Order")}
        shown.append((arn, str([] if arn else groups), str(sorted(rest.items()))))
    return shown


@on("elbv2", "CreateListener")
def create_listener(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    if call.get("Protocol") in ("HTTPS", "TLS") and not call.get("Certificates"):
        raise bad("A certificate must be specified for HTTPS listeners")
    for old in list(balancer.listeners.values()) if balancer else ():
        if int(old.port or 0) != call.get("Port"):
            continue
        shown = call.client("elbv2").describe_listeners(ListenerArns=[old.arn])["Listeners"]
        same = shown[0].get("Protocol") == call.get("Protocol") and forwards(shown[0]["DefaultActions"]) == forwards(
            call.get("DefaultActions")
        )
        if same:
            return {"Listeners": shown}
        raise fault(
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{balancer.arn}'",
        )
    return call.forward()


@on("elbv2", "DescribeTags")
def describe_tags(call):
    """One resource that is gone fails the whole call."""
    elbv2, arns = call.moto("elbv2"), call.get("ResourceArns", [])
    if len(arns) > 20:
        raise bad("1 validation error: at most 20 resource ARNs")
    listeners = {arn for b in list(elbv2.load_balancers.values()) for arn in b.listeners}
    for arn in arns:
        kind = arn.split(":")[-1].split("/")[0]
        code, known = {
            "loadbalancer": ("LoadBalancerNotFound", elbv2.load_balancers),
            "targetgroup": ("TargetGroupNotFound", elbv2.target_groups),
            "listener": ("ListenerNotFound", listeners),
        }.get(kind, (None, ()))
        if code and arn not in known:
            raise fault(code, f"One or more of the resources '{arn}' were not found")
    return call.forward()
