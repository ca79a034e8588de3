//! From the stickiness there is, dormant values included, to the one that is asked for.

use crate::{
    kinds::target_group::Held,
    spec::{Algorithm, Seconds, Stickiness, Wrong},
    ui::Trouble,
};
use anyhow::{Result, ensure};
use clap::ValueEnum;
use std::{collections::HashMap, mem};

/// Whose cookie keeps a client on one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Cookie {
    /// The load balancer's own
    Lb,
    /// One of the app's
    App,
}

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub duration: Option<Seconds>,
    pub cookie: Option<Cookie>,
    pub name: Option<String>,
    pub on: bool,
    pub off: bool,
}

/// What a target group keeps of stickiness, also while it is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    enabled: bool,
    cookie: Cookie,
    lb_duration: Seconds,
    app_duration: Seconds,
    app_name: String,
    algorithm: Algorithm,
    /// The duration that AWS has, where a rebalancing that was broken off has shortened it.
    shortened: Option<Seconds>,
}

impl Kept {
    /// Reads the attributes of a target group.
    pub(super) fn seen<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs: HashMap<_, _> = pairs.into_iter().collect();
        let get = |key| pairs.get(key).copied().unwrap_or_default();
        let seconds = |key| get(key).parse().map_or(Stickiness::USUAL, Seconds);
        Self {
            enabled: get("stickiness.enabled") == "true",
            cookie: match get("stickiness.type") {
                "app_cookie" => Cookie::App,
                _ => Cookie::Lb,
            },
            lb_duration: seconds("stickiness.lb_cookie.duration_seconds"),
            app_duration: seconds("stickiness.app_cookie.duration_seconds"),
            app_name: get("stickiness.app_cookie.cookie_name").to_owned(),
            algorithm: [Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom]
                .into_iter()
                .find(|a| a.as_str() == get("load_balancing.algorithm.type"))
                .unwrap_or(Algorithm::RoundRobin),
            shortened: None,
        }
    }

    /// The same with the duration that it had before a rebalancing shortened it.
    pub(super) fn restored(mut self, held: Held) -> Self {
        if let Some(seconds) = held.0.and_then(|hold| hold.shortened_from) {
            let duration = match self.cookie {
                Cookie::Lb => &mut self.lb_duration,
                Cookie::App => &mut self.app_duration,
            };
            self.shortened = Some(mem::replace(duration, Seconds(seconds)));
        }
        self
    }

    /// What AWS has now.
    pub(super) fn there(&self) -> Stickiness {
        if self.enabled { self.on(self.cookie, self.shortened, None) } else { Stickiness::Off }
    }

    /// What there is now, but for what a rebalancing has shortened.
    pub(super) fn now(&self) -> Stickiness {
        if self.enabled { self.on(self.cookie, None, None) } else { Stickiness::Off }
    }

    /// What there will be.
    ///
    /// # Errors
    /// What the rules of stickiness forbid.
    pub(super) fn after(&self, asked: &Asked) -> Result<Stickiness> {
        let described = asked.duration.is_some() || asked.cookie.is_some() || asked.name.is_some();
        if asked.off || (self.enabled && !asked.on && !described) {
            return Ok(Stickiness::Off);
        }
        ensure!(
            asked.name.is_none() || asked.cookie != Some(Cookie::Lb),
            Trouble::new(
                "the load balancer's own cookie has a name already",
                "leave --name out, or use --cookie app to follow a cookie of the app",
            )
        );
        let named = asked.name.as_ref().map(|_| Cookie::App);
        let cookie = asked.cookie.or(named).unwrap_or(self.cookie);
        let after = self.on(cookie, asked.duration, asked.name.clone());
        if let Stickiness::AppCookie { name, .. } = &after {
            ensure!(
                !name.is_empty(),
                Trouble::new(
                    "an application cookie needs a name",
                    "add --name with the name of the cookie that the app sets",
                )
            );
        }
        match after.check().err().or_else(|| after.conflicts_with(self.algorithm)) {
            None => Ok(after),
            Some(wrong) => Err(Trouble::new(
                wrong.says,
                wrong.help.unwrap_or("see `stackctl toggle-stickiness --help`".into()),
            )
            .into()),
        }
    }

    fn on(&self, cookie: Cookie, duration: Option<Seconds>, name: Option<String>) -> Stickiness {
        match cookie {
            Cookie::Lb => Stickiness::LbCookie { duration: duration.unwrap_or(self.lb_duration) },
            Cookie::App => Stickiness::AppCookie {
                name: name.unwrap_or_else(|| self.app_name.clone()),
                duration: duration.unwrap_or(self.app_duration),
            },
        }
    }
}

/// Reads a duration, and refuses one that AWS would not take.
///
/// # Errors
/// The rule that is broken.
pub(super) fn duration(text: &str) -> Result<Seconds, Wrong> {
    let duration = text.parse()?;
    if duration == Seconds(0) {
        return Err(Wrong::new("1 second is the shortest").help("use --off to turn it off"));
    }
    Stickiness::LbCookie { duration }.check().map(|()| duration)
}

