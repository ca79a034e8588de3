//! What becomes of a call whose answer was lost, or that AWS does not know of everywhere yet.

use super::*;

#[tokio::test(start_paused = true)]
async fn one_that_was_just_made_may_not_be_known_at_the_first_look() {
    let create = mock!(Client::create_replication_group)
        .then_output(|| CreateReplicationGroupOutput::builder().build());
    let looks = mock!(Client::describe_replication_groups)
        .sequence()
        .error(|| {
            let code = "ReplicationGroupNotFoundFault";
            DescribeReplicationGroupsError::generic(refusal(code, "not found"))
        })
        .output(output(group("creating").build()))
        .repeatedly()
        .build();
    let rules = [&create, &looks, &nodes(node().build())];
    let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
    assert_eq!(wanted(&net).create(&cx).await.unwrap().status, "creating");
}

#[tokio::test(start_paused = true)]
async fn replicas_that_are_coming_after_a_lost_answer_are_waited_for() {
    // The SDK sent it again, and it met the work that the first had begun.
    let more = mock!(Client::increase_replica_count).then_error(|| {
        let code = "InvalidReplicationGroupState";
        IncreaseReplicaCountError::generic(refusal(code, "not in a state to be modified"))
    });
    let alone = |status| group(status).set_member_clusters(Some(vec!["shop-cache-001".into()]));
    let rests = || alone("available");
    let looks = [rests(), rests(), rests(), alone("modifying"), group("available")];
    let looks = shows(looks.into_iter().map(ReplicationGroupBuilder::build).collect());
    let (cx, net) =
        at::<ReplicationGroup>(&elasticache(&[&more, &looks, &nodes(node().build())]), "cache");
    wanted(&net).edit(Edit::Replicas, &found(), &cx).await.unwrap();
    assert_eq!(more.num_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_carried_out_though_nobody_heard_of_it_is_not_asked_for_again() {
    let modify = mock!(Client::modify_replication_group).then_error(|| {
        let code = "InvalidReplicationGroupState";
        ModifyReplicationGroupError::generic(refusal(code, "not in a state to be modified"))
    });
    let small = group("available").cache_node_type("cache.t4g.small");
    let looks = [small, group("modifying"), group("available")];
    let looks = shows(looks.into_iter().map(ReplicationGroupBuilder::build).collect());
    let (cx, net) =
        at::<ReplicationGroup>(&elasticache(&[&modify, &looks, &nodes(node().build())]), "cache");
    wanted(&net).edit(Edit::NodeType, &found(), &cx).await.unwrap();
    assert_eq!((modify.num_calls(), looks.num_calls()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_what_is_so_already_is_success() {
    let small = || group("available").cache_node_type("cache.t4g.small").build();
    for (message, looks) in [
        ("No modifications were requested", vec![small()]),
        ("Cannot go from cache.t4g.micro", vec![small(), group("available").build()]),
    ] {
        let modify = mock!(Client::modify_replication_group).then_error(move || {
            ModifyReplicationGroupError::generic(refusal("InvalidParameterCombination", message))
        });
        let rules = [&modify, &shows(looks), &nodes(node().build())];
        let (cx, net) = at::<ReplicationGroup>(&elasticache(&rules), "cache");
        wanted(&net).edit(Edit::NodeType, &found(), &cx).await.unwrap();
        assert_eq!(modify.num_calls(), 1);
    }
}
