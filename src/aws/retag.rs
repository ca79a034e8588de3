//! Changing the user's tags on what exists, in each service's own way.
//!
//! Tags go before others come: `stackctl:keys` forgets a key only when its tag is gone, so that what
//! is stopped in between still shows which tags are the user's.

use super::{Aws, Failure, Sent, Tags, eventually, stores::UNREADABLE, tags};
use crate::engine::{Cx, Pace};
use anyhow::Result;
use aws_sdk_route53::types::TagResourceType;

/// Every call puts a cache into `modifying`, and until that is over the next one is refused.
const CACHE: Pace = Pace::seconds(10, 900);

impl Aws {
    /// Makes the user's tags of an EC2 resource what is wanted.
    pub async fn retag_ec2(&self, id: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let keys = unset.iter().map(|k| aws_sdk_ec2::types::Tag::builder().key(k).build());
            let tags = Some(keys.collect());
            self.ec2.delete_tags().resources(id).set_tags(tags).send().await.aws()?;
        }
        if !set.is_empty() {
            let tags = Some(tags::for_ec2(&set));
            self.ec2.create_tags().resources(id).set_tags(tags).send().await.aws()?;
        }
        Ok(())
    }

    /// Makes the user's tags of a load balancer, target group or listener what is wanted.
    pub async fn retag_elb(&self, arn: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let call = self.elb.remove_tags().resource_arns(arn);
            call.set_tag_keys(Some(unset)).send().await.aws()?;
        }
        if !set.is_empty() {
            let tags = Some(tags::for_elb(&set));
            self.elb.add_tags().resource_arns(arn).set_tags(tags).send().await.aws()?;
        }
        Ok(())
    }

    /// Makes the user's tags of an ElastiCache resource what is wanted.
    pub async fn retag_elasticache(
        cx: &Cx<Self>,
        arn: &str,
        wanted: &Tags,
        found: &Tags,
    ) -> Result<()> {
        let busy = |failure: &Failure| failure.is(&UNREADABLE);
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let call = cx.cloud.elasticache.remove_tags_from_resource().resource_name(arn);
            let call = call.set_tag_keys(Some(unset));
            eventually(cx, CACHE, busy, || {
                let call = call.clone();
                async move { call.send().await.aws().map(drop) }
            })
            .await?;
        }
        if !set.is_empty() {
            let call = cx.cloud.elasticache.add_tags_to_resource().resource_name(arn);
            let call = call.set_tags(Some(tags::for_elasticache(&set)));
            eventually(cx, CACHE, busy, || {
                let call = call.clone();
                async move { call.send().await.aws().map(drop) }
            })
            .await?;
        }
        Ok(())
    }

    /// Makes the user's tags of an RDS resource what is wanted.
    pub async fn retag_rds(&self, arn: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let call = self.rds.remove_tags_from_resource().resource_name(arn);
            call.set_tag_keys(Some(unset)).send().await.aws()?;
        }
        if !set.is_empty() {
            let call = self.rds.add_tags_to_resource().resource_name(arn);
            call.set_tags(Some(tags::for_rds(&set))).send().await.aws()?;
        }
        Ok(())
    }

    /// Makes the user's tags of a hosted zone (its bare id, `Z…`) what is wanted.
    pub async fn retag_zone(&self, id: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        let (set, unset) = wanted.changes_from(found);
        let call = self.route53.change_tags_for_resource();
        let call = call.resource_type(TagResourceType::Hostedzone).resource_id(id);
        let call = call.set_add_tags((!set.is_empty()).then(|| tags::for_route53(&set)));
        call.set_remove_tag_keys((!unset.is_empty()).then_some(unset)).send().await.aws()?;
        Ok(())
    }

    /// Makes the user's tags of a `DynamoDB` table what is wanted.
    pub async fn retag_table(&self, arn: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let call = self.dynamodb.untag_resource().resource_arn(arn);
            call.set_tag_keys(Some(unset)).send().await.aws()?;
        }
        if !set.is_empty() {
            let call = self.dynamodb.tag_resource().resource_arn(arn);
            call.set_tags(Some(tags::for_dynamodb(&set))).send().await.aws()?;
        }
        Ok(())
    }

    /// Makes the user's tags of a secret what is wanted.
    pub async fn retag_secret(&self, arn: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let call = self.secretsmanager.untag_resource().secret_id(arn);
            call.set_tag_keys(Some(unset)).send().await.aws()?;
        }
        if !set.is_empty() {
            let call = self.secretsmanager.tag_resource().secret_id(arn);
            call.set_tags(Some(tags::for_secrets_manager(&set))).send().await.aws()?;
        }
        Ok(())
    }

    /// Makes the user's tags of an SSM parameter what is wanted.
    pub async fn retag_parameter(&self, name: &str, wanted: &Tags, found: &Tags) -> Result<()> {
        use aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
        let (set, unset) = wanted.changes_from(found);
        if !unset.is_empty() {
            let call = self.ssm.remove_tags_from_resource();
            let call = call.resource_type(Parameter).resource_id(name);
            call.set_tag_keys(Some(unset)).send().await.aws()?;
        }
        if !set.is_empty() {
            let call = self.ssm.add_tags_to_resource().resource_type(Parameter).resource_id(name);
            call.set_tags(Some(tags::for_ssm(&set))).send().await.aws()?;
        }
        Ok(())
    }
}
