//! The cookies that bind a user to a target: sealed, so that nobody can read or make one, and new with every answer.

use super::wanted::Stickiness;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use httpdate::fmt_http_date;
use hyper::{HeaderMap, header, header::HeaderValue};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OWN: &str = "AWSALB";
const OWN_CORS: &str = "AWSALBCORS";
/// The app's cookie is followed by up to four, of which the first is long enough here.
const APP: [&str; 4] = ["AWSALBAPP-0", "AWSALBAPP-1", "AWSALBAPP-2", "AWSALBAPP-3"];
/// What such a cookie says that binds nobody.
const REMOVE: &str = "_remove_";
/// How long a browser keeps the cookies, whatever the duration: how long they bind, the balancer
/// alone knows.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// What closes and opens cookies.
pub(super) struct Seal {
    key: LessSafeKey,
    random: SystemRandom,
}

impl Seal {
    pub(super) fn new(secret: &str) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, digest(&SHA256, secret.as_bytes()).as_ref());
        let key = LessSafeKey::new(key.expect("a SHA-256 is as long as the key"));
        Self { key, random: SystemRandom::new() }
    }

    /// The target's name and the present moment, closed.
    fn close(&self, group: &str, target: &str) -> String {
        self.close_at(group, target, now())
    }

    /// The same as it was at this many milliseconds since 1970.
    fn close_at(&self, group: &str, target: &str, at: u128) -> String {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).expect("the system has random bytes");
        let mut text = format!("{at} {target}").into_bytes();
        let with = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(with, Aad::from(group.as_bytes()), &mut text)
            .expect("it is short");
        BASE64.encode([nonce.as_slice(), &text].concat())
    }

    /// The target's name, if this was closed for the group at most so many seconds ago.
    fn open(&self, group: &str, seconds: u64, closed: &str) -> Option<String> {
        let mut bytes = BASE64.decode(closed).ok()?;
        let nonce = bytes.get(..NONCE_LEN)?.try_into().ok()?;
        let (with, of) = (Nonce::assume_unique_for_key(nonce), Aad::from(group.as_bytes()));
        let text = self.key.open_within(with, of, &mut bytes, NONCE_LEN..).ok()?;
        let (at, target) = str::from_utf8(text).ok()?.split_once(' ')?;
        let age = now().saturating_sub(at.parse().ok()?);
        (age <= u128::from(seconds) * 1000).then(|| target.to_owned())
    }

    /// Who a request is bound to.
    pub(super) fn bound(
        &self,
        group: &str,
        stickiness: &Stickiness,
        request: &HeaderMap,
    ) -> Option<String> {
        let open = |name| self.open(group, stickiness.seconds, sent(request, name)?);
        match &stickiness.cookie {
            None => open(OWN_CORS).or_else(|| open(OWN)),
            // Without the app's cookie the user is free again: that is how a logout works.
            Some(app) => sent(request, app).and_then(|_| open(APP[0])),
        }
    }

    /// Binds the user to the target that has answered.
    pub(super) fn bind(&self, group: &str, with: &Binding<'_>, answer: &mut HeaderMap) {
        let expires = fmt_http_date(SystemTime::now() + KEPT);
        let mut add = |text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                answer.append(header::SET_COOKIE, value);
            }
        };
        let Some(app) = &with.stickiness.cookie else {
            let closed = self.close(group, with.target);
            let secure = if with.https { "; Secure" } else { "" };
            add(format!("{OWN}={closed}; Expires={expires}; Path=/"));
            let none = "SameSite=None";
            add(format!("{OWN_CORS}={closed}; Expires={expires}; Path=/; {none}{secure}"));
            return;
        };
        let set = with.set.iter().rev().find_map(|cookie| attributes(cookie, app));
        let closed = if set.is_some() || with.was_bound {
            self.close(group, with.target)
        } else {
            REMOVE.to_owned()
        };
        // Needed by requests across origins, and so taken over from the app's own cookie.
        let across = set.is_some_and(|set| {
            let set = set.to_ascii_lowercase().replace(' ', "");
            set.contains("samesite=none") && set.contains("secure")
        });
        let across = if across { "; SameSite=None; Secure" } else { "" };
        for (name, value) in APP.iter().zip([closed.as_str(), REMOVE, REMOVE, REMOVE]) {
            add(format!("{name}={value}; Expires={expires}; Path=/{across}"));
        }
    }
}

/// What the cookies of an answer follow from.
pub(super) struct Binding<'a> {
    pub stickiness: &'a Stickiness,
    pub target: &'a str,
    /// Whether the request was bound to this target.
    pub was_bound: bool,
    /// Whether the listener speaks HTTPS.
    pub https: bool,
    /// The cookies that the app has set.
    pub set: Vec<String>,
}

/// The cookies that an answer sets.
pub(super) fn set(answer: &HeaderMap) -> Vec<String> {
    let all = answer.get_all(header::SET_COOKIE).iter();
    all.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
}

/// Milliseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// The value of a cookie that a request has.
fn sent<'a>(request: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = request.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let mut pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, v)| v)
}

/// The attributes of a cookie that an answer sets, if it has this name.
fn attributes<'a>(cookie: &'a str, name: &str) -> Option<&'a str> {
    let rest = cookie.strip_prefix(name)?.strip_prefix('=')?;
    Some(rest.find(';').map_or("", |at| &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN_ONE: Stickiness = Stickiness { cookie: None, seconds: 5 };

    fn follow() -> Stickiness {
        Stickiness { cookie: Some("SID".into()), seconds: 5 }
    }

    fn asks(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    fn bound(seal: &Seal, stickiness: &Stickiness, cookie: &str) -> Option<String> {
        seal.bound("g", stickiness, &asks(cookie))
    }

    fn answered(
        seal: &Seal,
        stickiness: &Stickiness,
        was_bound: bool,
        app: &[&str],
    ) -> Vec<String> {
        let set = app.iter().map(ToString::to_string).collect();
        let mut answer = HeaderMap::new();
        let with = Binding { stickiness, target: "i-1", was_bound, https: false, set };
        seal.bind("g", &with, &mut answer);
        super::set(&answer)
    }

    #[test]
    fn a_sealed_cookie_is_new_each_time_and_opens_for_its_group_and_secret_alone() {
        let seal = Seal::new("secret");
        let (a, b) = (seal.close("g", "i-1"), seal.close("g", "i-1"));
        assert_ne!(a, b);
        assert!(!String::from_utf8_lossy(&BASE64.decode(&a).unwrap()).contains("i-1"));
        assert_eq!(seal.open("g", 5, &a).as_deref(), Some("i-1"));
        assert_eq!(seal.open("other", 5, &a), None);
        assert_eq!(Seal::new("another").open("g", 5, &a), None);
        assert_eq!(seal.open("g", 5, "nonsense"), None);
    }

    #[test]
    fn the_duration_is_an_idle_limit_that_the_balancer_keeps() {
        let seal = Seal::new("secret");
        let idle = |millis| seal.close_at("g", "i-1", now() - millis);
        assert_eq!(seal.open("g", 5, &idle(5_001)), None);
        assert!(seal.open("g", 5, &idle(3_000)).is_some());
    }

    #[test]
    fn either_of_its_own_cookies_binds_and_the_one_for_other_origins_wins() {
        let seal = Seal::new("secret");
        let (one, two) = (seal.close("g", "i-1"), seal.close("g", "i-2"));
        assert_eq!(bound(&seal, &OWN_ONE, &format!("x=1; AWSALB={one}")).unwrap(), "i-1");
        let both = format!("AWSALB={one}; AWSALBCORS={two}");
        assert_eq!(bound(&seal, &OWN_ONE, &both).unwrap(), "i-2");
    }

    #[test]
    fn the_apps_cookie_must_be_there_as_well() {
        let seal = Seal::new("secret");
        let closed = seal.close("g", "i-1");
        let both = format!("SID=a; AWSALBAPP-0={closed}");
        assert_eq!(bound(&seal, &follow(), &both).unwrap(), "i-1");
        assert_eq!(bound(&seal, &follow(), &format!("AWSALBAPP-0={closed}")), None);
    }

    #[test]
    fn the_app_is_followed_only_once_its_own_answer_has_set_its_cookie() {
        let seal = Seal::new("secret");
        let before = answered(&seal, &follow(), false, &["OTHER=1"]);
        assert_eq!(before.len(), 4);
        assert!(before.iter().all(|cookie| cookie.contains("=_remove_; Expires=")), "{before:?}");
        let set = answered(&seal, &follow(), false, &["SID=a; HttpOnly; SameSite=None; Secure"]);
        assert!(set[0].starts_with("AWSALBAPP-0=") && !set[0].contains("_remove_"), "{set:?}");
        assert!(set[0].ends_with("; Path=/; SameSite=None; Secure"), "{set:?}");
        assert!(set[1].starts_with("AWSALBAPP-1=_remove_;"), "{set:?}");
        let after = answered(&seal, &follow(), true, &[]);
        assert!(!after[0].contains("_remove_"), "the idle limit begins anew: {after:?}");
    }

    #[test]
    fn a_browser_keeps_them_for_a_week() {
        let both = answered(&Seal::new("secret"), &OWN_ONE, false, &[]);
        let expires = both[0].split("; ").find_map(|part| part.strip_prefix("Expires=")).unwrap();
        let kept = httpdate::parse_http_date(expires).unwrap().duration_since(SystemTime::now());
        assert!(kept.unwrap() + Duration::from_mins(1) > KEPT, "{expires}");
        assert!(both[0].starts_with("AWSALB=") && both[0].ends_with("; Path=/"), "{both:?}");
        assert!(both[1].ends_with("; Path=/; SameSite=None"), "{both:?}");
    }
}
