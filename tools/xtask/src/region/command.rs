//! `cargo xtask region`: what an operator does with a whole region.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use tidegate_gslb::Description;
use tidegate_gslb::drain::{Wish, edit};
use tidegate_stream::Region;

use super::member;
use crate::gslb::Source;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// What `region` does.
#[derive(Debug, Clone, Subcommand)]
pub enum Args {
    /// Keep newcomers from a region, on a gdnsd of this machine: api. and live. lead elsewhere, whatever its health says. Its
    /// own names stay, and so do its viewers. With Route 53, set its weight to 0 in the description and apply that.
    Drain(Drain),
    /// End a drain.
    Restore(Drain),
    /// Let the regions know of a region: first as joining, then, when it has been filled, as active.
    Add(member::Add),
    /// Take a region out for good, when nobody writes there any more and the others have read to its end.
    Retire(member::Retire),
}

/// Which region, and where gdnsd looks.
#[derive(Debug, Clone, clap::Args)]
pub struct Drain {
    /// The region's name in the description.
    name: String,
    /// gdnsd's state folder, instead of gdnsd.state_dir of the description.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// Does what was asked for, and prints what came of it.
///
/// # Errors
/// When the region is not described, is the last that takes newcomers, or gdnsd's folder cannot be written.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let (drain, wish) = match args {
        Args::Drain(drain) => (drain, Wish::Drain),
        Args::Restore(drain) => (drain, Wish::Restore),
        Args::Add(add) => {
            println!("{}", member::add(&Settings::load(workspace)?, add)?);
            return Ok(());
        }
        Args::Retire(retire) => {
            println!("{}", member::retire(&Settings::load(workspace)?, retire)?);
            return Ok(());
        }
    };
    let description = drain.source.read(workspace)?;
    println!("{}", carry_out(&description, drain, wish)?);
    Ok(())
}

fn carry_out(description: &Description, drain: &Drain, wish: Wish) -> Result<String> {
    let name = &drain.name;
    let region: Region = name
        .parse()
        .with_context(|| format!("{name:?} is no region's name"))?;
    let folder = match &drain.state_dir {
        Some(folder) => folder.clone(),
        None => PathBuf::from(&description.gdnsd.state_dir),
    };
    let path = folder.join("admin_state");
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => String::new(),
        Err(error) => {
            return Err(error).with_context(|| {
                format!(
                    "{} cannot be read: run this where gdnsd runs, as one who may, or name its folder with --state-dir",
                    path.display()
                )
            });
        }
    };
    let after = edit(description, &before, &region, wish)?;
    if after == before {
        return Ok(format!("{name}: nothing to change in {}", path.display()));
    }
    replace(&path, &after)?;
    let ttl_s = description.moving_ttl_s;
    Ok(match wish {
        Wish::Drain => format!(
            "{name} is drained: newcomers go elsewhere within {ttl_s} s of gdnsd's reading {}",
            path.display()
        ),
        Wish::Restore => format!("{name} takes newcomers again, when it is up"),
    })
}

/// gdnsd reads the file whenever it changes: it must never see half of it.
fn replace(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(name: &str, folder: &Path) -> Drain {
        Drain {
            name: name.to_owned(),
            state_dir: Some(folder.to_owned()),
            source: Source::default(),
        }
    }

    #[test]
    fn a_drain_is_written_once_and_taken_back() {
        let description = Source::default().read(&Workspace::find().unwrap()).unwrap();
        let folder = std::env::temp_dir().join(format!("tidegate-drain-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("admin_state");
        fs::write(&path, "*/dc-jp => DOWN\n").unwrap();
        let east = drain("us-east", &folder);
        let said = carry_out(&description, &east, Wish::Drain).unwrap();
        assert!(said.contains("within 15 s"), "{said}");
        let state = fs::read_to_string(&path).unwrap();
        assert!(state.contains("geoip/api/us-east => DOWN"), "{state}");
        let again = carry_out(&description, &east, Wish::Drain).unwrap();
        assert!(again.contains("nothing to change"), "{again}");
        carry_out(&description, &east, Wish::Restore).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "*/dc-jp => DOWN\n");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_with_the_flag() {
        let description = Source::default().read(&Workspace::find().unwrap()).unwrap();
        let nowhere = drain("us-east", Path::new("/nowhere"));
        let error = carry_out(&description, &nowhere, Wish::Drain).unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.contains("/nowhere") && error.contains("--state-dir"),
            "{error}"
        );
    }
}
