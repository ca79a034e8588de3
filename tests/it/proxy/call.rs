//! What call a request is: service, action and parameters, in whichever protocol it is said.

use super::http::Request;
use percent_encoding::percent_decode;

/// One call to AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// The name in the signature's scope, and in IAM policies: `elasticloadbalancing`.
    pub(super) service: String,
    /// `CreateLoadBalancer`.
    pub(super) action: String,
    /// What it is called with, where that is told one by one. Of a path: its parts, as `path`.
    pub(super) params: Vec<(String, String)>,
}

/// Route 53 speaks in paths; `*` is anything between two slashes.
const ROUTE53: [(&str, &str, &str); 14] = [
    ("POST", "/hostedzone", "CreateHostedZone"),
    ("GET", "/hostedzone", "ListHostedZones"),
    ("GET", "/hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", "/hostedzonesbyvpc", "ListHostedZonesByVPC"),
    ("GET", "/hostedzonecount", "GetHostedZoneCount"),
    ("GET", "/hostedzone/*", "GetHostedZone"),
    ("POST", "/hostedzone/*", "UpdateHostedZoneComment"),
    ("DELETE", "/hostedzone/*", "DeleteHostedZone"),
    ("POST", "/hostedzone/*/rrset", "ChangeResourceRecordSets"),
    ("GET", "/hostedzone/*/rrset", "ListResourceRecordSets"),
    ("GET", "/change/*", "GetChange"),
    ("GET", "/tags/*/*", "ListTagsForResource"),
    ("POST", "/tags/*/*", "ChangeTagsForResource"),
    ("POST", "/tags/*", "ListTagsForResources"),
];

impl Call {
    /// Takes a request apart.
    pub(super) fn of(request: &Request) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let service = scope(request.headers.get("authorization")).unwrap_or("unsigned").to_owned();
        let target = request.headers.get("x-amz-target");
        if let Some((_, action)) = target.rsplit_once('.') {
            return Self { service, action: action.into(), params: of_json(&request.body) };
        }
        let params = if request.body.is_empty() {
            of_form(query.as_bytes())
        } else {
            of_form(&request.body)
        };
        if let Some((_, action)) = params.iter().find(|(name, _)| name == "Action") {
            return Self { service, action: action.clone(), params };
        }
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        let dated = parts.first().is_some_and(|part| part.starts_with("20") && part.len() == 10);
        let parts = &parts[usize::from(dated)..];
        let is = |(method, form, _): &&(&str, &str, &str)| {
            let form: Vec<_> = form[1..].split('/').collect();
            let fits = |(form, part): (&&str, &&str)| *form == "*" || form == part;
            *method == request.method
                && form.len() == parts.len()
                && form.iter().zip(parts).all(fits)
        };
        let known = ROUTE53.iter().filter(|_| service == "route53").find(is);
        let action = known.map_or_else(|| format!("{} {path}", request.method), |k| k.2.into());
        let params = parts.iter().map(|part| ("path".into(), (*part).into())).collect();
        Self { service, action, params }
    }

    /// `ec2:CreateVpc`.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }

    /// The value of a parameter; empty without it.
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// Whether it only looks.
    pub(super) fn is_read(&self) -> bool {
        ["Describe", "List", "Get"].iter().any(|verb| self.action.starts_with(verb))
    }

    /// The parameters that name the things it is about: no filters and no tags.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        let said = |name: &str| !name.contains("Filter") && !name.contains("Tag");
        self.params.iter().filter(move |(n, _)| said(n)).map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// The service in `Credential=KEY/20260101/eu-west-1/ec2/aws4_request`.
fn scope(authorization: &str) -> Option<&str> {
    authorization.split_once("Credential=")?.1.split('/').nth(3)
}

fn of_form(bytes: &[u8]) -> Vec<(String, String)> {
    let plain = |bytes: &[u8]| {
        let spaced: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = bytes.split(|b| *b == b'&').filter_map(|pair| {
        let at = pair.iter().position(|b| *b == b'=')?;
        Some((plain(&pair[..at]), plain(&pair[at + 1..])))
    });
    pairs.collect()
}

fn of_json(body: &[u8]) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(all)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    all.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

/// Whether a name such as `ec2:CreateVpc` fits a pattern in which `*` stands for anything.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().any(|(at, _)| fits(after, &rest[at..])) || fits(after, "")
        }),
    }
}
