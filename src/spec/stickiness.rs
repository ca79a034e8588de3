//! The rules of target group stickiness, for the file and for `toggle-stickiness` alike.

use serde::Serialize;

use super::reader::Section;
use super::schema::Holds;
use super::values::one_of;
use super::{Algorithm, Seconds, Wrong};

/// How the target group keeps a client on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cookie", rename_all = "kebab-case")]
pub enum Stickiness {
    /// Every request may go to any instance.
    Off,
    /// The load balancer's own cookie, `AWSALB`.
    #[serde(rename = "lb")]
    LbCookie {
        /// How long a client that sends no request stays bound: 1 s to 7 days.
        duration: Seconds,
    },
    /// Follows a cookie of the application; the load balancer adds `AWSALBAPP-0` … `-3`.
    #[serde(rename = "app")]
    AppCookie {
        /// The application's cookie; only its name is looked at.
        name: String,
        /// How long a client that sends no request stays bound: 1 s to 7 days.
        duration: Seconds,
    },
}

impl Stickiness {
    /// The longest duration AWS takes: 7 days.
    pub const LONGEST: Seconds = Seconds(604_800);
    /// The duration AWS takes when none is given: 1 day.
    pub const USUAL: Seconds = Seconds(86_400);

    /// Whether clients are kept on one instance at all.
    pub fn is_on(&self) -> bool {
        *self != Self::Off
    }

    /// Whether it follows the app's cookie of this name.
    pub fn follows(&self, cookie: &str) -> bool {
        matches!(self, Self::AppCookie { name, .. } if name == cookie)
    }

    /// How long an idle client stays bound; `None` when stickiness is off.
    pub fn duration(&self) -> Option<Seconds> {
        match self {
            Self::Off => None,
            Self::LbCookie { duration } | Self::AppCookie { duration, .. } => Some(*duration),
        }
    }

    /// Whether AWS would take this duration and this cookie name.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), Wrong> {
        if let Self::AppCookie { name, .. } = self {
            check_cookie_name(name)?;
        }
        self.duration().map_or(Ok(()), check_duration)
    }

    /// Why a target group cannot have both this and the algorithm, if it cannot.
    pub fn conflicts_with(&self, algorithm: Algorithm) -> Option<Wrong> {
        (self.is_on() && algorithm == Algorithm::WeightedRandom).then(|| {
            Wrong::new("AWS allows no stickiness with the algorithm `weighted_random`").help(
                "choose `round_robin` or `least_outstanding_requests`, or turn stickiness off",
            )
        })
    }
}

impl Stickiness {
    /// Reads the key `stickiness` of the load balancer.
    pub(super) fn read(balancer: &mut Section<'_, '_>) -> Self {
        if let Some((node, word)) = balancer.word("stickiness") {
            if !matches!(word, "off" | "false") {
                let wrong = Wrong::new("expected `off`, or which cookie and for how long");
                balancer.refuse(
                    "stickiness",
                    node,
                    wrong.help("write `stickiness: {cookie: lb, duration: 1d}`"),
                );
            }
            return Self::Off;
        }
        balancer.optional("stickiness", Self::read_section).unwrap_or(Self::Off)
    }

    fn read_section(section: &mut Section<'_, '_>) -> Self {
        let app = section.text("cookie", |text| match text {
            "lb" => Ok(false),
            "app" => Ok(true),
            _ => Err(one_of(text, &["lb", "app"], Holds::Choice(|| vec!["lb", "app"]))),
        });
        let duration = section
            .text("duration", |text| text.parse().and_then(|d| check_duration(d).map(|()| d)))
            .unwrap_or(Self::USUAL);
        let name = section
            .text("name", |name| check_cookie_name(name).map(|()| name.to_owned()))
            .unwrap_or_default();
        let own = app == Some(false) || section.word("cookie").is_none();
        if let (true, Some((node, _))) = (own, section.word("name")) {
            let wrong = Wrong::new("the load balancer's own cookie has a name already");
            section.refuse("name", node, wrong.help("write `cookie: app` to follow this cookie"));
        }
        if app == Some(true) {
            Self::AppCookie { name, duration }
        } else {
            Self::LbCookie { duration }
        }
    }
}

