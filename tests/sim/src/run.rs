//! Running seeds.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use tidegate_stream::calls::SOURCE;

use crate::plan::Plan;
use crate::redis::Library;
use crate::report::{Report, Tally};
use crate::world::World;

thread_local! {
    static LIBRARY: RefCell<Option<Rc<Library>>> = const { RefCell::new(None) };
}

fn library() -> Rc<Library> {
    LIBRARY.with(|kept| {
        kept.borrow_mut()
            .get_or_insert_with(|| Rc::new(Library::load(SOURCE).expect("the library is Lua 5.1")))
            .clone()
    })
}

/// Runs a world to its end, or until something is violated.
pub fn run(plan: Plan, keep_log: bool) -> Report {
    run_with(library(), plan, keep_log)
}

/// The same with another source of the library.
///
/// # Errors
/// When it does not load.
pub fn run_broken(source: &str, plans: impl Iterator<Item = Plan>) -> mlua::Result<Option<Report>> {
    let library = Rc::new(Library::load(source)?);
    Ok(plans
        .map(|plan| run_with(library.clone(), plan, false))
        .find(|report| report.broken.is_some()))
}

fn run_with(library: Rc<Library>, plan: Plan, keep_log: bool) -> Report {
    let seed = plan.seed;
    let ran = catch_unwind(AssertUnwindSafe(|| {
        World::new(plan, library, keep_log).run()
    }));
    ran.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Report {
            seed,
            broken: Some(format!("panic: {}", what.unwrap_or_default())),
            hash: 0,
            log: Vec::new(),
            tally: Tally::default(),
        }
    })
}

/// Runs seeds one after the other; the counts of all, and the reports of those in which something was violated.
pub fn sweep(seeds: impl Iterator<Item = u64>) -> (Tally, Vec<Report>) {
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for seed in seeds {
        let report = run(Plan::of(seed), false);
        tally.add(&report.tally);
        if report.broken.is_some() {
            broken.push(report);
        }
    }
    (tally, broken)
}
