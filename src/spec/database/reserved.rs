//! Names that the engines and RDS keep for themselves.

use super::DatabaseEngine;

/// The words that PostgreSQL reserves completely.
const POSTGRES: &str = "all analyse analyze and any array as asc asymmetric both case cast check collate column \
    constraint create current_catalog current_date current_role current_time current_timestamp \
    current_user default deferrable desc distinct do else end except false fetch for foreign from \
    grant group having in initially intersect into lateral leading limit localtime localtimestamp \
    not null offset on only or order placing primary references returning select session_user some \
    symmetric system_user table then to trailing true union unique user using variadic when where \
    window with";

/// The words that MySQL and MariaDB reserve.
const MYSQL: &str = "accessible add all alter analyze and as asc before between bigint binary blob both by call \
    cascade case change char character check collate column condition constraint continue convert \
    create cross cube current_date current_time current_timestamp current_user cursor database \
    databases decimal declare default delayed delete desc describe distinct div double drop dual \
    each else elseif empty enclosed escaped except exists exit explain false fetch float for force \
    foreign from fulltext function generated get grant group grouping groups having if ignore in \
    index infile inner inout insert int integer intersect interval into is iterate join key keys \
    kill lateral leading leave left like limit linear lines load localtime localtimestamp lock long \
    longblob longtext loop match mod natural not null numeric of on optimize option or order out \
    outer outfile over partition precision primary procedure purge range rank read reads real \
    recursive references regexp release rename repeat replace require resignal restrict return \
    revoke right rlike row rows schema schemas select separator set show signal smallint spatial \
    specific sql ssl starting stored system table terminated then tinyint to trailing trigger true \
    undo union unique unlock unsigned update usage use using values varbinary varchar varying \
    virtual when where while window with write xor zerofill";

/// Whether SQL gives the word a meaning of its own.
pub(super) fn is_reserved(name: &str, engine: DatabaseEngine) -> bool {
    let words = if engine.is_postgres() { POSTGRES } else { MYSQL };
    words.split_whitespace().any(|word| word.eq_ignore_ascii_case(name))
}

/// Whether the engine or RDS has a database of this name already.
pub(super) fn is_system_database(name: &str, engine: DatabaseEngine) -> bool {
    let theirs: &[&str] = if engine.is_postgres() {
        &["rdsadmin", "template0", "template1"]
    } else {
        &["information_schema", "innodb", "mysql", "performance_schema", "rdsadmin", "sys", "tmp"]
    };
    theirs.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// Whether the engine or RDS has a user or a role of this name already.
pub(super) fn is_system_user(name: &str, engine: DatabaseEngine) -> bool {
    let name = name.to_ascii_lowercase();
    let rds =
        name.starts_with("rds_") || matches!(&*name, "rdsadmin" | "rdsrepladmin" | "rdsproxyadmin");
    let postgres = name.starts_with("pg_") || matches!(&*name, "admin" | "public" | "none");
    rds || (engine.is_postgres() && postgres)
}
