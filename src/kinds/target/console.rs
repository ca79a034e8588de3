//! What an instance that does not come up says on its console.

use crate::aws::{Aws, Failure, Sent};
use anyhow::{Error, anyhow};
use aws_smithy_types::base64;

/// How many lines are told.
const LINES: usize = 5;
/// What the boot script begins its lines with.
const MARK: &str = "stackctl: ";

/// The error with the last lines that the boot script wrote to the console. That nobody may look is
/// no error of its own.
pub(super) async fn explained(error: Error, instance: &str, aws: &Aws) -> Error {
    let Ok(text) = console(instance, aws).await else { return error };
    let lines = own_lines(&text);
    if lines.is_empty() {
        return anyhow!(
            "{error:#}; its boot script says nothing on the console, which `aws ec2 \
             get-console-output --latest --instance-id {instance}` shows"
        );
    }
    let told: Vec<_> = lines.iter().map(|line| format!("\n  {line}")).collect();
    anyhow!("{error:#}; the last that {instance} says on its console:{}", told.concat())
}

/// Instances before Nitro have no latest output, but one that was kept some minutes after the start.
async fn console(instance: &str, aws: &Aws) -> Result<String, Failure> {
    let call = aws.ec2.get_console_output().instance_id(instance);
    let answer = match call.clone().latest(true).send().await.aws() {
        Err(failure) if failure.is(&["UnsupportedOperation"]) => call.send().await.aws(),
        other => other,
    };
    let output = answer?.output.unwrap_or_default();
    let text = base64::decode(&output).unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The boot script's last lines, without what systemd and the kernel put before them, and each once
/// where it stands several times in a row.
fn own_lines(console: &str) -> Vec<String> {
    let own = console.lines().filter_map(|line| line.split_once(MARK));
    let printable = |line: &str| line.chars().filter(|c| !c.is_control()).collect::<String>();
    let mut lines: Vec<_> = own.map(|(_, line)| printable(line).trim_end().to_owned()).collect();
    lines.dedup();
    lines.split_off(lines.len().saturating_sub(LINES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_the_boot_script_are_told_without_what_stands_before_them() {
        let console = "\
            [    0.000000] Linux version 6.1\r\n\
            stackctl: installing the app of stack shop\r\n\
            [   31.4] stackctl-app[2113]: stackctl: pulling shop:1\r\n\
            [   32.1] stackctl-app[2113]: stackctl: cannot pull shop:1: denied\r\n\
            [   37.1] stackctl-app[2113]: stackctl: cannot pull shop:1: denied\r\n\
            [   40.0] login: \r\n";
        assert_eq!(
            own_lines(console),
            ["installing the app of stack shop", "pulling shop:1", "cannot pull shop:1: denied",]
        );
        let long = (0..9).map(|n| format!("stackctl: {n}")).collect::<Vec<_>>().join("\n");
        assert_eq!(own_lines(&long), ["4", "5", "6", "7", "8"]);
    }
}
