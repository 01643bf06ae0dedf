//! `cargo xtask gslb`: what the description of the regions becomes for a name server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use tidegate_gslb::limits::DESCRIPTION_BYTES;
use tidegate_gslb::{Description, File, gdnsd, terraform};

use crate::workspace::Workspace;

/// Where the description lies unless told otherwise.
const DESCRIPTION: &str = "infra/gslb/regions.toml";

/// Which description.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Source {
    /// The description of the regions, instead of infra/gslb/regions.toml.
    #[arg(long, value_name = "FILE")]
    regions: Option<PathBuf>,
}

/// What `gslb` does.
#[derive(Debug, Clone, Subcommand)]
pub enum Args {
    /// Check the description of the regions, and write what a name server makes names move by.
    Render {
        /// For whom: gdnsd (its configuration folder) or terraform (Route 53).
        #[arg(long, value_enum, default_value_t = Target::Gdnsd)]
        to: Target,
        /// The folder to write to; it is made if need be. Left out: everything is printed.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        source: Source,
    },
}

/// For whom to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// A name server of one's own.
    Gdnsd,
    /// Route 53.
    Terraform,
}

impl Source {
    /// Reads and checks it.
    ///
    /// # Errors
    /// Names the file, and what is wrong in it.
    pub fn read(&self, workspace: &Workspace) -> Result<Description> {
        let path = match &self.regions {
            Some(path) => path.clone(),
            None => workspace.path(DESCRIPTION),
        };
        read(&path)
    }
}

fn read(path: &Path) -> Result<Description> {
    let cannot = || format!("{} cannot be read", path.display());
    let size = fs::metadata(path).with_context(cannot)?.len();
    anyhow::ensure!(
        size <= DESCRIPTION_BYTES as u64,
        "{}: a description is {DESCRIPTION_BYTES} bytes at most",
        path.display()
    );
    let text = fs::read_to_string(path).with_context(cannot)?;
    Description::parse(&text).with_context(|| path.display().to_string())
}

/// Does what was asked for, and prints what came of it.
///
/// # Errors
/// When the description is not taken, or a file cannot be written.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let Args::Render { to, out, source } = args;
    let description = source.read(workspace)?;
    let files = match to {
        Target::Gdnsd => gdnsd::render(&description)?,
        Target::Terraform => terraform::render(&description),
    };
    match out {
        Some(folder) => {
            write(folder, &files)?;
            for file in &files {
                println!("{}", folder.join(&file.path).display());
            }
        }
        None => {
            for file in &files {
                println!("# {}\n{}", file.path, file.text);
            }
        }
    }
    Ok(())
}

/// Writes files below a folder.
///
/// # Errors
/// Names the one that cannot be written.
pub fn write(folder: &Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, &file.text))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repositorys_own_description_is_rendered_for_both() {
        let workspace = Workspace::find().unwrap();
        let folder = std::env::temp_dir().join(format!("tidegate-gslb-{}", std::process::id()));
        for (to, file) in [
            (Target::Gdnsd, "zones/tg.example.org"),
            (Target::Terraform, "gslb.tf"),
        ] {
            let args = Args::Render {
                to,
                out: Some(folder.clone()),
                source: Source::default(),
            };
            run(&workspace, &args).unwrap();
            assert!(folder.join(file).is_file(), "{file}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_description_that_is_none_is_named() {
        let error = format!(
            "{:#}",
            read(Path::new("/nowhere/regions.toml")).unwrap_err()
        );
        assert!(error.contains("/nowhere/regions.toml"), "{error}");
        let file = std::env::temp_dir().join(format!("tidegate-bad-{}.toml", std::process::id()));
        fs::write(&file, "zone = 3").unwrap();
        let error = format!("{:#}", read(&file).unwrap_err());
        fs::remove_file(&file).unwrap();
        assert!(
            error.contains("tidegate-bad") && error.contains("string"),
            "{error}"
        );
    }
}
