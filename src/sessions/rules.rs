//! What a stack file allows, though users may come to regret it.

use crate::spec::{MaxmemoryPolicy, Scheme, Seconds, SessionRule, Spec, Stickiness, Store};
use serde::Serialize;

/// Rolling for longer than this deserves to be known beforehand.
const LONG_ROLL: Seconds = Seconds(15 * 60);

/// One thing that the user should know of how the file keeps sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The rule behind it; `None` for what cannot be allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<SessionRule>,
    /// A whole lower-case sentence without a full stop, with the way out.
    pub says: String,
    /// Why the file allows it, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
}

impl From<String> for Advice {
    fn from(says: String) -> Self {
        Self { rule: None, says, allowed: None }
    }
}

/// What the user should know of how the file keeps sessions, and what is allowed in vain.
pub fn advice(spec: &Spec) -> Vec<Advice> {
    let mut allow = spec.sessions.allow.clone();
    let told = |rule: &SessionRule| {
        let says = broken(*rule, spec)?;
        Some(Advice { rule: Some(*rule), says, allowed: allow.remove(rule.code()) })
    };
    let mut all: Vec<_> = SessionRule::ALL.iter().filter_map(told).collect();
    all.extend(allow.into_keys().map(|code| {
        Advice::from(format!(
            "sessions.allow has {code}, which this file does not break: take it out"
        ))
    }));
    all
}

/// What a file does against a rule, if it does.
fn broken(rule: SessionRule, spec: &Spec) -> Option<String> {
    match rule {
        SessionRule::MemoryEndsWithInstance => memory(spec),
        SessionRule::IdleLongerThanStickiness => idle_users(spec),
        SessionRule::SingleNodeCache => single_node(spec),
        SessionRule::MemcachedCopiesNothing => memcached(spec),
        SessionRule::EvictingCache => evicting(spec),
        SessionRule::DatabaseWithoutStandby => no_standby(spec),
        SessionRule::CookiesInTheClear => in_the_clear(spec),
        SessionRule::AppCookieBindsLate => app_cookie(spec),
        SessionRule::ZoneWithoutInstance => zones_without_instance(spec),
        SessionRule::SlowRoll => slow_roll(spec),
    }
}

fn memory(spec: &Spec) -> Option<String> {
    (spec.sessions.store == Store::Memory).then(|| {
        "sessions in the memory of an instance end with it: whoever is on an instance that fails \
         or is replaced is logged out, and no deregistration delay changes that; a cache keeps \
         them (cache: {engine: valkey})"
            .into()
    })
}

fn idle_users(spec: &Spec) -> Option<String> {
    if spec.sessions.store != Store::Memory || spec.app.instances < 2 {
        return None;
    }
    let duration = spec.load_balancer.stickiness.duration()?;
    Some(format!(
        "a user who sends no request for {duration} may get to another instance, where there is no \
         such session; make load_balancer.stickiness.duration as long as sessions last"
    ))
}

fn single_node(spec: &Spec) -> Option<String> {
    let cache = spec.cache.as_ref()?;
    (spec.sessions.store == Store::Redis && cache.replicas == 0).then(|| {
        "when the only node of the cache fails, AWS replaces it by an empty one and all users are \
         logged out; cache.replicas: 1 keeps a copy in another zone"
            .into()
    })
}

fn memcached(spec: &Spec) -> Option<String> {
    (spec.sessions.store == Store::Memcached).then(|| {
        "Memcached copies nothing: users whose session is on a node that fails are logged out; \
         valkey keeps replicas (cache.engine)"
            .into()
    })
}

fn evicting(spec: &Spec) -> Option<String> {
    let policy = spec.cache.as_ref()?.maxmemory_policy?;
    (spec.sessions.store == Store::Redis && policy != MaxmemoryPolicy::Noeviction).then(|| {
        format!(
            "with {} a cache that is full drops sessions, and their users are logged out; \
             noeviction refuses new ones instead (cache.maxmemory_policy)",
            policy.as_str()
        )
    })
}

