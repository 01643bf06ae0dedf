//! `cargo xtask rules`: moderation rules of namespaces, checked before they lie in Redis.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use tidegate_moderation::WordList;
use tidegate_moderation::limits::RULES_BYTES;
use tidegate_stream::digest;

use crate::region;
use crate::region::namespace::{Namespace, read_text};
use crate::settings::Settings;
use crate::up::resp::Reply;
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
        #[command(flatten)]
        namespace: Namespace,
        /// The rules.
        file: PathBuf,
        /// Take any text of 512 KiB at most: the rules are for another judge than the default one.
        #[arg(long)]
        unchecked: bool,
    },
    /// Take a namespace's rules out of force.
    Drop {
        #[command(flatten)]
        namespace: Namespace,
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
        } => {
            let rules = match unchecked {
                true => read(file)?,
                false => checked(file)?.0,
            };
            let version = digest::body(rules.as_bytes());
            let settings = Settings::load(workspace)?;
            let key = region::keys(&settings).rules(&namespace.name);
            let command = ["HSET", &key, "version", &version, "body", &rules];
            namespace.open(&settings)?.call(&command)?;
            println!(
                "{}: version {version} is in force within five seconds",
                namespace.name
            );
        }
        Args::Drop { namespace } => {
            let settings = Settings::load(workspace)?;
            let (key, name) = (
                region::keys(&settings).rules(&namespace.name),
                &namespace.name,
            );
            match namespace.open(&settings)?.call(&["DEL", &key])? {
                Reply::Integer(0) => println!("{name}: there were no rules"),
                _ => println!("{name}: no rules are in force within five seconds"),
            }
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    read_text(file, "rules", RULES_BYTES)
}

/// Rules that the default judge takes, and how many words they have.
fn checked(file: &Path) -> Result<(String, usize)> {
    let rules = read(file)?;
    let words = WordList::parse(rules.as_bytes())
        .with_context(|| format!("{} is not taken", file.display()))?
        .len();
    Ok((rules, words))
}

#[cfg(test)]
mod tests {
    use std::fs;

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
