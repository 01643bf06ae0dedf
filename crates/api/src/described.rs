//! Holds `docs/openapi.yaml` to the tables in the code.

use std::collections::BTreeSet;

use tidegate_route::Calls;

use crate::document::TEXT as DOCUMENT;

/// Lines between two headings of the document.
fn section(from: &str, to: &str) -> &'static str {
    let start = DOCUMENT.find(from).unwrap() + from.len();
    &DOCUMENT[start..start + DOCUMENT[start..].find(to).unwrap()]
}

#[test]
fn every_call_is_described_and_no_other() {
    let mut described = BTreeSet::new();
    let mut path = "";
    for line in section("\npaths:\n", "\ncomponents:\n").lines() {
        if let Some(found) = line.strip_prefix("  /") {
            path = found.trim_end_matches(':');
        } else if let Some(method) = line.strip_prefix("    ").and_then(|l| l.strip_suffix(':'))
            && method.bytes().all(|byte| byte.is_ascii_lowercase())
        {
            described.insert(format!("{} /{path}", method.to_uppercase()));
        }
    }
    let calls: BTreeSet<String> = Calls::table()
        .map(|(method, path)| format!("{} {path}", method.name()))
        .collect();
    assert_eq!(described, calls);
}

#[test]
fn every_refusal_is_described_under_its_status_and_no_other() {
    let mut described = BTreeSet::new();
    let mut status = "";
    for line in section("\n  responses:\n", "\n  schemas:\n").lines() {
        if let Some(found) = line
            .strip_prefix("    '")
            .and_then(|l| l.strip_suffix("':"))
        {
            status = found;
        } else if let Some((_, codes)) = line.split_once("enum: [") {
            for code in codes.trim_end_matches(['}', ']', ' ']).split(", ") {
                described.insert(format!("{status} {code}"));
            }
        }
    }
    let refusals: BTreeSet<String> = crate::refusal::every()
        .iter()
        .map(|refusal| format!("{} {}", refusal.status(), refusal.code()))
        .collect();
    assert_eq!(described, refusals);
}
