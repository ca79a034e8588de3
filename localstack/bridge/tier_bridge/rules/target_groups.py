"""Target groups, their attributes, and the health of their targets."""

from ..call import fault
from .registry import on
from .load_balancers import bad
from .states import enter, passing


BOOL = ("true", "false")
WEEK = range(1, 604801)
TG_ATTRIBUTES = {  # key -> (allowed values, default)
    "stickiness.enabled": (BOOL, "false"),
    "stickiness.type": (
        ("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"),
        "lb_cookie",
    ),
    "stickiness.lb_cookie.duration_seconds": (WEEK, "86400"),
    "stickiness.app_cookie.cookie_name": (None, ""),
    "stickiness.app_cookie.duration_seconds": (WEEK, "86400"),
    "deregistration_delay.timeout_seconds": (range(0, 3601), "300"),
    "slow_start.duration_seconds": ((*range(30, 901), 0), "0"),
    "load_balancing.algorithm.type": (
        ("round_robin", "least_outstanding_requests", "weighted_random"),
        "round_robin",
    ),
    "load_balancing.algorithm.anomaly_mitigation": (("on", "off"), "off"),
    "load_balancing.cross_zone.enabled": (
        (*BOOL, "use_load_balancer_configuration"),
        "use_load_balancer_configuration",
    ),
    "target_group_health.dns_failover.minimum_healthy_targets.count": (None, "1"),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": (None, "off"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": (None, "1"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": (None, "off"),
}


@on("elbv2", "CreateTargetGroup")
def create_target_group(call):
    old = next((g for g in call.moto("elbv2").target_groups.values() if g.name == call.get("Name")), None)
    if not old:
        return call.forward()
    same = (old.protocol, int(old.port or 0), old.vpc_id, old.target_type) == (
        call.get("Protocol"),
        call.get("Port", 0),
        call.get("VpcId"),
        call.get("TargetType", "instance"),
    )
    checks = {
        "HealthCheckPath": old.health_check_path,
        "HealthCheckProtocol": old.health_check_protocol,
        "HealthCheckIntervalSeconds": int(old.health_check_interval_seconds),
    }
    if not same or any(call.get(k) not in (None, v) for k, v in checks.items()):
        raise fault(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{old.name}' exists, but with different settings",
        )
    shown = call.client("elbv2").describe_target_groups(TargetGroupArns=[old.arn])
    return {"TargetGroups": shown["TargetGroups"]}


@on("elbv2", "DescribeTargetGroups")
def describe_target_groups(call):
    answer = call.forward()
    for g in answer.get("TargetGroups", []):  # moto names a load balancer once per listener
        g["LoadBalancerArns"] = sorted(
            set(g.get("LoadBalancerArns", [])) & set(call.moto("elbv2").load_balancers)
        )
    return answer


@on("elbv2", "ModifyTargetGroupAttributes")
def modify_target_group_attributes(call):
    group = call.moto("elbv2").target_groups.get(call.get("TargetGroupArn"))
    if not group:
        return call.forward()
    asked = {a["Key"]: a.get("Value", "") for a in call.get("Attributes", [])}
    for key, value in asked.items():
        if key not in TG_ATTRIBUTES:
            raise bad(f"Target group attribute key '{key}' is not recognized")
        allowed = TG_ATTRIBUTES[key][0]
        number = isinstance(allowed, range) or (allowed and isinstance(allowed[0], int))
        if allowed is not None and (
            not value.lstrip("-").isdigit() or int(value) not in allowed if number else value not in allowed
        ):
            raise bad(f"Target group attribute value '{value}' is not valid for '{key}'")
        if key == "stickiness.app_cookie.cookie_name" and value.upper().startswith(
            ("AWSALB", "AWSALBAPP", "AWSALBTG")
        ):
            raise bad(f"Cookie name '{value}' is reserved")
    after = {
        **{k: d for k, (_, d) in TG_ATTRIBUTES.items()},
        **{k: str(v) for k, v in group.attributes.items()},
        **asked,
    }
    if (
        after["stickiness.enabled"] == "true"
        and after["stickiness.type"] == "app_cookie"
        and not after["stickiness.app_cookie.cookie_name"]
    ):
        raise bad("stickiness.app_cookie.cookie_name must be given for app_cookie stickiness")
    if (
        after["slow_start.duration_seconds"] != "0"
        and after["load_balancing.algorithm.type"] != "round_robin"
    ):
        raise fault(
            "InvalidConfigurationRequest", "Slow start is possible only with the round_robin algorithm"
        )
    return call.forward()


@on("elbv2", "DescribeTargetGroupAttributes")
def describe_target_group_attributes(call):
    answer = call.forward()
    have = {a["Key"] for a in answer.get("Attributes", [])}
    answer["Attributes"] += [{"Key": k, "Value": d} for k, (_, d) in TG_ATTRIBUTES.items() if k not in have]
    return answer


@on("elbv2", "RegisterTargets")
def register_targets(call):
    group = call.moto("elbv2").target_groups.get(call.get("TargetGroupArn"))
    if group and group.target_type == "instance":
        for t in call.get("Targets", []):
            i = call.moto("ec2").get_instance_by_id(t["Id"])
            if not i or i._state.name == "terminated":
                raise fault(
                    "InvalidTarget",
                    f"The following targets are not in a running state and cannot be registered: '{t['Id']}'",
                )
            if i.vpc_id != group.vpc_id:
                raise fault(
                    "InvalidTarget",
                    f"The following targets are not in the target group VPC '{group.vpc_id}': '{t['Id']}'",
                )
    answer = call.forward()
    for t in call.get("Targets", []):
        enter(call, "target", (call.get("TargetGroupArn"), t["Id"]), "initial")
    return answer


@on("elbv2", "DeregisterTargets")
def deregister_targets(call):
    answer = call.forward()
    for t in call.get("Targets", []):
        enter(
            call,
            "target",
            (call.get("TargetGroupArn"), t["Id"]),
            "draining",
            {"subnets": set(), "groups": set(), "target": t},
        )
    return answer


@on("elbv2", "DescribeTargetHealth")
def describe_target_health(call):
    arn = call.get("TargetGroupArn")
    group, answer = call.moto("elbv2").target_groups.get(arn), call.forward()
    live = set(group.load_balancer_arns) & set(call.moto("elbv2").load_balancers)
    for d in answer.get("TargetHealthDescriptions", []):
        now = passing(call, "target", (arn, d["Target"]["Id"]))
        if not live:
            d["TargetHealth"] = {
                "State": "unused",
                "Reason": "Target.NotInUse",
                "Description": "Target group is not configured to receive traffic from the load balancer",
            }
        elif now == "initial":
            d["TargetHealth"] = {
                "State": "initial",
                "Reason": "Elb.RegistrationInProgress",
                "Description": "Target registration is in progress",
            }
    listed = {d["Target"]["Id"] for d in answer.get("TargetHealthDescriptions", [])}
    for (of, name), extra in passing(call, "target").items():
        if of == arn and extra and name not in listed and not call.get("Targets"):
            answer["TargetHealthDescriptions"].append(
                {
                    "Target": {"Id": name, "Port": extra["target"].get("Port") or int(group.port)},
                    "TargetHealth": {
                        "State": "draining",
                        "Reason": "Target.DeregistrationInProgress",
                        "Description": "Target deregistration is in progress",
                    },
                }
            )
    return answer
