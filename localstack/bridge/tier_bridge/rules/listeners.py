"""Listeners."""

from ..call import fault
from .load_balancers import bad
from .registry import on


REDIRECT = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}


def completed(action):
    """An action as AWS shows it: with both ways to name a target group, and what a redirect leaves as it is."""
    action = {k: v for k, v in action.items() if k != "Order"}
    if action["Type"] == "redirect":
        action["RedirectConfig"] = {**REDIRECT, **action["RedirectConfig"]}
    if action["Type"] == "forward":
        config = action.get("ForwardConfig") or {}
        groups = config.get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
        sticky = config.get("TargetGroupStickinessConfig") or {"Enabled": False}
        action["ForwardConfig"] = {
            "TargetGroups": [{"Weight": 1, **g} for g in groups],
            "TargetGroupStickinessConfig": sticky,
        }
        if len(groups) == 1:
            action["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    return action


def shown(answer):
    for listener in answer.get("Listeners", []):
        listener["DefaultActions"] = [completed(a) for a in listener["DefaultActions"]]
        if listener["Protocol"] not in ("HTTPS", "TLS"):  # moto has a policy for every listener
            listener.pop("SslPolicy", None)
            listener.pop("AlpnPolicy", None)
    return answer


@on("elbv2", "DescribeListeners", "ModifyListener")
def listeners(call):
    return shown(call.forward())


@on("elbv2", "CreateListener")
def create_listener(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    if call.get("Protocol") in ("HTTPS", "TLS") and not call.get("Certificates"):
        raise bad("A certificate must be specified for HTTPS listeners")
    asked = [completed(a) for a in call.get("DefaultActions", [])]
    for old in list(balancer.listeners.values()) if balancer else ():
        if int(old.port or 0) != call.get("Port"):
            continue
        found = call.client("elbv2").describe_listeners(ListenerArns=[old.arn])["Listeners"]
        if found[0].get("Protocol") == call.get("Protocol") and found[0]["DefaultActions"] == asked:
            return {"Listeners": found}
        raise fault(
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{balancer.arn}'",
        )
    return shown(call.forward())


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
