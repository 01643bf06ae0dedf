//! Embeds the demo page and the JavaScript client, so that the binary serves them wherever it runs.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Folder, and where its files are served.
const FOLDERS: [(&str, &str); 2] = [
    ("../../clients/demo", "/"),
    ("../../clients/js/src", "/tidegate/"),
];

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut list = String::from("&[\n");
    for (folder, at) in FOLDERS {
        let folder = here.join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in files(&folder)? {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // Writing to a string does not fail.
            let _ = writeln!(
                list,
                "    ({:?}, include_bytes!({:?})),",
                format!("{at}{name}"),
                file
            );
        }
    }
    list.push(']');
    fs::write(out.join("files.rs"), list)
}

/// Files of a folder by name, those in folders within it not.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path.canonicalize()?);
        }
    }
    files.sort();
    Ok(files)
}