/// Whether AWS takes this as the duration of a stickiness cookie.
///
/// # Errors
/// When it is zero or longer than 7 days.
pub(crate) fn check_duration(duration: Seconds) -> Result<(), Wrong> {
    if (Seconds(1)..=Stickiness::LONGEST).contains(&duration) {
        return Ok(());
    }
    let wrong = Wrong::new("a stickiness duration is 1 second to 7 days (604800 seconds)");
    Err(if duration == Seconds(0) {
        wrong.help("to turn stickiness off, write `stickiness: off`")
    } else {
        wrong
    })
}

/// Whether AWS takes this as the name of an application's cookie.
///
/// # Errors
/// When it is empty, has a character that no cookie name may have, or is one of AWS's own.
pub(crate) fn check_cookie_name(name: &str) -> Result<(), Wrong> {
    if name.is_empty() {
        return Err(Wrong::new("an application cookie needs a name"));
    }
    if name.starts_with("AWSALB") {
        return Err(Wrong::new(
            "cookie names that begin with `AWSALB` belong to the load balancer",
        )
        .help("name the cookie that the application itself sets, or use `cookie: lb`"));
    }
    // A token in the sense of RFC 6265.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.chars().all(token) {
        Ok(())
    } else {
        Err(Wrong::new("a cookie name has no spaces, separators, quotes or non-ASCII characters")
            .help("letters, digits and any of !#$%&'*+-.^_`|~"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lb(seconds: u32) -> Stickiness {
        Stickiness::LbCookie { duration: Seconds(seconds) }
    }

    fn app(name: &str) -> Stickiness {
        Stickiness::AppCookie { name: name.into(), duration: Stickiness::USUAL }
    }

    #[test]
    fn a_duration_of_one_second_to_seven_days_is_allowed() {
        assert_eq!(lb(1).check(), Ok(()));
        assert_eq!(lb(604_800).check(), Ok(()));
        assert_eq!(Stickiness::Off.check(), Ok(()));
    }

    #[test]
    fn a_duration_of_zero_is_refused_and_told_how_to_turn_it_off() {
        let wrong = lb(0).check().unwrap_err();
        assert!(wrong.to_string().contains("stickiness: off"), "{wrong}");
    }

    #[test]
    fn a_duration_of_more_than_seven_days_is_refused() {
        assert!(lb(604_801).check().is_err());
        let long = Stickiness::AppCookie { name: "SID".into(), duration: Seconds(u32::MAX) };
        assert!(long.check().is_err());
    }

    #[test]
    fn the_cookies_of_the_load_balancer_cannot_be_followed() {
        for name in ["AWSALB", "AWSALBAPP", "AWSALBTG", "AWSALB-mine"] {
            assert!(app(name).check().is_err(), "{name}");
        }
        assert_eq!(app("awsalb").check(), Ok(()));
    }

    #[test]
    fn a_cookie_name_is_a_token() {
        for name in ["SESSIONID", "connect.sid", "__Host-id", "_a~"] {
            assert_eq!(app(name).check(), Ok(()), "{name}");
        }
        for name in ["", "a b", "a=b", "a;b", "a,b", "\"a\"", "é", "a\n"] {
            assert!(app(name).check().is_err(), "{name:?}");
        }
    }

    #[test]
    fn stickiness_and_weighted_random_exclude_each_other() {
        assert!(lb(60).conflicts_with(Algorithm::WeightedRandom).is_some());
        assert!(lb(60).conflicts_with(Algorithm::RoundRobin).is_none());
        assert!(Stickiness::Off.conflicts_with(Algorithm::WeightedRandom).is_none());
    }
}
