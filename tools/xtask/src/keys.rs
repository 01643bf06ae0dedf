//! `cargo xtask keys`: keys made and rotated in an env file.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use tidegate_auth::{Algorithm, KeySet, TicketKeys, rotate};

use crate::settings;
use crate::workspace::Workspace;

/// What `keys` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Step {
    /// Make a key and add it to the end of the set, where it verifies and does not sign yet.
    New {
        #[command(flatten)]
        at: At,
        /// HS256, ES256 or EdDSA; ticket keys are HS256.
        #[arg(long, default_value = "HS256", value_parser = algorithm)]
        alg: Algorithm,
        /// Its name [default: the set's name and 8 random digits].
        #[arg(long)]
        kid: Option<String>,
    },
    /// Move the last key of the set to the front, from where it signs.
    Rotate {
        #[command(flatten)]
        at: At,
    },
    /// Remove a key that does not sign any more.
    Remove {
        #[command(flatten)]
        at: At,
        /// Which one.
        #[arg(long)]
        kid: String,
    },
}

#[derive(Debug, Clone, clap::Args)]
struct At {
    /// Which set: auth (tokens) or ticket.
    #[arg(long, value_enum, default_value = "auth")]
    set: Set,
    /// The file that holds it.
    #[arg(long, default_value = ".env")]
    env_file: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Set {
    Auth,
    Ticket,
}

impl Set {
    fn variable(self) -> &'static str {
        match self {
            Self::Auth => "SPIN_VARIABLE_AUTH_KEYS",
            Self::Ticket => "SPIN_VARIABLE_TICKET_KEYS",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Ticket => "ticket",
        }
    }

    /// What is to be done once the set is in the file.
    fn spread(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Auth => {
                format!("give {path} to the edge of every region (deploy, or set the variable)")
            }
            Self::Ticket => format!(
                "give {path} to the edge of every region (deploy, or set the variable), and to every node (kill -HUP)"
            ),
        }
    }

    /// How long what the old key signed may still be in use.
    fn life(self) -> &'static str {
        match self {
            Self::Auth => "after the longest life of a token",
            Self::Ticket => "after an hour, the longest life of a ticket",
        }
    }
}

/// Carries out one step, and says what comes next.
///
/// # Errors
/// When the file cannot be read or written, or the set would not be good.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let (Step::New { at, .. } | Step::Rotate { at } | Step::Remove { at, .. }) = &args.step;
    let path = workspace.path(&at.env_file.to_string_lossy());
    let next = step(&path, &args.step)?;
    println!("{next}");
    Ok(())
}

fn step(path: &Path, step: &Step) -> Result<String> {
    match step {
        Step::New { at, alg, kid } => new(path, at.set, *alg, kid.as_deref()),
        Step::Rotate { at } => {
            let set = required(path, at.set)?;
            let (text, kid) = rotate::promote(&set).map_err(|why| anyhow!(why))?;
            store(path, at.set, &text)?;
            let removals: Vec<String> = kids(&text)?
                .iter()
                .skip(1)
                .map(|old| {
                    format!(
                        "cargo xtask keys remove --set {} --kid {old}",
                        at.set.name()
                    )
                })
                .collect();
            Ok(format!(
                "{kid} signs now.\nNext: {}; {}: {}",
                at.set.spread(path),
                at.set.life(),
                removals.join(", ")
            ))
        }
        Step::Remove { at, kid } => {
            let text = rotate::remove(&required(path, at.set)?, kid).map_err(|why| anyhow!(why))?;
            store(path, at.set, &text)?;
            Ok(format!("{kid} is gone.\nNext: {}", at.set.spread(path)))
        }
    }
}

fn new(path: &Path, set: Set, alg: Algorithm, kid: Option<&str>) -> Result<String> {
    let mut random = [0; 40];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .context("/dev/urandom")?;
    let (name, secret) = random.split_at(8);
    let digits = u32::from_le_bytes([name[0], name[1], name[2], name[3]]);
    let kid = match kid {
        Some(kid) => kid.to_owned(),
        None => format!("{}-{digits:08x}", set.name()),
    };
    let named = kid.parse().map_err(|why: String| anyhow!(why))?;
    let secret: &[u8; 32] = secret.try_into().context("32 bytes")?;
    let key = rotate::make(alg, &named, secret).map_err(|why| anyhow!(why))?;
    let old = current(path, set)?;
    // The example's keys are known to everybody: they are replaced, not kept for a while.
    let old = match &old {
        Some(text) if KeySet::parse(text).is_ok_and(|keys| keys.is_example()) => None,
        other => other.as_deref(),
    };
    let is_first = old.is_none();
    let public = rotate::public(&key);
    let text = rotate::add(old, key).map_err(|why| anyhow!(why))?;
    store(path, set, &text)?;
    let mut said = match is_first {
        true => format!(
            "{kid} is the one key of the set.\nNext: {}",
            set.spread(path)
        ),
        false => format!(
            "{kid} is at the end of the set: it verifies, and does not sign yet.\nNext: {}; when all have it: \
             cargo xtask keys rotate --set {}",
            set.spread(path),
            set.name()
        ),
    };
    if let Some(public) = public {
        said += &format!("\nWhere tokens are verified only, the public part is enough: {public}");
    }
    Ok(said)
}

fn kids(text: &str) -> Result<Vec<String>> {
    let set = KeySet::parse(text)?;
    Ok(set
        .iter()
        .map(|key| key.kid().as_str().to_owned())
        .collect())
}

fn current(path: &Path, set: Set) -> Result<Option<String>> {
    if !path.is_file() {
        bail!(
            "{0} is not there: `cp .env.example {0}` makes one",
            path.display()
        );
    }
    let lines = settings::read(path)?;
    Ok(lines
        .into_iter()
        .find(|(name, value)| name == set.variable() && !value.is_empty())
        .map(|(_, value)| value))
}

