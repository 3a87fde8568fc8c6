//! `skein admin`: what is done rarely.

mod drain;

use std::{io::IsTerminal as _, path::PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skein_store::copy::{Digest, TABLES, Table, Value};
use skein_store_postgres::{DatabaseUrl, PostgresConfig, PostgresImport};
use skein_store_sqlite::SqliteExport;

use super::{Error, Outcome};

/// Rows of one transaction.
const BATCH_ROWS: usize = 2_000;

/// Rare work on a deployment.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    work: Work,
}

#[derive(clap::Subcommand)]
enum Work {
    /// Copy a data directory into an empty PostgreSQL database; run it again when it was interrupted
    Migrate(Migrate),
    /// Have a node of a running deployment give its clients to the others and end
    Drain(drain::Drain),
    /// Show the nodes of a running deployment
    Nodes(drain::Nodes),
}

/// The server has to be stopped; the data directory stays as it is.
#[derive(clap::Args)]
struct Migrate {
    /// The data directory of the embedded store
    #[arg(long)]
    from: PathBuf,
    /// The database: postgresql://user:password@host:port/database
    #[arg(long, env = "SKEIN__STORE__POSTGRES__URL", hide_env_values = true)]
    to: String,
}

/// Does it, and says what was done.
pub async fn run(args: Args) -> Outcome {
    match args.work {
        Work::Migrate(migrate) => migrate.run().await,
        Work::Drain(drain) => drain.run().await,
        Work::Nodes(nodes) => nodes.run().await,
    }
}

impl Migrate {
    async fn run(self) -> Outcome {
        let source = SqliteExport::open(&self.from)?;
        let config = PostgresConfig { url: DatabaseUrl::from(self.to), ..PostgresConfig::default() };
        let mut target = PostgresImport::open(&config, fingerprint(&source)?).await?;
        let mut total = 0;
        for table in TABLES {
            total += source.count(table)?;
        }
        let bar = progress_bar(total);
        let mut copied = Vec::with_capacity(TABLES.len());
        for table in TABLES {
            bar.set_message(table.name);
            copied.push(copy(&source, &mut target, table, &bar).await?);
        }
        for (table, expected) in TABLES.iter().zip(&copied) {
            bar.set_message(format!("verifying {}", table.name));
            let found = target.digest(table).await?;
            if found != *expected {
                return Err(differs(table, expected, &found));
            }
        }
        target.finish().await?;
        bar.finish_and_clear();
        for (table, digest) in TABLES.iter().zip(&copied) {
            println!("{:<17} {:>12} rows, sum {:016x}", table.name, digest.rows, digest.sum);
        }
        println!(
            "Everything is there and equal. Start the server with SKEIN__STORE__ENGINE=postgres and this database."
        );
        Ok(())
    }
}

/// Tells one source from another: its own secrets.
fn fingerprint(source: &SqliteExport) -> Result<u64, Error> {
    let mut digest = Digest::default();
    for table in TABLES.iter().filter(|table| table.name == "secrets") {
        source.rows(table, None, BATCH_ROWS)?.iter().for_each(|row| digest.add(row));
    }
    Ok(digest.sum)
}

/// Reads the whole table, and stores what is not there yet.
async fn copy(
    source: &SqliteExport,
    target: &mut PostgresImport,
    table: &Table,
    bar: &ProgressBar,
) -> Result<Digest, Error> {
    let already = target.copied(table).await?;
    let (mut digest, mut last): (Digest, Option<Vec<Value>>) = Default::default();
    loop {
        let rows = source.rows(table, last.as_deref(), BATCH_ROWS)?;
        let Some(end) = rows.last() else { return Ok(digest) };
        last = Some(end[..table.key].to_vec());
        let known = already.saturating_sub(digest.rows).min(rows.len() as u64) as usize;
        rows.iter().for_each(|row| digest.add(row));
        if known < rows.len() {
            target.append(table, &rows[known..]).await?;
        }
        bar.inc(rows.len() as u64);
    }
}

fn differs(table: &Table, expected: &Digest, found: &Digest) -> Error {
    format!(
        "{}: {} rows were read and {} are in the database, or they differ; was the source used in between? Copy into an empty database again.",
        table.name, expected.rows, found.rows
    )
    .into()
}

fn progress_bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {eta} left, {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
