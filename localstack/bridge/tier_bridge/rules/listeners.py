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


def check_certificates(call):
    """An issued certificate of ACM, of the same region and account."""
    arns = [c["CertificateArn"] for c in call.get("Certificates") or []]
    for arn in arns:
        if not arn.startswith(("arn:aws:acm:", "arn:aws-cn:acm:", "arn:aws-us-gov:acm:")):
            continue  # IAM's know no regions
        if arn.split(":")[3:5] != [call.region, call.account]:
            raise bad(f"Certificate ARN '{arn}' is not valid")
        held = call.moto("acm")._certificates.get(arn)
        if not held:
            raise fault("CertificateNotFound", "Supplied certificate was not found")
        if held.status != "ISSUED":
            raise fault(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a "
                "supported key size.",
            )
    return arns


def check_groups(call, balancer, actions):
    """A target group is in the load balancer's VPC, and serves no other load balancer."""
    groups = call.moto("elbv2").target_groups
    asked = {g["TargetGroupArn"] for a in actions for g in (a.get("ForwardConfig") or {}).get("TargetGroups") or []}
    for arn in asked:
        group = groups.get(arn)
        if not group or not balancer:
            continue  # moto says that it is not there
        if group.vpc_id and group.vpc_id != balancer.vpc_id:
            raise bad(f"Target group '{arn}' is in a different VPC than load balancer '{balancer.arn}'")
        if set(group.load_balancer_arns or []) - {balancer.arn}:
            raise fault(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn}",
            )


def balancer_of(call, listener):
    for balancer in list(call.moto("elbv2").load_balancers.values()):
        if listener in balancer.listeners:
            return balancer
    return None


def shown(answer):
    for listener in answer.get("Listeners", []):
        listener["DefaultActions"] = [completed(a) for a in listener["DefaultActions"]]
        if listener["Protocol"] not in ("HTTPS", "TLS"):  # moto has a policy for every listener
            listener.pop("SslPolicy", None)
            listener.pop("AlpnPolicy", None)
    return answer


@on("elbv2", "DescribeListeners")
def listeners(call):
    return shown(call.forward())


@on("elbv2", "ModifyListener")
def modify_listener(call):
    check_certificates(call)
    check_groups(call, balancer_of(call, call.get("ListenerArn")), [completed(a) for a in call.get("DefaultActions", [])])
    return shown(call.forward())


@on("elbv2", "AddListenerCertificates")
def add_listener_certificates(call):
    check_certificates(call)
    return call.forward()


@on("acm", "DeleteCertificate")
def delete_certificate(call):
    arn = call.get("CertificateArn")
    for balancer in list(call.moto("elbv2").load_balancers.values()):
        for listener in list(balancer.listeners.values()):
            if arn in (listener.certificates or []):
                raise fault("ResourceInUseException", f"Certificate {arn} in account {call.account} is in use.")
    return call.forward()


@on("elbv2", "CreateListener")
def create_listener(call):
    balancer = call.moto("elbv2").load_balancers.get(call.get("LoadBalancerArn"))
    certificates = check_certificates(call)
    if call.get("Protocol") in ("HTTPS", "TLS") and not certificates:
        raise bad("A certificate must be specified for HTTPS listeners")
    if call.get("Protocol") == "HTTP" and certificates:
        raise bad("Certificates cannot be specified for HTTP listeners")
    asked = [completed(a) for a in call.get("DefaultActions", [])]
    check_groups(call, balancer, asked)
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
