//! What an error of Redis means, in whatever words a client hands it over: one table for everybody who speaks to a Redis.
//!
//! A client puts the code that Redis sends into words of its own: `READONLY` is `ReadOnly: …` to one and `An error was signalled
//! by the server - ReadOnly: …` to another, and a failed pipeline is a list of them. So both the codes and the words that follow
//! them are looked for, wherever they stand.

/// What Redis, or the connection to it, failed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A write was sent to a replica: a primary that was demoted, or the wrong address.
    ReadOnly,
    /// A read that waited, as the Redis became a replica.
    Unblocked,
    /// A replica that lost its primary and answers nothing meanwhile.
    MasterDown,
    /// It reads its data: after its start, or those of the primary that it follows now.
    Loading,
    /// A cluster that lacks a part.
    ClusterDown,
    /// A cluster's slot lies on another of its members.
    Moved,
    /// A primary that lacks the replicas it was told to have: it may be the one that was cut off.
    NoReplicas,
    /// A cluster's slot is on its way to another member.
    Ask,
    /// The same, and some of the keys have gone.
    TryAgain,
    /// A script or function runs for so long that nothing else is answered.
    Busy,
    /// The same, and it has written, so it cannot be ended.
    Unkillable,
    /// Its memory is full.
    OutOfMemory,
    /// Its disk is full, or fails.
    DiskFailed,
    /// The function library is not there, or one of its functions is not.
    NoLibrary,
    /// It asks for a password.
    NoAuth,
    /// The password is another.
    WrongPass,
    /// The user may not do that.
    NoPerm,
    /// A key holds something else than it should.
    WrongType,
    /// Any other refusal.
    Refused,
    /// No answer in time.
    Silent,
    /// The connection broke, or could not be made. Also what no client's words tell apart from it.
    Closed,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Connect anew, with the name of the address looked up anew, since it may lead to another Redis by now; again and again,
    /// with a back-off.
    ConnectAnew,
    /// Try again in a moment, on the same connection.
    Wait,
    /// Nothing can be written until there is room again. Reads go on, and the connection is good.
    Full,
    /// Load the function library, then send it again.
    LoadLibrary,
    /// Nothing that a caller does helps: somebody must mend something. Whoever runs on tries on all the same, with a back-off,
    /// and says so once: a password or a right may be set at any time.
    ForGood,
}

struct Row {
    fault: Fault,
    /// As Redis' own manual calls it.
    reply: &'static str,
    /// What stands in the text, as a word of its own.
    words: &'static [&'static str],
    remedy: Remedy,
    maybe_done: bool,
    reads: bool,
}

/// In the order in which a text is looked through: of several errors in one text, the first of these counts. Those come first that
/// refuse reads as well: a replica that does so may refuse a write beside as `READONLY`.
const TABLE: [Row; 21] = [
    unreadable(
        Fault::MasterDown,
        "`MASTERDOWN`",
        &["MASTERDOWN", "MasterDown", "Link with MASTER is down"],
        Remedy::ConnectAnew,
    ),
    unreadable(
        Fault::Loading,
        "`LOADING`",
        &[
            "LOADING",
            "BusyLoading",
            "BusyLoadingError",
            "is loading the dataset",
        ],
        Remedy::ConnectAnew,
    ),
    unreadable(
        Fault::ClusterDown,
        "`CLUSTERDOWN`",
        &["CLUSTERDOWN", "ClusterDown"],
        Remedy::ConnectAnew,
    ),
    row(
        Fault::ReadOnly,
        "`READONLY`",
        &["READONLY", "ReadOnly", "against a read only replica"],
        Remedy::ConnectAnew,
    ),
    row(
        Fault::Unblocked,
        "`UNBLOCKED`",
        &["UNBLOCKED"],
        Remedy::ConnectAnew,
    ),
    row(
        Fault::Moved,
        "`MOVED`",
        &["MOVED", "Moved:"],
        Remedy::ConnectAnew,
    ),
    row(
        Fault::NoReplicas,
        "`NOREPLICAS`",
        &["NOREPLICAS", "Not enough good replicas"],
        Remedy::ConnectAnew,
    ),
    row(Fault::Ask, "`ASK`", &["ASK", "Ask:"], Remedy::Wait),
    row(
        Fault::TryAgain,
        "`TRYAGAIN`",
        &["TRYAGAIN", "TryAgain"],
        Remedy::Wait,
    ),
    unreadable(Fault::Busy, "`BUSY`", &["BUSY"], Remedy::Wait),
    unreadable(
        Fault::Unkillable,
        "`UNKILLABLE`",
        &["UNKILLABLE"],
        Remedy::Wait,
    ),
    row(
        Fault::OutOfMemory,
        "`OOM`",
        &[
            "OOM",
            "command not allowed when used memory",
            "allow-oom flag is not set",
        ],
        Remedy::Full,
    ),
    row(Fault::DiskFailed, "`MISCONF`", &["MISCONF"], Remedy::Full),
    row(
        Fault::NoLibrary,
        "`ERR Function not found`",
        &["Function not found"],
        Remedy::LoadLibrary,
    ),
    unreadable(
        Fault::NoAuth,
        "`NOAUTH`",
        &["NOAUTH", "Authentication required"],
        Remedy::ForGood,
    ),
    unreadable(
        Fault::WrongPass,
        "`WRONGPASS`",
        &[
            "WRONGPASS",
            "invalid username-password pair",
            "AuthenticationFailed",
        ],
        Remedy::ForGood,
    ),
    row(
        Fault::NoPerm,
        "`NOPERM`",
        &["NOPERM", "NoPerm"],
        Remedy::ForGood,
    ),
    perhaps(
        Fault::WrongType,
        "`WRONGTYPE`",
        &["WRONGTYPE"],
        Remedy::ForGood,
        true,
    ),
    perhaps(
        Fault::Refused,
        "any other",
        &[
            "ERR",
            "ResponseError",
            "signalled by the server",
            "CROSSSLOT",
            "CrossSlot",
            "EXECABORT",
            "ExecAbort",
            "ExecAbortError",
            "TypeError",
            "UnexpectedReturnType",
            "exceeds limit",
        ],
        Remedy::ForGood,
        true,
    ),
    perhaps(
        Fault::Silent,
        "no answer in time",
        &["timed out", "did not answer"],
        Remedy::ConnectAnew,
        false,
    ),
    perhaps(
        Fault::Closed,
        "the connection is closed, reset or refused",
        &[],
        Remedy::ConnectAnew,
        false,
    ),
];

