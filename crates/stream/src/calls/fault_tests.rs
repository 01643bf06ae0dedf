//! Texts as they were recorded: Redis' own, and what clients make of them.

use super::*;

/// Redis 7.0.15 itself.
const REDIS: [(&str, Fault); 20] = [
    (
        "READONLY You can't write against a read only replica.",
        Fault::ReadOnly,
    ),
    (
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        Fault::Unblocked,
    ),
    (
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        Fault::MasterDown,
    ),
    (
        "LOADING Redis is loading the dataset in memory",
        Fault::Loading,
    ),
    ("CLUSTERDOWN Hash slot not served", Fault::ClusterDown),
    ("MOVED 3999 127.0.0.1:6381", Fault::Moved),
    ("ASK 3999 127.0.0.1:6381", Fault::Ask),
    (
        "TRYAGAIN Multiple keys request during rehashing of slot",
        Fault::TryAgain,
    ),
    (
        "NOREPLICAS Not enough good replicas to write.",
        Fault::NoReplicas,
    ),
    (
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        Fault::Busy,
    ),
    (
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script \
         termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        Fault::Unkillable,
    ),
    (
        "OOM command not allowed when used memory > 'maxmemory'.",
        Fault::OutOfMemory,
    ),
    (
        "OOM allow-oom flag is not set on the function, can not run it when used memory > 'maxmemory'",
        Fault::OutOfMemory,
    ),
    (
        "MISCONF Errors writing to the AOF file: No space left on device",
        Fault::DiskFailed,
    ),
    ("ERR Function not found", Fault::NoLibrary),
    ("NOAUTH Authentication required.", Fault::NoAuth),
    (
        "WRONGPASS invalid username-password pair or user is disabled.",
        Fault::WrongPass,
    ),
    (
        "NOPERM this user has no permissions to run the 'set' command",
        Fault::NoPerm,
    ),
    (
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        Fault::WrongType,
    ),
    (
        "EXECABORT Transaction discarded because of previous errors.",
        Fault::Refused,
    ),
];

/// redis-rs 1.8, as services use it: what it knows by the name of its kind, the rest with the code in quotes.
const REDIS_RS: [(&str, Fault); 17] = [
    (
        "ReadOnly: You can't write against a read only replica.",
        Fault::ReadOnly,
    ),
    (
        "Pipeline failure: [(Index 1, error: ReadOnly: You can't write against a read only replica.)]",
        Fault::ReadOnly,
    ),
    (
        "Transaction aborted: [(Index 0, error: ReadOnly: You can't write against a read only replica.)]",
        Fault::ReadOnly,
    ),
    (
        "Pipeline failures: [(Index 0, error: ResponseError: Function not found), (Index 3, error: ReadOnly: You can't write \
         against a read only replica.)]",
        Fault::ReadOnly,
    ),
    (
        "Pipeline failures: [(Index 0, error: ReadOnly: You can't write against a read only replica.), (Index 1, error: \
         MasterDown: Link with MASTER is down and replica-serve-stale-data is set to 'no'.)]",
        Fault::MasterDown,
    ),
    (
        "MasterDown: Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        Fault::MasterDown,
    ),
    (
        "BusyLoading: Redis is loading the dataset in memory",
        Fault::Loading,
    ),
    ("ClusterDown: Hash slot not served", Fault::ClusterDown),
    ("Moved: 3999 127.0.0.1:6381", Fault::Moved),
    ("Ask: 3999 127.0.0.1:6381", Fault::Ask),
    (
        "TryAgain: Multiple keys request during rehashing of slot",
        Fault::TryAgain,
    ),
    (
        "\"NOREPLICAS\": Not enough good replicas to write.",
        Fault::NoReplicas,
    ),
    (
        "\"BUSY\": Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        Fault::Busy,
    ),
    (
        "\"OOM\": command not allowed when used memory > 'maxmemory'.",
        Fault::OutOfMemory,
    ),
    (
        "\"MISCONF\": Errors writing to the AOF file: No space left on device",
        Fault::DiskFailed,
    ),
    (
        "Password authentication failed - AuthenticationFailed",
        Fault::WrongPass,
    ),
    (
        "NoPerm: this user has no permissions to run the 'fcall' command",
        Fault::NoPerm,
    ),
];

