//! The lines with which test runners close, so that the table shows how many tests ran.

use std::sync::Mutex;

/// No runner closes with more lines than this.
const MOST_LINES: usize = 64;

/// Collects closing lines while output passes by.
#[derive(Default)]
pub struct Closing(Mutex<Vec<String>>);

impl Closing {
    /// Looks at a line of output.
    pub fn read(&self, line: &str) {
        let plain = without_colours(line);
        if is_closing(&plain) {
            self.add(plain.trim().to_owned());
        }
    }

    /// A line of this program's own.
    pub fn add(&self, line: String) {
        if let Ok(mut lines) = self.0.lock()
            && lines.len() < MOST_LINES
        {
            lines.push(line);
        }
    }

    /// What was collected.
    pub fn into_lines(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_default()
    }
}

/// nextest's `Summary [ 1.2s] 10 tests run: …`, libtest's `test result: ok. …`, node's `# pass 3` and `ℹ pass 3`.
///
/// libtest's is not indented; where it is, nextest shows what one failed test wrote.
fn is_closing(line: &str) -> bool {
    let of_libtest = line.starts_with("test result: ") && !line.contains(" 0 passed; 0 failed;");
    let of_node = ["# ", "ℹ "].iter().any(|mark| {
        line.strip_prefix(mark).is_some_and(|rest| {
            ["tests ", "pass ", "fail "].iter().any(|word| {
                rest.strip_prefix(word)
                    .is_some_and(|count| count.parse::<u32>().is_ok())
            })
        })
    });
    line.trim_start().starts_with("Summary [") || of_libtest || of_node
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|sign: char| sign.is_ascii_digit() || sign == ';');
        rest = rest
            .strip_prefix(|sign: char| sign.is_ascii_alphabetic())
            .unwrap_or(rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_all_runners_are_kept_without_colours() {
        let closing = Closing::default();
        for line in [
            "     \x1b[32;1mSummary\x1b[0m [   0.9s] \x1b[1m12\x1b[0m tests run: 12 passed, 0 skipped",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s",
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "ℹ tests 7",
            "# pass 7",
            "# passing thoughts",
            "        PASS [   0.1s] xtask a::b",
        ] {
            closing.read(line);
        }
        assert_eq!(
            closing.into_lines(),
            [
                "Summary [   0.9s] 12 tests run: 12 passed, 0 skipped",
                "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
                "ℹ tests 7",
                "# pass 7",
            ]
        );
    }
}