/// A refusal before anything was done, by a Redis that answers reads.
const fn row(
    fault: Fault,
    reply: &'static str,
    words: &'static [&'static str],
    remedy: Remedy,
) -> Row {
    Row {
        fault,
        reply,
        words,
        remedy,
        maybe_done: false,
        reads: true,
    }
}

/// The same, and reads are refused as well.
const fn unreadable(
    fault: Fault,
    reply: &'static str,
    words: &'static [&'static str],
    remedy: Remedy,
) -> Row {
    Row {
        reads: false,
        ..row(fault, reply, words, remedy)
    }
}

/// What may have been carried out, or a part of it.
const fn perhaps(
    fault: Fault,
    reply: &'static str,
    words: &'static [&'static str],
    remedy: Remedy,
    reads: bool,
) -> Row {
    Row {
        maybe_done: true,
        reads,
        ..row(fault, reply, words, remedy)
    }
}

impl Fault {
    /// Reads an error's text. One that nobody knows is taken for a broken connection: the wording of Redis is known, that of the
    /// systems between is not.
    pub fn of(text: &str) -> Self {
        TABLE
            .iter()
            .find(|row| row.words.iter().any(|word| has(text, word)))
            .map_or(Self::Closed, |row| row.fault)
    }

    /// What to do about it.
    pub fn remedy(self) -> Remedy {
        self.row().remedy
    }

    /// Whether it may have been carried out all the same, wholly or in part. What was refused was not.
    pub fn may_be_done(self) -> bool {
        self.row().maybe_done
    }

    /// Whether that Redis answers reads meanwhile. One that does not is silent to its viewers.
    pub fn answers_reads(self) -> bool {
        self.row().reads
    }

    fn row(self) -> &'static Row {
        // Each fault has its row, which a test holds.
        TABLE
            .iter()
            .find(|row| row.fault == self)
            .unwrap_or(&TABLE[TABLE.len() - 1])
    }

    /// The table as `docs/redis.md` shows it: a line of Markdown for each fault.
    pub fn documented() -> impl Iterator<Item = String> {
        TABLE.iter().map(|row| {
            let remedy = match row.remedy {
                Remedy::ConnectAnew => "connect anew",
                Remedy::Wait => "wait",
                Remedy::Full => "full",
                Remedy::LoadLibrary => "load the library",
                Remedy::ForGood => "for good",
            };
            let yes = |it| if it { "yes" } else { "no" };
            let (done, reads) = (yes(row.maybe_done), yes(row.reads));
            format!("| {} | {remedy} | {done} | {reads} |", row.reply)
        })
    }
}

/// Whether a text has this as a word, or words, of its own: `OOM` is not in `ROOM`.
fn has(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let ends = !word.ends_with(part_of_word);
        !text[..at].ends_with(part_of_word)
            && (ends || !text[at + word.len()..].starts_with(part_of_word))
    })
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
