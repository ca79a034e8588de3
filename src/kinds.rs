//! The kinds of resources a stack is made of: one file each, which is the whole truth about it.

use crate::{aws::Aws, engine::AnyKind, erased_kinds};

pub mod stores;

/// Declares the modules and lists the kinds that an inventory asks.
macro_rules! kinds {
    ($($module:ident :: $kind:ident),+ $(,)?) => {
        $(pub mod $module;)+

        $(pub use $module::$kind;)+

        /// Every kind, as an inventory asks it.
        pub fn all() -> Vec<Box<dyn AnyKind<Aws>>> {
            erased_kinds![$($kind),+].into()
        }
    };
}

kinds! {
    vpc::Vpc,
    internet_gateway::InternetGateway,
    subnet::Subnet,
    elastic_ip::ElasticIp,
    nat_gateway::NatGateway,
    route_table::RouteTable,
    security_group::SecurityGroup,
    security_group_rule::SecurityGroupRule,
    instance_role::InstanceRole,
    role_policy::RolePolicy,
    parameter::Parameter,
    instance::Instance,
    target::Target,
    load_balancer::LoadBalancer,
    target_group::TargetGroup,
    listener::Listener,
    hosted_zone::HostedZone,
    dns_record::DnsRecord,
    cache_subnet_group::CacheSubnetGroup,
    replication_group::ReplicationGroup,
    cache_cluster::CacheCluster,
    db_subnet_group::DbSubnetGroup,
    db_cluster::DbCluster,
    db_instance::DbInstance,
}