/// Reads how long to hold it.
///
/// # Errors
/// The rule that is broken.
pub(super) fn hold(text: &str) -> Result<Seconds, Wrong> {
    const LONGEST: Seconds = Seconds(30 * 86_400);
    let time: Seconds = text.parse()?;
    if time == Seconds(0) || time.get() > LONGEST.get() {
        return Err(Wrong::new("from 1 second to 30 days")
            .help("what is to stay belongs into the file: load_balancer.stickiness"));
    }
    Ok(time)
}

/// Reads the name of the app's cookie, and refuses one that AWS would not take.
///
/// # Errors
/// The rule that is broken.
pub(super) fn name(text: &str) -> Result<String, Wrong> {
    let cookie = Stickiness::AppCookie { name: text.to_owned(), duration: Stickiness::USUAL };
    cookie.check().map(|()| text.to_owned())
}

/// The same as a reader wants it.
pub(super) fn words(stickiness: &Stickiness) -> String {
    match stickiness {
        Stickiness::Off => "off".to_owned(),
        Stickiness::LbCookie { duration } => format!("lb cookie for {duration}"),
        Stickiness::AppCookie { name, duration } => format!("app cookie {name} for {duration}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::target_group::Hold;
    use std::time::SystemTime;

    fn kept(pairs: &[(&'static str, &'static str)]) -> Kept {
        Kept::seen(pairs.iter().copied())
    }

    fn lb(seconds: u32) -> Stickiness {
        Stickiness::LbCookie { duration: Seconds(seconds) }
    }

    fn app(name: &str, seconds: u32) -> Stickiness {
        Stickiness::AppCookie { name: name.into(), duration: Seconds(seconds) }
    }

    const ON: (&str, &str) = ("stickiness.enabled", "true");
    const LB_FOR_AN_HOUR: (&str, &str) = ("stickiness.lb_cookie.duration_seconds", "3600");
    const APP: (&str, &str) = ("stickiness.type", "app_cookie");
    const SID: (&str, &str) = ("stickiness.app_cookie.cookie_name", "SID");

    #[test]
    fn a_bare_toggle_turns_off_and_on_again_as_it_was() {
        let bare = Asked::default();
        assert_eq!(kept(&[ON, LB_FOR_AN_HOUR]).after(&bare).unwrap(), Stickiness::Off);
        assert_eq!(kept(&[LB_FOR_AN_HOUR]).after(&bare).unwrap(), lb(3600));
        assert_eq!(kept(&[APP, SID]).after(&bare).unwrap(), app("SID", 86_400));
    }

    #[test]
    fn what_was_never_on_comes_on_for_a_day() {
        assert_eq!(kept(&[]).after(&Asked::default()).unwrap(), lb(86_400));
    }

    #[test]
    fn on_and_off_change_nothing_that_is_so_already() {
        let on = Asked { on: true, ..Asked::default() };
        let off = Asked { off: true, ..Asked::default() };
        let there = kept(&[ON, LB_FOR_AN_HOUR]);
        assert_eq!(there.after(&on).unwrap(), there.now());
        assert_eq!(kept(&[LB_FOR_AN_HOUR]).after(&off).unwrap(), Stickiness::Off);
    }

    #[test]
    fn a_duration_turns_it_on_and_keeps_the_kind_of_cookie() {
        let asked = Asked { duration: Some(Seconds(60)), ..Asked::default() };
        assert_eq!(kept(&[]).after(&asked).unwrap(), lb(60));
        assert_eq!(kept(&[ON, APP, SID]).after(&asked).unwrap(), app("SID", 60));
    }

    #[test]
    fn a_cookie_of_the_app_needs_a_name_once() {
        let asked = Asked { cookie: Some(Cookie::App), ..Asked::default() };
        assert!(kept(&[ON]).after(&asked).is_err());
        assert_eq!(kept(&[ON, SID]).after(&asked).unwrap(), app("SID", 86_400));
        let named = Asked { name: Some("JSESSIONID".into()), ..Asked::default() };
        assert_eq!(kept(&[]).after(&named).unwrap(), app("JSESSIONID", 86_400));
    }

    #[test]
    fn a_rebalancing_that_was_broken_off_is_seen_through() {
        let held = Held(Some(Hold { until: SystemTime::UNIX_EPOCH, shortened_from: Some(3600) }));
        let short = ("stickiness.lb_cookie.duration_seconds", "1");
        let there = kept(&[ON, short]).restored(held);
        assert_eq!((there.now(), there.there()), (lb(3600), lb(1)));
        let on = Asked { on: true, ..Asked::default() };
        assert_eq!(there.after(&on).unwrap(), lb(3600));
    }

    #[test]
    fn what_the_rules_forbid_is_refused() {
        assert!(duration("0").is_err() && duration("8d").is_err() && duration("7d").is_ok());
        assert!(hold("0").is_err() && hold("31d").is_err() && hold("2h").is_ok());
        assert!(name("AWSALB").is_err() && name("SID").is_ok());
        let named = Asked { cookie: Some(Cookie::Lb), name: Some("x".into()), ..Asked::default() };
        assert!(kept(&[]).after(&named).is_err());
        let random = kept(&[("load_balancing.algorithm.type", "weighted_random")]);
        assert!(random.after(&Asked::default()).is_err());
    }
}
