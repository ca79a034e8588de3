//! Embeds the folder `localstack/`, so that the one binary can start the emulator.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    io::stdout().write_all(b"cargo::rerun-if-changed=localstack\n")?;
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("localstack");
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).expect("it was found below").to_string_lossy();
        writeln!(table, "({name:?}, include_str!({:?})),", file.to_string_lossy())
            .expect("a string takes everything");
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("localstack.rs");
    fs::write(out, table)
}

/// What running a Python leaves behind is no part of the sources.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir()
            && name != "tests"
            && name != "__pycache__"
            && !name.ends_with(".egg-info")
            && name != "build"
        {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "py" || e == "toml" || e == "txt") {
            files.push(path);
        }
    }
    Ok(())
}
