//! Consent: what is asked before a command changes what users notice, and how it is given beforehand.

use super::act::ask;
use crate::{
    engine::{Action, Address, Change, Kind, Plan},
    kinds::{CacheCluster, DbCluster, DbInstance, ReplicationGroup},
    sessions::{Impact, Level, Shift},
    spec::Store,
    ui::Ui,
};
use anyhow::Result;

/// Flags that give consent beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(super) struct Consent {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Agree that users are logged out, to which --yes alone does not agree
    #[arg(long)]
    pub accept_session_loss: bool,
}

/// What a command is about to do that nobody should be surprised by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stakes {
    /// In words that go on from "this": `interrupts requests`.
    does: Vec<String>,
    /// Whether users have to log in anew.
    sessions: bool,
}

impl Stakes {
    /// What this does to those who are logged in, from *interrupts* on.
    pub(super) fn of_impacts(shift: &Shift, impacts: &[(Address, Impact)]) -> Self {
        let any = |level| impacts.iter().any(|(_, impact)| impact.level == level);
        let in_database = shift.today.as_ref().is_some_and(|today| today.store == Store::Database);
        let sessions = any(Level::LogsOut) || in_database && any(Level::LosesData);
        let mut stakes = Self { does: Vec::new(), sessions };
        for (holds, does) in [
            (any(Level::Interrupts), "interrupts requests"),
            (any(Level::BeginsEmpty), "makes a store that is gone anew, empty"),
            (sessions, "logs users out"),
            (any(Level::LosesData), "loses data for good"),
        ] {
            if holds {
                stakes.add(does);
            }
        }
        stakes
    }

    /// What a whole plan does: deletions, upgrades that cannot be undone, and the above. `unsaved`
    /// are databases without backups: of these RDS takes no snapshot before a major upgrade (RDS
    /// User Guide, "How to perform a major version upgrade").
    pub(super) fn of_plan<C: Send + Sync + 'static>(
        plan: &Plan<C>,
        shift: &Shift,
        impacts: &[(Address, Impact)],
        unsaved: &[Address],
    ) -> Self {
        let mut stakes = Self::default();
        if plan.deletes() {
            stakes.add("deletes or replaces what there is");
        }
        for step in plan.steps().iter().filter(|step| step.action() == Action::Update) {
            for change in step.changes().iter().filter(|c| is_one_way(step.address().kind, c)) {
                let from = change.from.as_deref().unwrap_or_default();
                let what = step.address();
                stakes.add(upgrade(what, from, &change.to, unsaved.contains(what)));
            }
        }
        let Self { does, sessions } = Self::of_impacts(shift, impacts);
        stakes.does.extend(does);
        Self { sessions, ..stakes }
    }

    /// One thing more that it does.
    pub(super) fn add(&mut self, does: impl Into<String>) {
        self.does.push(does.into());
    }

    /// All of it in one fragment.
    fn told(&self) -> String {
        match &*self.does {
            [] => String::new(),
            [one] => one.clone(),
            [most @ .., last] => format!("{}, and {last}", most.join(", ")),
        }
    }
}

/// What is said of an upgrade, of a database without backups too.
fn upgrade(what: &Address, from: &str, to: &str, unsaved: bool) -> String {
    let snapshot =
        if unsaved { ": RDS takes no snapshot before, for `backup_days` is 0" } else { "" };
    format!("upgrades {what} from {from} to {to}, which cannot be undone{snapshot}")
}

/// Whether an edit is one that AWS does not take back: another engine, or another major version.
/// In-place downgrades exist for neither RDS, Aurora nor `ElastiCache` ("can't downgrade",
/// `USER_UpgradeDBInstance.Upgrading`; `VersionManagement` of `ElastiCache`).
fn is_one_way(kind: &str, change: &Change) -> bool {
    let Some(from) = &change.from else { return false };
    match kind {
        DbInstance::NAME | DbCluster::NAME | ReplicationGroup::NAME | CacheCluster::NAME => {}
        _ => return false,
    }
    match change.attribute {
        "engine" => true,
        "version" => is_major(from, &change.to, matches!(kind, DbInstance::NAME | DbCluster::NAME)),
        _ => false,
    }
}

/// Whether one version is of another major version than the other. MySQL's and MariaDB's majors
/// have two numbers (8.0 and 8.4, 10.6 and 10.11), PostgreSQL's from 10 on and caches' have one.
/// PostgreSQL's are told from MariaDB's by being 13 or more.
fn is_major(from: &str, to: &str, database: bool) -> bool {
    let parts = |version: &str| -> Vec<u32> {
        version.split('.').map_while(|part| part.parse().ok()).collect()
    };
    let (from, to) = (parts(from), parts(to));
    let numbers = match from.first() {
        Some(first) if database && *first < 13 => 2,
        _ => 1,
    };
    from.iter().zip(&to).take(numbers).any(|(from, to)| from != to)
}

