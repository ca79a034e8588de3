//! What the instances may do, as IAM policy documents.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// Who may take on the role: instances.
pub const TRUST: &str = r#"{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"}}],"Version":"2012-10-17"}"#;

/// What reading a secret takes. AWS's caching clients describe it first.
const SECRET: [&str; 2] = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"];

/// What keeping sessions in a table takes. Libraries describe it first.
const TABLE: [&str; 6] = [
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

/// What the app's instances have to read, and the table they write.
#[derive(Clone, Copy, Debug)]
pub struct Leave<'a> {
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// The region of the stack.
    pub region: &'a str,
    /// The account of the stack, 12 digits.
    pub account: &'a str,
    /// The name of the SSM parameter that holds the app's environment.
    pub parameter: &'a str,
    /// The ARNs of the secrets the app is told of, of Secrets Manager or Systems Manager.
    pub secrets: &'a [&'a str],
    /// The ARN of the stack's own secret, with wildcards for what AWS adds to it. It is encrypted with
    /// AWS's key, which takes no leave.
    pub own_secret: Option<&'a str>,
    /// The ARN of the table that sessions live in. It is encrypted with `DynamoDB`'s own key.
    pub own_table: Option<&'a str>,
    /// What else the user grants, as statements of IAM.
    pub statements: &'a [Value],
    /// The app image. Only one in a private registry of Amazon ECR needs leave to be pulled.
    pub image: &'a str,
}

impl Leave<'_> {
    /// The document that grants it, and nothing else, as canonical JSON.
    pub fn document(&self) -> String {
        let Self { partition, region, account, parameter, .. } = self;
        let own = format!("arn:{partition}:ssm:{region}:{account}:parameter{parameter}");
        let mut statements = vec![allow("ssm:GetParameter", [own])];
        statements.extend(self.own_secret.map(|arn| allow(SECRET.as_slice(), [arn])));
        statements.extend(self.own_table.map(|arn| allow(TABLE.as_slice(), [arn])));
        for (service, actions) in
            [("secretsmanager", &SECRET[..]), ("ssm", &["ssm:GetParameter", "ssm:GetParameters"])]
        {
            let of_service = |arn: &&str| arn.split(':').nth(2) == Some(service);
            let arns: Vec<_> = self.secrets.iter().copied().filter(of_service).collect();
            if !arns.is_empty() {
                statements.push(allow(actions, arns));
            }
        }
        if !self.secrets.is_empty() {
            statements.push(self.decryption());
        }
        if let Some(repository) = self.repository() {
            statements.push(allow("ecr:GetAuthorizationToken", ["*"]));
            let pull = [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ];
            statements.push(allow(pull.as_slice(), [repository]));
        }
        statements.extend_from_slice(self.statements);
        document(&statements)
    }

    /// A secret may be encrypted with a key of the user's, whose ARN nobody told: leave to use keys
    /// for the sake of reading secrets only.
    fn decryption(&self) -> Value {
        let domain = if self.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let via = |service| format!("{service}.{}.{domain}", self.region);
        let mut statement = allow("kms:Decrypt", ["*"]);
        statement["Condition"] =
            json!({ "StringEquals": { "kms:ViaService": [via("secretsmanager"), via("ssm")] } });
        statement
    }

    /// The ARN of the ECR repository that the image is in, if it is in one.
    fn repository(&self) -> Option<String> {
        let (registry, path) = self.image.split_once('/')?;
        let mut labels = registry.split('.');
        let account = labels.next().filter(|a| a.len() == 12)?;
        let region = match (labels.next()?, labels.next()?) {
            ("dkr", "ecr" | "ecr-fips") => labels.next()?,
            ("dkr-ecr" | "dkr-ecr-fips", region) => region,
            _ => return None,
        };
        let name = path.split(['@', ':']).next().unwrap_or(path);
        Some(format!("arn:{}:ecr:{region}:{account}:repository/{name}", self.partition))
    }
}

/// The document that grants reading one secret, as canonical JSON.
pub fn secret(arn: &str) -> String {
    document(&[allow(SECRET.as_slice(), [arn])])
}

/// Whether a canonical document is one of [`Leave`]'s: it grants reading the parameter of a stack.
pub fn is_leave(document: &str) -> bool {
    let of_a_stack = |resource: &Value| {
        resource.as_str().is_some_and(|arn| arn.contains(":parameter/stackctl/"))
    };
    statements(document).iter().any(|statement| {
        let resources = statement["Resource"].as_array();
        statement["Action"] == "ssm:GetParameter"
            && resources.is_some_and(|all| all.iter().any(of_a_stack))
    })
}

/// Whether a canonical document is one of [`secret`]'s: it grants reading one secret, and nothing
/// else.
pub fn is_secret(document: &str) -> bool {
    let reads = |action: &Value| action.as_str().is_some_and(|a| SECRET.contains(&a));
    match &*statements(document) {
        [only] => match &only["Action"] {
            Value::Array(actions) => actions.iter().all(reads),
            action => reads(action),
        },
        _ => false,
    }
}

fn statements(document: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    document["Statement"].as_array().cloned().unwrap_or_default()
}

