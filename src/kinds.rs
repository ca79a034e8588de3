//! The kinds of resources a stack is made of: one file each, which is the whole truth about it.

pub mod cache_cluster;
pub mod cache_parameter_group;
pub mod cache_subnet_group;
pub mod db_cluster;
pub mod db_instance;
pub mod db_subnet_group;
pub mod dns_record;
pub mod dynamodb_table;
pub mod elastic_ip;
pub mod hosted_zone;
mod inhabitants;
pub mod instance;
pub mod instance_role;
pub mod internet_gateway;
pub mod listener;
pub mod load_balancer;
pub mod nat_gateway;
pub mod parameter;
pub mod replication_group;
pub mod role_policy;
pub mod route_table;
pub mod secret;
pub mod security_group;
pub mod security_group_rule;
pub mod stores;
pub mod subnet;
pub mod target;
pub mod target_group;
pub mod vpc;
pub mod vpc_endpoint;

use crate::{aws::Aws, engine::AnyKind, erased_kinds};

/// Lists the kinds that an inventory asks.
macro_rules! kinds {
    ($($module:ident :: $kind:ident),+ $(,)?) => {
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
    vpc_endpoint::VpcEndpoint,
    security_group::SecurityGroup,
    security_group_rule::SecurityGroupRule,
    instance_role::InstanceRole,
    role_policy::RolePolicy,
    secret::Secret,
    dynamodb_table::DynamodbTable,
    parameter::Parameter,
    instance::Instance,
    target::Target,
    load_balancer::LoadBalancer,
    target_group::TargetGroup,
    listener::Listener,
    hosted_zone::HostedZone,
    dns_record::DnsRecord,
    cache_subnet_group::CacheSubnetGroup,
    cache_parameter_group::CacheParameterGroup,
    replication_group::ReplicationGroup,
    cache_cluster::CacheCluster,
    db_subnet_group::DbSubnetGroup,
    db_cluster::DbCluster,
    db_instance::DbInstance,
}
