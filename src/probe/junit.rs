//! The report as JUnit has it, which CI systems read: a test case for each check.

use super::{Report, Verdict};
use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The report as XML.
///
/// # Errors
/// When it cannot be written as XML.
pub fn junit(report: &Report) -> Result<String> {
    let took = Duration::from_secs_f64(report.seconds);
    let mut suite = TestSuite::new("stackctl verify");
    suite.set_time(took).add_property(("url", report.url.as_str()));
    suite.add_property(("promise", report.promise.says()));
    for check in &report.checks {
        let mut status = match check.verdict {
            Verdict::Kept | Verdict::Noted => TestCaseStatus::success(),
            Verdict::Broken => TestCaseStatus::non_success(NonSuccessKind::Failure),
        };
        if check.verdict == Verdict::Broken {
            status.set_message(check.says.as_str()).set_type("broken promise");
            if check.name == "sessions" {
                status.set_description(losses(report));
            }
        }
        let mut case = TestCase::new(check.name, status);
        case.set_classname("stackctl.verify").set_time(took);
        case.set_system_out(check.says.as_str());
        suite.add_test_case(case);
    }
    let mut all = quick_junit::Report::new("stackctl verify");
    all.set_time(took).add_test_suite(suite);
    all.to_string().context("cannot write the report as XML")
}

fn losses(report: &Report) -> String {
    let lines = report
        .losses
        .iter()
        .map(|lost| format!("user {}, request {}: {}", lost.user, lost.request, lost.because));
    lines.collect::<Vec<_>>().join("\n")
}
