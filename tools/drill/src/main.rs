//! `drill`: reads what to do from standard input, one JSON object a line, and says on standard output what comes of it.
//! `drill forward` is a slow way between regions instead, `drill crowd` the viewers of one region.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => drill::run::run(),
        ["forward"] => drill::forward::run(),
        ["crowd"] => drill::crowd::run(),
        _ => Err(anyhow::anyhow!(
            "it takes one word, `forward` or `crowd`, or none"
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drill: {error:#}");
            ExitCode::FAILURE
        }
    }
}