fn required(path: &Path, set: Set) -> Result<String> {
    current(path, set)?.with_context(|| {
        format!(
            "{} has no {}: cargo xtask keys new --set {}",
            path.display(),
            set.variable(),
            set.name()
        )
    })
}

/// Puts a set in the place of its line, or at the end of the file. The file is replaced whole, and is its owner's only.
fn store(path: &Path, set: Set, text: &str) -> Result<()> {
    if set == Set::Ticket {
        TicketKeys::parse(text)?;
    }
    let file = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let head = format!("{}=", set.variable());
    let line = format!("{head}'{text}'");
    let is_ours = |line: &str| {
        line.trim_start()
            .trim_start_matches("export ")
            .starts_with(&head)
    };
    let mut lines: Vec<&str> = file.lines().collect();
    match lines.iter().position(|line| is_ours(line)) {
        Some(at) => lines[at] = &line,
        None => lines.push(&line),
    }
    let replaced = lines.join("\n") + "\n";
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(replaced.as_bytes())?;
            file.sync_all()
        })
        .map_err(anyhow::Error::from)
        .and_then(|()| {
            // A value over several lines, for one, would leave a rest behind.
            let read = settings::read(&beside)?;
            let found = read.iter().find(|(name, _)| name == set.variable());
            match found {
                Some((_, value)) if value == text => Ok(()),
                _ => bail!(
                    "{} holds {head} in a form that cannot be replaced: write it on one line",
                    path.display()
                ),
            }
        })
        .and_then(|()| Ok(fs::rename(&beside, path)?));
    if written.is_err() {
        // Nothing more can be done if that fails too.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| path.display().to_string())
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    match Algorithm::named(text) {
        Some(Algorithm::Rs256) | None => Err("one of HS256, ES256, EdDSA is meant".to_owned()),
        Some(algorithm) => Ok(algorithm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::token;
    use std::time::Duration;

    struct File(PathBuf);

    impl File {
        fn example(name: &str) -> Self {
            let example = Workspace::find().unwrap().path(".env.example");
            let path =
                std::env::temp_dir().join(format!("tidegate-keys-{}-{name}", std::process::id()));
            fs::copy(example, &path).unwrap();
            Self(path)
        }

        fn step(&self, words: &[&str]) -> Result<String> {
            use clap::Parser;
            #[derive(clap::Parser)]
            struct Cli {
                #[command(flatten)]
                args: Args,
            }
            let words = std::iter::once("keys").chain(words.iter().copied());
            step(&self.0, &Cli::try_parse_from(words)?.args.step)
        }

        fn kids(&self, set: Set) -> Vec<String> {
            kids(&current(&self.0, set).unwrap().unwrap()).unwrap()
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_set_is_rotated_step_by_step_and_the_rest_stays() {
        let file = File::example("rotation");
        let before = settings::read(&file.0).unwrap();
        for (set, name, alg) in [
            (Set::Auth, "auth", "ES256"),
            (Set::Ticket, "ticket", "HS256"),
        ] {
            let said = file
                .step(&["new", "--set", name, "--alg", alg, "--kid", "one"])
                .unwrap();
            assert!(said.contains("one is the one key"), "{said}");
            let said = file.step(&["new", "--set", name]).unwrap();
            assert!(
                said.contains(&format!("cargo xtask keys rotate --set {name}")),
                "{said}"
            );
            let two = file.kids(set)[1].clone();
            assert!(two.starts_with(&format!("{name}-")) && file.kids(set).len() == 2);
            let said = file.step(&["rotate", "--set", name]).unwrap();
            assert!(said.contains("--kid one"), "{said}");
            assert_eq!(file.kids(set), [two.as_str(), "one"]);
            assert!(
                file.step(&["remove", "--set", name, "--kid", &two])
                    .is_err()
            );
            file.step(&["remove", "--set", name, "--kid", "one"])
                .unwrap();
            assert_eq!(file.kids(set), [two.as_str()]);
        }
        let after = settings::read(&file.0).unwrap();
        assert_eq!(before.len(), after.len());
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.0, new.0);
            assert_eq!(old.1 == new.1, !old.0.ends_with("_KEYS"), "{}", old.0);
        }
    }

    #[test]
    fn what_cannot_be_done_leaves_the_file_as_it_was() {
        let file = File::example("refused");
        let before = fs::read_to_string(&file.0).unwrap();
        for words in [
            &["new", "--set", "ticket", "--alg", "EdDSA"][..],
            &["new", "--alg", "RS256"],
            &["new", "--kid", "a b"],
            &["rotate"],
            &["remove", "--kid", "example-auth"],
        ] {
            assert!(file.step(words).is_err(), "{words:?}");
        }
        assert_eq!(fs::read_to_string(&file.0).unwrap(), before);
        let missing = File(PathBuf::from("/nonexistent/.env"));
        assert!(
            missing
                .step(&["new"])
                .unwrap_err()
                .to_string()
                .contains("cp .env.example")
        );
    }

    #[test]
    fn development_tokens_are_signed_by_what_was_made() {
        for alg in ["HS256", "ES256", "EdDSA"] {
            let file = File::example(alg);
            file.step(&["new", "--alg", alg]).unwrap();
            let mut settings = Settings::load(&Workspace::find().unwrap()).unwrap();
            settings.set("auth_keys", current(&file.0, Set::Auth).unwrap().unwrap());
            settings.set("auth_issuer", "me");
            settings.set("auth_audience", "us");
            let args = token::Args::new("alice", &[], Duration::from_secs(60));
            token::sign(&settings, &args).unwrap();
        }
    }
}