fn document(statements: &[Value]) -> String {
    canonical(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

fn allow<T: Into<Value>>(
    actions: impl Into<Value>,
    resources: impl IntoIterator<Item = T>,
) -> Value {
    let resources: Vec<Value> = resources.into_iter().map(Into::into).collect();
    json!({ "Effect": "Allow", "Action": actions.into(), "Resource": resources })
}

/// A document without spaces and with its keys in order, so that equal ones are equal texts. What
/// is no JSON stays as it is.
pub fn canonical(text: &str) -> String {
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |v: Value| sorted(v).to_string())
}

/// A document as IAM gives it, which is URL-encoded, in canonical form.
pub fn decoded(text: &str) -> String {
    canonical(&percent_decode_str(text).decode_utf8_lossy())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf";
    const STRIPE: &str = "arn:aws:ssm:eu-west-1:111122223333:parameter/stripe";

    fn leave<'a>(secrets: &'a [&'a str], image: &'a str) -> Leave<'a> {
        Leave {
            partition: "aws",
            region: "eu-west-1",
            account: "111122223333",
            parameter: "/stackctl/shop/app/env",
            secrets,
            own_secret: None,
            own_table: None,
            statements: &[],
            image,
        }
    }

    /// Each action of a document with what it may be done to.
    fn granted(document: &str) -> Vec<String> {
        let document: Value = serde_json::from_str(document).unwrap();
        let mut grants = Vec::new();
        for statement in document["Statement"].as_array().unwrap() {
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                one => vec![one.clone()],
            };
            for action in actions {
                for resource in statement["Resource"].as_array().unwrap() {
                    let (action, resource) = (action.as_str().unwrap(), resource.as_str().unwrap());
                    grants.push(format!("{action} {resource}"));
                }
            }
        }
        grants
    }

    #[test]
    fn an_app_without_secrets_may_read_its_environment_and_nothing_else() {
        assert_eq!(
            granted(&leave(&[], "ghcr.io/acme/shop:1").document()),
            ["ssm:GetParameter \
                 arn:aws:ssm:eu-west-1:111122223333:parameter/stackctl/shop/app/env"]
        );
    }

    #[test]
    fn the_stacks_own_secret_may_be_read_and_takes_no_leave_to_use_keys() {
        let own = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:own-??????";
        let document = Leave { own_secret: Some(own), ..leave(&[], "shop") }.document();
        let reads = SECRET.map(|action| format!("{action} {own}"));
        assert_eq!(granted(&document)[1..], reads);
    }

    #[test]
    fn secrets_may_be_read_by_their_exact_arns_from_the_service_that_keeps_them() {
        let grants = granted(&leave(&[DATABASE, STRIPE], "shop").document());
        assert_eq!(grants[1], format!("secretsmanager:DescribeSecret {DATABASE}"));
        assert_eq!(grants[2], format!("secretsmanager:GetSecretValue {DATABASE}"));
        assert_eq!(grants[3], format!("ssm:GetParameter {STRIPE}"));
        assert_eq!(grants[4], format!("ssm:GetParameters {STRIPE}"));
        assert_eq!(grants[5], "kms:Decrypt *");
    }

    #[test]
    fn keys_may_be_used_for_reading_secrets_only() {
        let document = leave(&[DATABASE], "shop").document();
        assert!(document.contains(
            r#""kms:ViaService":["secretsmanager.eu-west-1.amazonaws.com","ssm.eu-west-1.amazonaws.com"]"#
        ));
    }

    #[test]
    fn the_users_own_statements_stand_behind_ours_as_they_are() {
        let own = json!({
            "Action": ["s3:GetObject"], "Condition": { "Bool": { "aws:SecureTransport": "true" } },
            "Effect": "Allow", "Resource": "arn:aws:s3:::uploads/*"
        });
        let document =
            Leave { statements: std::slice::from_ref(&own), ..leave(&[], "shop") }.document();
        assert!(is_leave(&document));
        assert_eq!(super::statements(&document).last(), Some(&own));
    }

    #[test]
    fn an_image_in_a_private_registry_may_be_pulled_from_its_own_repository() {
        for image in [
            "444455556666.dkr.ecr.us-east-2.amazonaws.com/acme/shop:1.4",
            "444455556666.dkr.ecr-fips.us-east-2.amazonaws.com/acme/shop@sha256:00",
            "444455556666.dkr-ecr.us-east-2.on.aws/acme/shop",
        ] {
            let grants = granted(&leave(&[], image).document());
            assert!(
                grants.contains(
                    &"ecr:BatchGetImage \
                      arn:aws:ecr:us-east-2:444455556666:repository/acme/shop"
                        .to_owned()
                ),
                "{image}: {grants:?}"
            );
        }
        for image in ["shop", "acme/shop:1", "public.ecr.aws/acme/shop:1", "localhost:5000/shop"] {
            assert!(!leave(&[], image).document().contains("ecr:"), "{image}");
        }
    }

    #[test]
    fn a_document_is_known_for_ours_by_what_it_grants() {
        let ours = leave(&[DATABASE], "shop").document();
        assert!(is_leave(&ours));
        assert!(is_secret(&secret(DATABASE)) && !is_secret(&ours));
        let earlier = document(&[allow("secretsmanager:GetSecretValue", [DATABASE])]);
        assert!(is_secret(&earlier));
        let theirs = document(&[allow("s3:GetObject", ["*"])]);
        for document in [theirs.as_str(), "", "{}", "no JSON"] {
            assert!(!is_secret(document) && !is_leave(document));
        }
    }

    #[test]
    fn documents_that_say_the_same_are_the_same() {
        let ours = leave(&[DATABASE], "shop").document();
        let spread: Value = serde_json::from_str(&ours).unwrap();
        let spread = serde_json::to_string_pretty(&spread).unwrap();
        let encoded =
            percent_encoding::utf8_percent_encode(&spread, percent_encoding::NON_ALPHANUMERIC);
        assert_eq!(decoded(&encoded.to_string()), ours);
        assert_eq!(canonical(TRUST), TRUST);
        assert_ne!(leave(&[STRIPE], "shop").document(), ours);
    }
}
