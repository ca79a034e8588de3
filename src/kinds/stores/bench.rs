//! What the tests of caches and databases have in common.

use crate::{
    aws::{Aws, Tags},
    engine::{Action, Address, AnyKind, Cx, Found, Graph, Inventory, Kind, Plan, Ref},
    kinds::{
        CacheParameterGroup, CacheSubnetGroup, DbSubnetGroup, SecurityGroup, Subnet, Vpc,
        cache_parameter_group::CacheParameterGroupLive, cache_subnet_group::CacheSubnetGroupLive,
        db_subnet_group::DbSubnetGroupLive,
    },
};
use aws_sdk_elasticache::error::ErrorMetadata;
use std::{marker::PhantomData, sync::Arc};

/// The references that wanted caches and databases hold.
pub(in crate::kinds) struct Net {
    pub(in crate::kinds) vpc: Ref<Vpc>,
    pub(in crate::kinds) subnets: Vec<Ref<Subnet>>,
    pub(in crate::kinds) groups: Vec<Ref<SecurityGroup>>,
    pub(in crate::kinds) cache: Ref<CacheSubnetGroup>,
    pub(in crate::kinds) db: Ref<DbSubnetGroup>,
    pub(in crate::kinds) parameters: Ref<CacheParameterGroup>,
}

/// As found ones hold them.
pub(in crate::kinds) fn found_net() -> Net {
    Net {
        vpc: Ref::found("vpc-1"),
        subnets: vec![Ref::found("subnet-a"), Ref::found("subnet-b")],
        groups: vec![Ref::found("sg-1")],
        cache: Ref::found("shop-cache"),
        db: Ref::found("shop-db"),
        parameters: Ref::found("shop-cache-valkey8"),
    }
}

pub(in crate::kinds) fn team() -> Tags {
    [("team".to_owned(), "checkout".to_owned())].into()
}

/// The stack `shop`, with clients that reach nothing but what `with` puts in.
pub(in crate::kinds) fn shop(with: impl FnOnce(&mut Aws)) -> Arc<Aws> {
    let mut aws = Aws::offline("shop");
    with(&mut aws);
    Arc::new(aws)
}

/// A context for work on the resource `name`, and the references to what it needs.
pub(in crate::kinds) fn at<K: Kind<Cloud = Aws>>(aws: &Arc<Aws>, name: &str) -> (Cx<Aws>, Net) {
    let cx = Cx::alone(aws.clone(), Address::of::<K>(name));
    let (cx, vpc) = cx.with::<Vpc>("main", "vpc-1".into());
    let (cx, a) = cx.with::<Subnet>("a", "subnet-a".into());
    let (cx, b) = cx.with::<Subnet>("b", "subnet-b".into());
    let (cx, group) = cx.with::<SecurityGroup>("group", "sg-1".into());
    let live = CacheSubnetGroupLive {
        name: "shop-cache".into(),
        arn: "arn:cache".into(),
        zones: vec!["eu-west-1a".into(), "eu-west-1b".into()],
    };
    let (cx, cache) = cx.with::<CacheSubnetGroup>("cache", live);
    let live = DbSubnetGroupLive { name: "shop-db".into(), arn: "arn:db".into() };
    let (cx, db) = cx.with::<DbSubnetGroup>("db", live);
    let live =
        CacheParameterGroupLive { name: "shop-cache-valkey8".into(), arn: "arn:parameters".into() };
    let (cx, parameters) = cx.with::<CacheParameterGroup>("cache-valkey8", live);
    (cx, Net { vpc, subnets: vec![a, b], groups: vec![group], cache, db, parameters })
}

/// Everything of one kind that there is.
pub(in crate::kinds) async fn all<K: Kind<Cloud = Aws>>(aws: &Aws) -> Vec<Found<K>> {
    K::discover(aws).await.expect("the clients answer")
}

/// What a plan would do about what is there, when `wanted` is wanted.
pub(in crate::kinds) async fn planned<K: Kind<Cloud = Aws>>(
    aws: &Aws,
    name: &str,
    wanted: K,
) -> Vec<(Action, Vec<String>)> {
    let kinds: [Box<dyn AnyKind<Aws>>; 1] = [Box::new(PhantomData::<fn() -> K>)];
    let inventory = Inventory::take(&kinds, aws).await.expect("the clients answer");
    let mut graph = Graph::default();
    graph.add(name, wanted);
    let plan = Plan::new(&graph, inventory).expect("nothing is refused");
    let changes = |of: &[crate::engine::Change]| of.iter().map(ToString::to_string).collect();
    plan.steps().iter().map(|s| (s.action(), changes(s.changes()))).collect()
}

/// What is told of the names that `wanted` needs, when it is wanted by this stack.
pub(in crate::kinds) async fn taken<K: Kind<Cloud = Aws>>(
    aws: &Arc<Aws>,
    stack: &str,
    name: &str,
    wanted: impl Fn(&Net) -> K,
) -> Vec<String> {
    let (cx, net) = at::<K>(&Arc::new(aws.for_stack(stack)), name);
    let taken = Box::pin(wanted(&net).taken(&cx)).await.expect("the clients answer");
    taken.iter().map(ToString::to_string).collect()
}

/// AWS's refusal with this code and message.
pub(in crate::kinds) fn refusal(code: &str, message: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message(message).build()
}
