//! Brings a database to the schema this program knows.

use std::cmp::Ordering;

use pagemill_core::{ErrorCode, Problem};
use sqlx::{
    SqlSafeStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{dialect::Dialect, failure::Failure, sql::Conn};

/// The migrations of one database, oldest first. See `migrations/README.md`.
fn migrator(dialect: Dialect) -> Migrator {
    macro_rules! migrations {
        ($folder:literal: $($version:literal $name:literal),*) => {
            vec![$(Migration::new(
                $version,
                $name.into(),
                MigrationType::Simple,
                include_str!(concat!("../migrations/", $folder, "/", $name, ".sql")).into_sql_str(),
                false,
            )),*]
        };
    }
    Migrator::with_migrations(match dialect {
        Dialect::Sqlite => {
            migrations!("sqlite": 1 "0001_library", 3 "0003_ocr", 5 "0005_queue", 6 "0006_ledger", 7 "0007_webhooks")
        }
        Dialect::Postgres => {
            migrations!("postgres": 1 "0001_library", 3 "0003_ocr", 5 "0005_queue", 6 "0006_ledger", 7 "0007_webhooks")
        }
    })
}

/// The newest step of the schema that a database has.
///
/// # Errors
/// `schema_too_new` when this program does not know it, `conflict` when steps are missing.
pub(crate) async fn applied(conn: &mut Conn<'_>) -> Result<i64, Failure> {
    let there = conn.number("SELECT MAX(version) FROM _sqlx_migrations WHERE success", &[]).await?;
    let known = newest(conn.dialect());
    match there.cmp(&known) {
        Ordering::Equal => Ok(there),
        Ordering::Greater => Err(too_new(there)),
        Ordering::Less => Err(Problem::new(
            ErrorCode::Conflict,
            "the library was made by an older Pagemill; open it once with this one, for example by `pagemill doctor`",
        )
        .into()),
    }
}

fn newest(dialect: Dialect) -> i64 {
    migrator(dialect).iter().map(|migration| migration.version).max().unwrap_or(0)
}

fn too_new(version: i64) -> Failure {
    Problem::new(
        ErrorCode::SchemaTooNew,
        format!("this library was made by a newer Pagemill (its schema has step {version}); use that one or a newer"),
    )
    .into()
}

/// Brings an empty database to a step of the schema.
///
/// # Errors
/// `schema_too_new` when this program does not know the step.
pub(crate) async fn migrate_to<C: Migrate>(dialect: Dialect, conn: &mut C, schema: i64) -> Result<(), Failure> {
    if schema > newest(dialect) {
        return Err(too_new(schema));
    }
    let steps = migrator(dialect).iter().filter(|step| step.version <= schema).cloned().collect();
    run(&Migrator::with_migrations(steps), conn).await
}

/// Runs the migrations that are missing.
///
/// # Errors
/// `schema_too_new` when the database has one that this program does not know.
pub(crate) async fn migrate<C: Migrate>(dialect: Dialect, conn: &mut C) -> Result<(), Failure> {
    run(&migrator(dialect), conn).await
}

async fn run<C: Migrate>(migrator: &Migrator, conn: &mut C) -> Result<(), Failure> {
    match migrator.run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(too_new(version)),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(error.into()),
        Err(error) => Err(Problem::new(ErrorCode::Internal, "the database's schema could not be brought up to date")
            .caused_by(error)
            .into()),
    }
}