/// The older redis-rs in Spin's host, whose words `edge-host` uses as well.
const HOST: [(&str, Fault); 14] = [
    (
        "An error was signalled by the server - ReadOnly: You can't write against a read only replica.",
        Fault::ReadOnly,
    ),
    (
        "An error was signalled by the server - MasterDown: Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        Fault::MasterDown,
    ),
    (
        "An error was signalled by the server - BusyLoadingError: Redis is loading the dataset in memory",
        Fault::Loading,
    ),
    (
        "An error was signalled by the server - ClusterDown: Hash slot not served",
        Fault::ClusterDown,
    ),
    (
        "An error was signalled by the server - Moved: 3999 127.0.0.1:6381",
        Fault::Moved,
    ),
    ("MOVED 3999 127.0.0.1:6381", Fault::Moved),
    (
        "An error was signalled by the server - Ask: 3999 127.0.0.1:6381",
        Fault::Ask,
    ),
    (
        "NOREPLICAS: Not enough good replicas to write.",
        Fault::NoReplicas,
    ),
    (
        "An error was signalled by the server - ResponseError: BUSY Redis is busy running a script.",
        Fault::Busy,
    ),
    (
        "OOM: allow-oom flag is not set on the function, can not run it when used memory > 'maxmemory'",
        Fault::OutOfMemory,
    ),
    (
        "An error was signalled by the server - ResponseError: Function not found",
        Fault::NoLibrary,
    ),
    (
        "AuthenticationFailed: WRONGPASS invalid username-password pair",
        Fault::WrongPass,
    ),
    (
        "An error was signalled by the server - NoPerm: this user has no permissions to run the 'fcall' command",
        Fault::NoPerm,
    ),
    (
        "WRONGTYPE: Operation against a key holding the wrong kind of value",
        Fault::WrongType,
    ),
];

const ELSE: [(&str, Fault); 11] = [
    ("Connection refused (os error 111)", Fault::Closed),
    ("broken pipe", Fault::Closed),
    ("Connection reset by peer (os error 104)", Fault::Closed),
    ("failed to lookup address information", Fault::Closed),
    ("a word that nobody knows", Fault::Closed),
    ("timed out", Fault::Silent),
    ("Redis did not answer within 1500 ms", Fault::Silent),
    (
        "ResponseError: user_function:12: attempt to index a nil value",
        Fault::Refused,
    ),
    ("ERR syntax error", Fault::Refused),
    // A word counts only where it stands alone.
    ("ResponseError: BOOM in ROOM MULTITASK", Fault::Refused),
    (
        "\"BUSYGROUP\": ERR Consumer Group name already exists",
        Fault::Refused,
    ),
];

#[test]
fn each_is_recognised_in_the_words_of_every_client() {
    let all = REDIS.iter().chain(&REDIS_RS).chain(&HOST).chain(&ELSE);
    for (text, fault) in all {
        assert_eq!(Fault::of(text), *fault, "{text}");
    }
}

#[test]
fn each_fault_has_one_row_and_recorded_words() {
    for (at, row) in TABLE.iter().enumerate() {
        let same = |other: &Row| other.fault == row.fault;
        assert_eq!(TABLE.iter().position(same), Some(at), "{:?}", row.fault);
        assert_eq!(row.fault.remedy(), row.remedy);
        let recorded = REDIS.iter().chain(&ELSE);
        assert!(
            recorded.clone().any(|(_, fault)| *fault == row.fault),
            "{:?} is recorded nowhere",
            row.fault
        );
    }
}

#[test]
fn only_what_broke_or_stopped_half_way_may_have_been_done() {
    let perhaps: Vec<Fault> = TABLE
        .iter()
        .map(|row| row.fault)
        .filter(|fault| fault.may_be_done())
        .collect();
    assert_eq!(
        perhaps,
        [
            Fault::WrongType,
            Fault::Refused,
            Fault::Silent,
            Fault::Closed
        ]
    );
}

#[test]
fn the_table_of_the_docs_is_this_one() {
    let docs = include_str!("../../../../docs/redis.md");
    let lines: Vec<String> = Fault::documented().collect();
    assert!(
        docs.contains(&lines.join("\n")),
        "docs/redis.md, \"What Redis answers instead\", must be:\n{}",
        lines.join("\n")
    );
}