fn no_standby(spec: &Spec) -> Option<String> {
    let database = spec.database.as_ref()?;
    (spec.sessions.store == Store::Database && !database.multi_az).then(|| {
        "while the only instance of the database is replaced, patched or fails, nobody can use a \
         session; database.multi_az: true has another take over"
            .into()
    })
}

fn in_the_clear(spec: &Spec) -> Option<String> {
    let balancer = &spec.load_balancer;
    let open = balancer.scheme == Scheme::InternetFacing && balancer.certificate.is_none();
    (spec.sessions.store != Store::None && open).then(|| {
        "session cookies cross the internet unencrypted, and whoever reads one is logged in as its \
         user; a certificate gives HTTPS (load_balancer.certificate)"
            .into()
    })
}

/// "Application-based stickiness … doesn't support URL encoded cookie values" (ELB, "Sticky sessions
/// for your Application Load Balancer").
fn app_cookie(spec: &Spec) -> Option<String> {
    let Stickiness::AppCookie { name, .. } = &spec.load_balancer.stickiness else { return None };
    Some(format!(
        "the load balancer binds users once an answer of the app sets {name}, and not if its value \
         is URL-encoded (Express writes connect.sid as s%3A…); cookie: lb binds them at the first \
         request (load_balancer.stickiness)"
    ))
}

fn zones_without_instance(spec: &Spec) -> Option<String> {
    let (instances, zones) = (spec.app.instances, spec.network.zones.count());
    (spec.load_balancer.stickiness.is_on() && instances < zones.into()).then(|| {
        format!(
            "stickiness wants a healthy instance in every zone, and there are {zones} zones for \
             {instances} (app.instances, network.zones)"
        )
    })
}

