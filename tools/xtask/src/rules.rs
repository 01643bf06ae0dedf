//! `cargo xtask rules`: moderation rules of namespaces, checked before they lie in Redis.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use tidegate_moderation::WordList;
use tidegate_moderation::limits::RULES_BYTES;
use tidegate_stream::digest;

use crate::region::{self, Place};
use crate::settings::Settings;
use crate::up::resp::{Connection, Reply};
use crate::workspace::Workspace;

/// What `rules` does.
#[derive(Debug, Clone, Subcommand)]
pub enum Args {
    /// Say whether the default judge would take a file of rules, and how many words it has.
    Check {
        /// The rules: {"words":[{"word":"…","do":"allow|replace|shadow|reject"}]}.
        file: PathBuf,
    },
    /// Put rules in force in a namespace. Edges obey within five seconds. Each region has its own Redis: do it in each.
    Put {
        /// The namespace: what precedes the first `.` of a room's id; `default` for rooms without one.
        namespace: String,
        /// The rules.
        file: PathBuf,
        /// Take any text of 512 KiB at most: the rules are for another judge than the default one.
        #[arg(long)]
        unchecked: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Take a namespace's rules out of force.
    Drop {
        /// The namespace.
        namespace: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Does what was asked for.
///
/// # Errors
/// When rules are not taken, or Redis is not reached.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    match args {
        Args::Check { file } => {
            let (_, words) = checked(file)?;
            println!("{}: {words} words, all of them are taken", file.display());
        }
        Args::Put {
            namespace,
            file,
            unchecked,
            place,
        } => {
            let rules = match unchecked {
                true => read(file)?,
                false => checked(file)?.0,
            };
            let version = digest::body(rules.as_bytes());
            let (mut redis, key) = open(workspace, namespace, place)?;
            redis.call(&["HSET", &key, "version", &version, "body", &rules])?;
            println!("{namespace}: version {version} is in force within five seconds");
        }
        Args::Drop { namespace, place } => {
            let (mut redis, key) = open(workspace, namespace, place)?;
            match redis.call(&["DEL", &key])? {
                Reply::Integer(0) => println!("{namespace}: there were no rules"),
                _ => println!("{namespace}: no rules are in force within five seconds"),
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    let size = fs::metadata(file)
        .with_context(|| format!("{} cannot be read", file.display()))?
        .len();
    ensure!(
        size <= RULES_BYTES as u64,
        "{}: rules are {RULES_BYTES} bytes at most",
        file.display()
    );
    fs::read_to_string(file).with_context(|| format!("{} cannot be read as text", file.display()))
}

/// Rules that the default judge takes, and how many words they have.
fn checked(file: &Path) -> Result<(String, usize)> {
    let rules = read(file)?;
    let words = WordList::parse(rules.as_bytes())
        .with_context(|| format!("{} is not taken", file.display()))?
        .len();
    Ok((rules, words))
}

fn open(workspace: &Workspace, namespace: &str, place: &Place) -> Result<(Connection, String)> {
    region::check_namespace(namespace)?;
    let settings = Settings::load(workspace)?;
    let key = region::keys(&settings).rules(namespace);
    Ok((place.open(&settings)?, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_checked_by_the_judge_itself() {
        let file = std::env::temp_dir().join(format!("tidegate-rules-{}", std::process::id()));
        let of = |text: &str| {
            fs::write(&file, text).unwrap();
            checked(&file).map(|(_, words)| words)
        };
        let good = of(r#"{"words":[{"word":"a","do":"allow"},{"word":"b","do":"reject"}]}"#);
        assert_eq!(good.unwrap(), 2);
        let bad = of(r#"{"words":[{"word":"a","do":"ban"}]}"#).unwrap_err();
        assert!(
            format!("{bad:#}").contains("unknown variant `ban`"),
            "{bad:#}"
        );
        let large = of(&" ".repeat(RULES_BYTES + 1)).unwrap_err();
        assert!(format!("{large:#}").contains("at most"), "{large:#}");
        fs::remove_file(&file).unwrap();
        assert!(read(&file).is_err());
    }
}
