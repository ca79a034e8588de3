//! Waiting for caches and databases, which take minutes for everything.

use crate::{
    aws::Aws,
    engine::{Cx, Kind, Pace, Probe, Ref},
};
use anyhow::Result;

/// After so many looks, some 30 seconds, what is not there will not come.
const LOOKS: u32 = 8;

/// Looks at one thing until `judge` is content with it.
pub(in crate::kinds) async fn watch<T: Send, F>(
    cx: &Cx<Aws>,
    pace: Pace,
    read: impl Fn() -> F,
    judge: impl Fn(T) -> Probe<T> + Sync,
) -> Result<T>
where
    F: Future<Output = Result<Option<T>>> + Send,
{
    let mut looks = 0;
    cx.until(pace, || {
        looks += 1;
        let (seen, look, judge) = (read(), looks, &judge);
        async move {
            Ok(match seen.await? {
                Some(seen) => judge(seen),
                None if look < LOOKS => Probe::Pending("not known yet".into()),
                None => Probe::Failed("it is gone".into()),
            })
        }
    })
    .await
}

/// Looks at one thing until it is gone; `status` gives AWS's word for the state it is in.
pub(in crate::kinds) async fn until_gone<F>(
    cx: &Cx<Aws>,
    pace: Pace,
    status: impl Fn() -> F,
) -> Result<()>
where
    F: Future<Output = Result<Option<String>>> + Send,
{
    cx.until(pace, || {
        let status = status();
        async move { Ok(status.await?.map_or(Probe::Ready(()), Probe::Pending)) }
    })
    .await
}

/// The ids of the resources that these refer to.
///
/// # Errors
/// When one of them is not in place.
pub(in crate::kinds) fn ids<K: Kind<Live = String>>(
    cx: &Cx<Aws>,
    refs: &[Ref<K>],
) -> Result<Vec<String>> {
    refs.iter().map(|to| cx.get(to)).collect()
}

/// Whether found references are to these and to nothing else.
pub(in crate::kinds) fn are<K: Kind>(found: &[Ref<K>], ids: &[String]) -> bool {
    let held = |id: &String| found.iter().any(|to| to.id() == Some(id));
    found.len() == ids.len() && ids.iter().all(held)
}