fn slow_roll(spec: &Spec) -> Option<String> {
    let delay = spec.load_balancer.deregistration_delay;
    let whole = Seconds(delay.get().saturating_mul(spec.app.instances.into()));
    (whole > LONG_ROLL && delay > Seconds(60)).then(|| {
        format!(
            "replacing the instances one after another takes {whole} and more, because each waits \
             for the whole load_balancer.deregistration_delay of {delay}; unless requests last \
             that long, 30s will do"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Source, load};

    /// What is warned of where HTTPS is in place.
    fn warned(text: &str) -> String {
        warned_at("internal", text)
    }

    fn warned_at(scheme: &str, text: &str) -> String {
        let wanted = "load_balancer: {";
        let text = if text.contains(wanted) {
            text.replacen(wanted, &format!("{wanted}scheme: {scheme}, "), 1)
        } else {
            format!("{text}\nload_balancer: {{scheme: {scheme}}}")
        };
        let text = format!("name: shop\n{text}");
        let spec = load(&Source::new("stack.yaml", text), &[], &|_| None).unwrap();
        advice(&spec).into_iter().map(|a| a.says).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn sessions_in_a_cache_with_a_replica_need_no_warning() {
        assert_eq!(warned("app: {image: \"shop:1\"}\ncache: {replicas: 1}"), "");
        assert_eq!(warned("app: {image: \"shop:1\"}"), "");
    }

    #[test]
    fn sessions_that_cross_the_internet_unencrypted_are_told() {
        let cached = "app: {image: \"shop:1\"}\ncache: {replicas: 1}";
        assert!(warned_at("internet-facing", cached).contains("unencrypted"));
        assert_eq!(warned_at("internet-facing", "app: {image: \"shop:1\"}"), "");
        let secure = format!(
            "{cached}\nload_balancer: {{certificate: \
             \"arn:aws:acm:eu-west-1:111122223333:certificate/1\"}}"
        );
        assert_eq!(warned_at("internet-facing", &secure), "");
    }

    #[test]
    fn a_cookie_of_the_app_binds_late_and_not_at_all_when_it_is_encoded() {
        let text =
            "app: {image: \"shop:1\"}\nload_balancer: {stickiness: {cookie: app, name: SID}}";
        assert!(warned(text).contains("sets SID, and not if its value is URL-encoded"));
    }

    #[test]
    fn sessions_in_memory_end_with_the_instance_and_with_the_cookie() {
        let text = "app: {image: \"shop:1\"}\nsessions: {store: memory}\n\
                    load_balancer: {stickiness: {cookie: lb, duration: 30m}}";
        let warned = warned(text);
        assert!(warned.contains("end with it"), "{warned}");
        assert!(warned.contains("sends no request for 30m"), "{warned}");
    }

    #[test]
    fn a_single_instance_with_sessions_in_memory_binds_nobody() {
        let text = "app: {image: \"shop:1\", instances: 1}\nsessions: {store: memory}";
        let warned = warned(text);
        assert!(warned.contains("end with it") && !warned.contains("no request"), "{warned}");
    }

    #[test]
    fn a_cache_of_one_node_loses_all_sessions_with_it() {
        assert!(warned("app: {image: \"shop:1\"}\ncache: {replicas: 0}").contains("only node"));
        let elsewhere = "app: {image: \"shop:1\"}\ncache: {replicas: 0}\nsessions: {store: token}";
        assert_eq!(warned(elsewhere), "");
    }

    #[test]
    fn a_cache_that_drops_what_is_there_is_told() {
        let text = |policy: &str| {
            format!(
                "app: {{image: \"shop:1\"}}\ncache: {{replicas: 1, maxmemory_policy: {policy}}}"
            )
        };
        assert!(warned(&text("volatile-lru")).contains("with volatile-lru a cache that is full"));
        assert_eq!(warned(&text("noeviction")), "");
    }

    #[test]
    fn a_database_of_one_instance_holds_up_everybody() {
        let text = |multi_az: bool| {
            format!(
                "app: {{image: \"shop:1\"}}\nsessions: {{store: database}}\n\
                 database: {{engine: postgres, version: \"17\", multi_az: {multi_az}}}"
            )
        };
        assert!(warned(&text(false)).contains("only instance of the database"));
        assert_eq!(warned(&text(true)), "");
    }

    #[test]
    fn what_the_file_allows_keeps_its_reason_and_what_it_allows_in_vain_is_told() {
        let text = "name: shop\napp: {image: \"shop:1\"}\nload_balancer: {scheme: internal, \
                    stickiness: {cookie: lb}}\n\
                    sessions: {store: memory, allow: {memory-ends-with-instance: games are short, \
                    slow-roll: why}}\n";
        let spec = load(&Source::new("stack.yaml", text), &[], &|_| None);
        let spec = spec.unwrap_or_else(|wrong| panic!("{wrong}"));
        let all = advice(&spec);
        assert_eq!(all[0].rule, Some(SessionRule::MemoryEndsWithInstance));
        assert_eq!(all[0].allowed.as_deref(), Some("games are short"));
        assert!(all.last().unwrap().says.contains("has slow-roll, which this file"), "{all:?}");
    }

    #[test]
    fn memcached_keeps_no_copies() {
        let text = "app: {image: \"shop:1\"}\ncache: {engine: memcached}";
        assert!(warned(text).contains("copies nothing"));
    }

    #[test]
    fn stickiness_wants_an_instance_in_every_zone() {
        let text = |instances: u8| {
            format!(
                "app: {{image: \"shop:1\", instances: {instances}}}\nnetwork: {{zones: 3}}\n\
                 load_balancer: {{stickiness: {{cookie: lb}}}}"
            )
        };
        assert!(warned(&text(2)).contains("there are 3 zones for 2"));
        assert_eq!(warned(&text(3)), "");
    }

    #[test]
    fn a_long_delay_makes_rolling_slow_and_is_told() {
        let text = |delay: &str| {
            format!(
                "app: {{image: \"shop:1\", instances: 10}}\n\
                 load_balancer: {{deregistration_delay: {delay}}}"
            )
        };
        assert!(warned(&text("5m")).contains("takes 50m and more"));
        assert_eq!(warned(&text("30s")), "");
    }
}
