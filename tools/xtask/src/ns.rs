//! `cargo xtask ns`: settings of namespaces, checked before they lie in Redis.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use tidegate_room::NamespaceSettings;
use tidegate_room::namespace::BODY_BYTES;
use tidegate_stream::digest;

use crate::region;
use crate::region::namespace::{Namespace, read_text};
use crate::settings::Settings;
use crate::up::resp::Reply;
use crate::workspace::Workspace;

/// What `ns` does.
#[derive(Debug, Clone, Subcommand)]
pub enum Args {
    /// Put a namespace's settings in force: how its new rooms begin, how many there may be. Edges obey within five seconds.
    /// Each region has its own Redis: do it in each.
    Put {
        #[command(flatten)]
        namespace: Namespace,
        /// The settings, a JSON object; docs/redis.md names its fields.
        file: PathBuf,
    },
    /// Print what is in force.
    Show {
        #[command(flatten)]
        namespace: Namespace,
    },
    /// Take a namespace's settings out of force. Its rooms keep what they began with.
    Drop {
        #[command(flatten)]
        namespace: Namespace,
    },
}

/// Does what was asked for, and prints what came of it.
///
/// # Errors
/// As [`carry_out`], and when the settings cannot be read.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    println!("{}", carry_out(&Settings::load(workspace)?, args)?);
    Ok(())
}

/// Does what was asked for.
///
/// # Errors
/// When a namespace or its settings are not taken, or Redis is not reached.
fn carry_out(settings: &Settings, args: &Args) -> Result<String> {
    let (Args::Put { namespace, .. } | Args::Show { namespace } | Args::Drop { namespace }) = args;
    let name = &namespace.name;
    let key = region::keys(settings).namespace(name);
    match args {
        Args::Put { file, .. } => {
            let body = checked(file)?;
            let version = digest::body(body.as_bytes());
            let command = ["HSET", &key, "version", &version, "body", &body];
            namespace.open(settings)?.call(&command)?;
            Ok(format!(
                "{name}: version {version} is in force within five seconds"
            ))
        }
        Args::Show { .. } => match namespace.open(settings)?.call(&["HGET", &key, "body"])? {
            Reply::Text(body) => Ok(body.trim_end().to_owned()),
            _ => Ok(format!("{name}: there are no settings")),
        },
        Args::Drop { .. } => match namespace.open(settings)?.call(&["DEL", &key])? {
            Reply::Integer(0) => Ok(format!("{name}: there were no settings")),
            _ => Ok(format!(
                "{name}: no settings are in force within five seconds"
            )),
        },
    }
}

/// Settings that the edge will take, as text.
fn checked(file: &Path) -> Result<String> {
    let body = read_text(file, "settings", BODY_BYTES)?;
    NamespaceSettings::read_strictly(body.as_bytes())
        .with_context(|| format!("{} is not taken", file.display()))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::region::Place;
    use crate::up::redis::tests::with_redis;

    #[test]
    fn settings_are_put_shown_and_dropped() {
        with_redis("unit-test-ns", |plan, settings| {
            let namespace = || Namespace {
                name: "demo".to_owned(),
                place: Place::at(&format!("redis://127.0.0.1:{}", plan.redis)),
            };
            let file = plan.redis_folder().join("ns.json");
            fs::write(&file, "{\"slow_ms\":500}\n").unwrap();
            let put = Args::Put {
                namespace: namespace(),
                file: file.clone(),
            };
            let show = Args::Show {
                namespace: namespace(),
            };
            let drop = Args::Drop {
                namespace: namespace(),
            };
            assert!(carry_out(settings, &put).unwrap().contains("in force"));
            assert_eq!(carry_out(settings, &show).unwrap(), "{\"slow_ms\":500}");

            fs::write(&file, r#"{"slowms":500}"#).unwrap();
            let error = format!("{:#}", carry_out(settings, &put).unwrap_err());
            assert!(
                error.contains("`slowms`") && error.contains("slow_ms"),
                "{error}"
            );
            assert_eq!(carry_out(settings, &show).unwrap(), "{\"slow_ms\":500}");

            carry_out(settings, &drop).unwrap();
            let said = carry_out(settings, &show).unwrap();
            assert_eq!(said, "demo: there are no settings");
            let again = carry_out(settings, &drop).unwrap();
            assert_eq!(again, "demo: there were no settings");
        });
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        for (name, text) in [("large", " ".repeat(BODY_BYTES + 1)), ("list", "[]".into())] {
            let file =
                std::env::temp_dir().join(format!("tidegate-ns-{}-{name}", std::process::id()));
            fs::write(&file, text).unwrap();
            let error = checked(&file).unwrap_err().to_string();
            fs::remove_file(&file).unwrap();
            assert!(error.contains(name), "{error}");
        }
        assert!(checked(Path::new("/nowhere/at-all")).is_err());
    }
}
