//! Brings a database to the schema this program knows.

use pagemill_core::{ErrorCode, Problem};
use sqlx::{
    SqlSafeStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
};

use crate::{dialect::Dialect, failure::Failure};

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
        Dialect::Sqlite => migrations!("sqlite": 1 "0001_library", 4 "0004_extras"),
        Dialect::Postgres => migrations!("postgres": 1 "0001_library", 4 "0004_extras"),
    })
}

/// Runs the migrations that are missing.
///
/// # Errors
/// `schema_too_new` when the database has one that this program does not know.
pub(crate) async fn migrate<C: Migrate>(dialect: Dialect, conn: &mut C) -> Result<(), Failure> {
    match migrator(dialect).run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(Problem::new(
            ErrorCode::SchemaTooNew,
            format!(
                "this library was made by a newer Pagemill (its schema has step {version}); use that one or a newer"
            ),
        )
        .into()),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(error.into()),
        Err(error) => Err(Problem::new(ErrorCode::Internal, "the database's schema could not be brought up to date")
            .caused_by(error)
            .into()),
    }
}
