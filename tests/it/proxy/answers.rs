//! Refusals in the shape in which each service says them.

use super::{call::Call, http::Answer};

/// What AWS says instead of doing what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The wire code: `DependencyViolation`.
    pub(crate) code: String,
    /// AWS's words; `{VpcId}` stands for what the call has as its parameter of that name.
    pub(crate) message: String,
    /// The HTTP status.
    pub(crate) status: u16,
}

impl Refusal {
    /// A refusal as most services make it, with status 400.
    pub(crate) fn new(code: &str, message: &str) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// The same with another status.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Too much was asked, as the service of this call says it.
    pub(super) fn throttled(call: &Call) -> Self {
        match &*call.service {
            "ec2" => Self::new("RequestLimitExceeded", "Request limit exceeded.").status(503),
            "elasticloadbalancing" | "ssm" => Self::new("ThrottlingException", "Rate exceeded"),
            _ => Self::new("Throttling", "Rate exceeded"),
        }
    }

    /// It went wrong inside, as the service of this call says it.
    pub(super) fn internal(call: &Call) -> Self {
        let code = match &*call.service {
            "ec2" => "InternalError",
            "iam" => "ServiceFailure",
            "ssm" | "dynamodb" => "InternalServerError",
            _ => "InternalFailure",
        };
        Self::new(code, "An internal error has occurred").status(500)
    }

    /// It is not there just now, as the service of this call says it.
    pub(super) fn unavailable(call: &Call) -> Self {
        let code = if call.service == "ec2" { "Unavailable" } else { "ServiceUnavailable" };
        Self::new(code, "The service is unavailable. Please try again shortly.").status(503)
    }

    /// The answer that says so to this call.
    pub(super) fn answer(&self, call: &Call) -> Answer {
        let (code, message) = (&self.code, self.words(call));
        let id = "00000000-0000-4000-8000-000000000000";
        if matches!(&*call.service, "ssm" | "acm" | "dynamodb" | "secretsmanager" | "kms") {
            let body = serde_json::json!({ "__type": code, "message": message });
            return Answer::new(self.status, "application/x-amz-json-1.1", body.to_string());
        }
        let message = message.replace('&', "&amp;").replace('<', "&lt;");
        let said = format!("<Code>{code}</Code><Message>{message}</Message>");
        let fault = if self.status < 500 { "Sender" } else { "Receiver" };
        let body = if call.service == "ec2" {
            format!(
                "<Response><Errors><Error>{said}</Error></Errors><RequestID>{id}</RequestID></Response>"
            )
        } else {
            format!(
                "<ErrorResponse><Error><Type>{fault}</Type>{said}</Error><RequestId>{id}</RequestId></ErrorResponse>"
            )
        };
        let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
        Answer::new(self.status, "text/xml", xml)
    }

    fn words(&self, call: &Call) -> String {
        let fill = |text: String, (name, value): &(String, String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        call.params.iter().fold(self.message.clone(), fill)
    }
}

/// The code in an answer that is a refusal.
pub(super) fn code(answer: &Answer) -> Option<String> {
    if answer.status < 400 {
        return None;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let (from, to) = if text.contains("<Code>") { ("<Code>", '<') } else { ("\"__type\":", ',') };
    let code = text.split_once(from)?.1.split(to).next()?;
    Some(code.trim_matches([' ', '"', '}']).to_owned())
}
