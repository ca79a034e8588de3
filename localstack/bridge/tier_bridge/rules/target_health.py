"""Targets: registering, draining, and the health that is shown of them."""

from ..call import fault
from ..settings import DELAY
from ..twin import told
from .instances import user_data
from .registry import on
from .states import enter, leave, passing

UNUSED = {
    "State": "unused",
    "Reason": "Target.NotInUse",
    "Description": "Target group is not configured to receive traffic from the load balancer",
}
INITIAL = {
    "State": "initial",
    "Reason": "Elb.RegistrationInProgress",
    "Description": "Target registration is in progress",
}
DRAINING = {
    "State": "draining",
    "Reason": "Target.DeregistrationInProgress",
    "Description": "Target deregistration is in progress",
}
CHECKING = {
    "State": "initial",
    "Reason": "Elb.InitialHealthChecking",
    "Description": "Initial health checks in progress",
}
UNHEALTHY = {
    "State": "unhealthy",
    "Reason": "Target.FailedHealthChecks",
    "Description": "Health checks failed",
}
STOPPED = {"State": "unused", "Reason": "Target.InvalidState", "Description": "Target is in the stopped state"}


def invalid(text):
    return fault("InvalidTarget", f"The following targets are {text}")


@on("elbv2", "RegisterTargets")
def register_targets(call):
    arn, ec2 = call.get("TargetGroupArn"), call.moto("ec2")
    group = call.moto("elbv2").target_groups.get(arn)
    known = set(group.targets) if group else set()
    if group and group.target_type == "instance":
        for t in call.get("Targets", []):
            i = ec2.get_instance_by_id(t["Id"])
            state = i and (passing(call, "instance", i.id) or i._state.name)
            if state != "running":
                raise invalid(f"not in a running state and cannot be registered: '{t['Id']}'")
            if i.vpc_id != group.vpc_id:
                raise invalid(f"not in the target group VPC '{group.vpc_id}': '{t['Id']}'")
    answer = call.forward()
    for t in call.get("Targets", []):
        if t["Id"] not in known:
            told.forget(arn, t["Id"])
            enter(call, "target", (arn, t["Id"]), "initial")
    return answer


@on("elbv2", "DeregisterTargets")
def deregister_targets(call):
    arn = call.get("TargetGroupArn")
    group = call.moto("elbv2").target_groups.get(arn)
    if not group:
        return call.forward()
    # On AWS a target that is not registered may be deregistered; moto refuses that.
    there = [t for t in call.get("Targets", []) if t["Id"] in group.targets]
    if there:
        call.forward({**call.request, "Targets": there})
    seconds = float(group.attributes.get("deregistration_delay.timeout_seconds", 300))
    if not told.attached():
        seconds = min(DELAY, seconds)
    for t in there:
        told.forget(arn, t["Id"])
        leave(call, "target", (arn, t["Id"]))
        enter(call, "target", (arn, t["Id"]), "draining", {"target": t}, seconds)
    return {}


# Not of AWS: a parameter of this name holds a text, and what is started with that text in its user data
# never passes a health check.
SWITCH = "/emulator/unhealthy"


def fails(call, instance):
    versions = call.moto("ssm")._parameters.get(SWITCH)
    return bool(versions) and versions[-1].value.encode() in user_data(instance)


def health(call, group, described):
    """What AWS says of a target, where moto always says healthy."""
    name = described["Target"]["Id"]
    instance = call.moto("ec2").get_instance_by_id(name) if name.startswith("i-") else None
    now = passing(call, "target", (group.arn, name))
    if now == "draining":
        return DRAINING
    if name not in group.targets:
        return described["TargetHealth"]
    if not set(group.load_balancer_arns) & set(call.moto("elbv2").load_balancers):
        return UNUSED
    if instance and instance._state.name in ("stopped", "stopping"):
        return STOPPED
    if now == "initial":
        return INITIAL
    if instance and fails(call, instance):
        return UNHEALTHY
    return seen(group.arn, name) if instance and told.attached() else described["TargetHealth"]


def seen(group, target):
    """What a target's health is found to be by the twin, which really asks it."""
    state, why = told.health(group, target) or ("initial", None)
    if state != "unhealthy":
        return CHECKING if state == "initial" else {"State": "healthy"}
    return {**UNHEALTHY, "Reason": why or UNHEALTHY["Reason"]}


@on("elbv2", "DescribeTargetHealth")
def describe_target_health(call):
    arn, answer = call.get("TargetGroupArn"), call.forward()
    group, shown = call.moto("elbv2").target_groups[arn], answer.get("TargetHealthDescriptions", [])
    listed = {d["Target"]["Id"] for d in shown}
    for (of, name), extra in passing(call, "target").items():
        if of == arn and extra and name not in listed and not call.get("Targets"):
            port = extra["target"].get("Port") or int(group.port)
            shown.append({"Target": {"Id": name, "Port": port}, "HealthCheckPort": "traffic-port"})
    for d in shown:
        d["TargetHealth"] = health(call, group, d)
    answer["TargetHealthDescriptions"] = shown
    return answer