impl Consent {
    /// Asks for what the flags do not agree to.
    ///
    /// # Errors
    /// When consent is not given, or nobody is there to give it.
    pub(super) async fn agree(self, stakes: &Stakes, ui: Ui) -> Result<()> {
        let unasked = stakes.sessions && !self.accept_session_loss;
        if stakes.does.is_empty() || self.yes && !unasked {
            return Ok(());
        }
        let what = if self.yes {
            "this logs users out, to which --yes alone does not agree".to_owned()
        } else {
            format!("this {}", stakes.told())
        };
        let flags = match (self.yes, unasked) {
            (false, false) => "--yes",
            (false, true) => "--yes --accept-session-loss",
            (true, _) => "--accept-session-loss too",
        };
        ask(ui, &what, "yes", flags).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sessions::{Mode, Told},
        spec::Stickiness,
        ui::Trouble,
    };

    fn shift(store: Store) -> Shift {
        let mode = Mode {
            store,
            stickiness: Stickiness::Off,
            instances: 2,
            failover: true,
            told: Told::default(),
        };
        Shift { today: Some(mode.clone()), then: Some(mode) }
    }

    fn stakes(store: Store, levels: &[Level]) -> Stakes {
        let at = Address { kind: "target", name: "app-1".into() };
        let impact = |&level| (at.clone(), Impact { level, says: "".into() });
        Stakes::of_impacts(&shift(store), &levels.iter().map(impact).collect::<Vec<_>>())
    }

    async fn refusal(consent: Consent, stakes: &Stakes) -> Option<(String, String)> {
        let ui = Ui::new(crate::ui::Format::Text, crate::ui::Color::Never);
        let error = consent.agree(stakes, ui).await.err()?;
        let hint = error.downcast_ref::<Trouble>().unwrap().hint().to_owned();
        Some((error.to_string(), hint))
    }

    const NONE: Consent = Consent { yes: false, accept_session_loss: false };
    const YES: Consent = Consent { yes: true, accept_session_loss: false };
    const ALL: Consent = Consent { yes: true, accept_session_loss: true };

    #[tokio::test]
    async fn everything_from_interruptions_on_wants_a_yes() {
        assert_eq!(refusal(NONE, &stakes(Store::Redis, &[Level::Repins])).await, None);
        let cuts = stakes(Store::Redis, &[Level::Interrupts, Level::Repins]);
        let (says, hint) = refusal(NONE, &cuts).await.unwrap();
        assert_eq!(says, "this interrupts requests, and nobody is here to agree");
        assert!(hint.ends_with("with --yes"), "{hint}");
        assert_eq!(refusal(YES, &cuts).await, None);
    }

    #[tokio::test]
    async fn a_yes_does_not_agree_to_log_users_out() {
        let out = stakes(Store::Memory, &[Level::LogsOut]);
        let (_, hint) = refusal(NONE, &out).await.unwrap();
        assert!(hint.ends_with("--yes --accept-session-loss"), "{hint}");
        let (says, hint) = refusal(YES, &out).await.unwrap();
        assert!(says.contains("logs users out"), "{says}");
        assert!(hint.contains("--accept-session-loss"), "{hint}");
        assert_eq!(refusal(ALL, &out).await, None);
    }

    #[test]
    fn an_upgrade_without_backups_leaves_no_snapshot_and_that_is_said() {
        let db = Address { kind: "db-instance", name: "db".into() };
        let told = upgrade(&db, "16.4", "17.2", true);
        assert!(told.contains("RDS takes no snapshot before"), "{told}");
        assert!(upgrade(&db, "16.4", "17.2", false).ends_with("cannot be undone"));
    }

    #[tokio::test]
    async fn a_database_that_goes_takes_sessions_along_only_where_they_live_in_it() {
        let data = |store| stakes(store, &[Level::LosesData]);
        assert_eq!(refusal(YES, &data(Store::Redis)).await, None);
        assert!(refusal(YES, &data(Store::Database)).await.is_some());
    }

    #[test]
    fn a_major_version_is_told_from_a_minor_one() {
        for (from, to, database) in [
            ("16.13", "17", true),
            ("8.0.46", "8.4", true),
            ("10.6.25", "10.11", true),
            ("8.0.mysql_aurora.3.10.1", "8.4.mysql_aurora.4.0", true),
            ("7.2", "8.0", false),
        ] {
            assert!(is_major(from, to, database), "{from} {to}");
        }
        for (from, to, database) in
            [("17.6", "17.9", true), ("8.4.5", "8.4", true), ("7.0", "7.1", false)]
        {
            assert!(!is_major(from, to, database), "{from} {to}");
        }
    }

    #[test]
    fn another_engine_is_one_way_and_another_size_is_not() {
        let change = |attribute, from: &str, to: &str| Change {
            attribute,
            from: Some(from.into()),
            to: to.into(),
            replaces: false,
        };
        assert!(is_one_way("replication-group", &change("engine", "redis", "valkey")));
        assert!(!is_one_way("replication-group", &change("node_type", "a", "b")));
        assert!(!is_one_way("instance", &change("version", "1", "2")));
    }
}
