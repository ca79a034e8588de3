"""Load balancers, target groups, targets."""

import pathlib

from .support import PAGE, CloudTest

HERE = pathlib.Path(__file__).parent


class LoadBalancing(CloudTest):
    def tier(self):
        vpc, subnets = self.vpc()
        self.gateway(vpc)
        group = self.group(vpc)
        return vpc, subnets, group, self.balancer(subnets, group), self.target_group(vpc)

    def state(self, arn):
        return self.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["State"]["Code"]

    def health(self, targets):
        shown = self.elbv2.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
        return [d["TargetHealth"]["State"] for d in shown]

    def attributes(self, targets, **asked):
        pairs = [{"Key": k.replace("__", "."), "Value": v} for k, v in asked.items()]
        return {"TargetGroupArn": targets, "Attributes": pairs}

    def test_a_balancer_is_provisioned_and_its_interfaces_outlive_it(self):
        _, subnets, group, balancer, _ = self.tier()
        self.assertEqual(self.eventually("active", lambda: self.state(balancer)), ["provisioning", "active"])
        described = [{"Name": "description", "Values": ["ELB app/web/*"]}]
        look = lambda: len(self.ec2.describe_network_interfaces(Filters=described)["NetworkInterfaces"])  # noqa: E731
        self.assertEqual(look(), 2)
        self.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
        self.assertEqual(look(), 2)
        self.refuses("DependencyViolation", self.ec2.delete_security_group, GroupId=group)
        self.refuses("DependencyViolation", self.ec2.delete_subnet, SubnetId=subnets[0])
        self.eventually(0, look)
        self.ec2.delete_security_group(GroupId=group)
        self.elbv2.delete_load_balancer(LoadBalancerArn=balancer)

    def test_the_same_balancer_twice_is_one_and_another_of_its_name_is_refused(self):
        _, subnets, group, balancer, _ = self.tier()
        self.assertEqual(self.balancer(subnets, group), balancer)
        asked = {"Name": "web", "Subnets": subnets, "SecurityGroups": [group], "Scheme": "internal"}
        self.refuses("DuplicateLoadBalancerName", self.elbv2.create_load_balancer, **asked)

    def test_a_new_balancer_of_an_old_name_has_a_new_dns_name(self):
        _, subnets, group, balancer, _ = self.tier()
        names = {self.elbv2.describe_load_balancers(Names=["web"])["LoadBalancers"][0]["DNSName"]}
        self.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
        self.balancer(subnets, group)
        names.add(self.elbv2.describe_load_balancers(Names=["web"])["LoadBalancers"][0]["DNSName"])
        self.assertEqual(len(names), 2)

    def test_the_same_listener_twice_is_one_and_another_at_its_port_is_refused(self):
        vpc, _, _, balancer, targets = self.tier()
        self.assertEqual(self.listener(balancer, targets), self.listener(balancer, targets))
        action = {"Type": "forward", "TargetGroupArn": self.target_group(vpc, "other")}
        asked = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [action]}
        self.refuses("DuplicateListener", self.elbv2.create_listener, **asked)
        self.refuses("ResourceInUse", self.elbv2.delete_target_group, TargetGroupArn=targets)

    def imported(self, acm=None):
        """The ARN of a certificate that is issued."""
        pair = [(HERE / f"certificate.{end}").read_bytes() for end in ("pem", "key")]
        return (acm or self.acm).import_certificate(Certificate=pair[0], PrivateKey=pair[1])["CertificateArn"]

    def test_https_takes_an_issued_certificate_of_its_own_region_and_no_other(self):
        _, _, _, balancer, targets = self.tier()

        def asked(certificate, port=443):
            action = {"Type": "forward", "TargetGroupArn": targets}
            certificates = [{"CertificateArn": certificate}]
            where = {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": port}
            return {**where, "Certificates": certificates, "DefaultActions": [action]}

        create = self.elbv2.create_listener
        pending = self.acm.request_certificate(DomainName="shop.test", ValidationMethod="DNS")["CertificateArn"]
        self.refuses("UnsupportedCertificate", create, **asked(pending))
        elsewhere = self.imported(self.client("acm", "us-east-1"))
        self.refuses("ValidationError", create, **asked(elsewhere))
        issued = self.imported()
        self.refuses("CertificateNotFound", create, **asked(issued[:-4] + "0000"))
        listener = create(**asked(issued))["Listeners"][0]["ListenerArn"]
        self.refuses("ResourceInUseException", self.acm.delete_certificate, CertificateArn=issued)
        change = {"ListenerArn": listener, "Certificates": [{"CertificateArn": pending}]}
        self.refuses("UnsupportedCertificate", self.elbv2.modify_listener, **change)
        self.refuses("UnsupportedCertificate", self.elbv2.add_listener_certificates, **change)
        self.elbv2.delete_listener(ListenerArn=listener)
        self.acm.delete_certificate(CertificateArn=issued)

    def test_a_target_group_serves_one_balancer_of_its_own_vpc(self):
        _, subnets, group, balancer, targets = self.tier()
        self.listener(balancer, targets)
        second = self.balancer(subnets, group, "second")
        action = {"Type": "forward", "TargetGroupArn": targets}
        asked = {"LoadBalancerArn": second, "Protocol": "HTTP", "Port": 80, "DefaultActions": [action]}
        self.refuses("TargetGroupAssociationLimit", self.elbv2.create_listener, **asked)
        foreign = {"Type": "forward", "TargetGroupArn": self.target_group(self.vpc()[0], "foreign")}
        self.refuses("ValidationError", self.elbv2.create_listener, **{**asked, "DefaultActions": [foreign]})

    def test_a_balancer_stays_in_one_vpc(self):
        _, subnets, group, balancer, _ = self.tier()
        other, theirs = self.vpc()
        asked = {"Name": "across", "Subnets": [subnets[0], theirs[1]], "SecurityGroups": [group]}
        self.refuses("InvalidSubnet", self.elbv2.create_load_balancer, **asked)
        foreign = {"Subnets": subnets, "SecurityGroups": [self.group(other)]}
        self.refuses("InvalidSecurityGroup", self.elbv2.create_load_balancer, Name="across", **foreign)
        self.refuses("InvalidSubnet", self.elbv2.set_subnets, LoadBalancerArn=balancer, Subnets=theirs)
        asked = {"LoadBalancerArn": balancer, "SecurityGroups": foreign["SecurityGroups"]}
        self.refuses("InvalidSecurityGroup", self.elbv2.set_security_groups, **asked)

    def test_actions_are_shown_complete_whichever_way_they_were_given(self):
        _, _, _, balancer, targets = self.tier()
        self.listener(balancer, targets)
        redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
        asked = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 81, "DefaultActions": [redirect]}
        first, second = (self.elbv2.create_listener(**asked)["Listeners"][0]["ListenerArn"] for _ in range(2))
        self.assertEqual(first, second)
        shown = self.elbv2.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        forward, away = (x["DefaultActions"][0] for x in sorted(shown, key=lambda x: x["Port"]))
        self.assertEqual(forward["ForwardConfig"]["TargetGroups"], [{"TargetGroupArn": targets, "Weight": 1}])
        self.assertEqual((away["RedirectConfig"]["Host"], away["RedirectConfig"]["Port"]), ("#{host}", "443"))
        self.assertNotIn("SslPolicy", shown[0])

    def test_tags_are_shown_of_every_kind_and_one_that_is_gone_fails_the_call(self):
        _, _, _, balancer, targets = self.tier()
        arns = [balancer, targets, self.listener(balancer, targets)]
        self.elbv2.add_tags(ResourceArns=arns, Tags=[{"Key": "a", "Value": "b"}])
        shown = self.elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]
        self.assertEqual([d["Tags"] for d in shown], [[{"Key": "a", "Value": "b"}]] * 3)
        self.elbv2.delete_load_balancer(LoadBalancerArn=balancer)
        self.refuses("LoadBalancerNotFound", self.elbv2.describe_tags, ResourceArns=[targets, balancer])

    def test_a_target_is_unused_then_initial_then_healthy_then_draining(self):
        vpc, subnets, group, balancer, targets = self.tier()
        pending = self.instance(subnets[0], group)
        asked = {"TargetGroupArn": targets, "Targets": [{"Id": pending}]}
        self.refuses("InvalidTarget", self.elbv2.register_targets, **asked)
        self.eventually("running", lambda: self.instance_state(pending))
        self.elbv2.register_targets(**asked)
        self.assertEqual(self.health(targets), ["unused"])
        self.listener(balancer, targets)
        self.elbv2.deregister_targets(**asked)
        self.eventually([], lambda: self.health(targets))
        self.elbv2.register_targets(**asked)
        self.assertEqual(self.eventually(["healthy"], lambda: self.health(targets)), [["initial"], ["healthy"]])
        self.elbv2.deregister_targets(**asked)
        self.assertEqual(self.eventually([], lambda: self.health(targets)), [["draining"], []])
        self.elbv2.deregister_targets(**asked)

    def test_without_a_deregistration_delay_nothing_drains(self):
        vpc, subnets, group, balancer, targets = self.tier()
        self.listener(balancer, targets)
        asked = {"TargetGroupArn": targets, "Targets": [{"Id": self.running(subnets[0], group)}]}
        self.elbv2.register_targets(**asked)
        settings = self.attributes(targets, deregistration_delay__timeout_seconds="0")
        self.elbv2.modify_target_group_attributes(**settings)
        self.elbv2.deregister_targets(**asked)
        self.assertEqual(self.health(targets), [])

    def test_stickiness_is_kept_and_its_rules_hold(self):
        targets = self.target_group(self.vpc()[0])
        change = self.elbv2.modify_target_group_attributes
        change(**self.attributes(targets, stickiness__enabled="true", stickiness__lb_cookie__duration_seconds="60"))
        shown = self.elbv2.describe_target_group_attributes(TargetGroupArn=targets)["Attributes"]
        values = {a["Key"]: a["Value"] for a in shown}
        self.assertEqual((values["stickiness.enabled"], values["stickiness.lb_cookie.duration_seconds"]), ("true", "60"))
        for code, asked in (
            ("ValidationError", {"stickiness__type": "app_cookie"}),
            ("ValidationError", {"stickiness__app_cookie__cookie_name": "AWSALBX"}),
            ("ValidationError", {"stickiness__lb_cookie__duration_seconds": "604801"}),
            ("ValidationError", {"stickiness__lb_cookie__duration_seconds": ""}),
            ("ValidationError", {"no__such__key": "1"}),
            ("InvalidConfigurationRequest", {"load_balancing__algorithm__type": "weighted_random"}),
            ("InvalidConfigurationRequest", {"load_balancing__cross_zone__enabled": "false"}),
        ):
            self.refuses(code, change, **self.attributes(targets, **asked))

    def test_attributes_come_whole_and_lists_in_pages(self):
        vpc, _, _, balancer, targets = self.tier()
        for name in ("two", "three"):
            self.target_group(vpc, name)
        self.assertEqual(len(self.elbv2.describe_target_groups()["TargetGroups"]), PAGE)
        pages = self.elbv2.get_paginator("describe_target_groups").paginate()
        self.assertEqual(len([g for page in pages for g in page["TargetGroups"]]), 3)
        shown = self.elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
        self.assertIn({"Key": "idle_timeout.timeout_seconds", "Value": "60"}, shown)
