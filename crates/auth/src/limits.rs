//! Every bound of this crate, and why it is what it is.

/// Longest key set, as text, in bytes: 16 keys of up to 1 KiB each.
pub const KEY_SET_BYTES: usize = 16 * 1_024;
/// Most keys in one set. Rotation needs two or three.
pub const KEYS_MAX: usize = 16;
/// Shortest secret for HS256, in bytes: as long as its output (RFC 7518, section 3.2).
pub const SECRET_MIN_BYTES: usize = 32;
/// Longest secret, in bytes.
pub const SECRET_MAX_BYTES: usize = 512;
/// Smallest RSA modulus, in bits (RFC 7518, section 3.3).
pub const RSA_MIN_BITS: u64 = 2_048;
/// Largest RSA modulus, in bits: a check costs the cube of it.
pub const RSA_MAX_BITS: u64 = 4_096;
/// Smallest RSA exponent (FIPS 186-5, section A.1.1).
pub const RSA_EXPONENT_MIN: u32 = 65_537;
/// Longest `kid` of a key, in bytes.
pub const KID_BYTES: usize = 128;
/// Longest `kid` of a ticket key, in bytes.
pub const TICKET_KID_BYTES: usize = 32;

/// Longest answer of an address that key sets are fetched from, in bytes. Sets with certificate chains reach 20 KiB.
pub const FETCHED_BYTES: usize = 64 * 1_024;
/// Most keys of a fetched set that are looked at; only 16 that can be used are kept.
pub const FETCHED_KEYS_MAX: usize = 64;
/// How long a fetched set is used before it is fetched again, in ms: how long a key that its issuer has withdrawn is still
/// taken, at most.
pub const FRESH_MS: u64 = 5 * 60_000;
/// How long it is used when its address does not answer, in ms: a day, in which somebody will have noticed.
pub const STALE_MS: u64 = 24 * 60 * 60_000;
/// How far ahead another instance's clock may have been, in ms.
pub const FETCHED_AHEAD_MS: u64 = 60_000;
/// Least time between two fetches, in ms, whatever tokens say.
pub const FLOOR_MS: u64 = 30_000;
/// Least time to the next fetch after one that failed, in ms.
pub const AGAIN_MS: u64 = 5_000;
/// Least time between two looks into the cache by one instance, in ms.
pub const LOOK_MS: u64 = 1_000;

/// Longest token, in bytes: what is left of an 8 KiB head, so that a longer one never arrives by a header anyway.
pub const TOKEN_BYTES: usize = 8 * 1_024;
/// Longest `jti`, in bytes.
pub const JTI_BYTES: usize = 128;
/// Longest `info` of a token, in bytes of JSON.
pub const INFO_BYTES: usize = 512;
/// Most room patterns in a token. 64 patterns of 65 bytes are 4 KiB, half a token.
pub const PATTERNS_MAX: usize = 64;
/// Latest date taken, in seconds since the epoch: the end of the year 9999.
pub const DATE_MAX_S: f64 = 253_402_300_799.0;
/// How far `nbf` and `iat` may lie ahead, in ms: the clocks of others.
pub const LEEWAY_MS: u64 = 30_000;

/// Longest ticket, in bytes. Its parts are at most 2 + 1 + 32 + 1 + 43 + 1 = 80 bytes beside the payload; the payload is
/// `{"r":…,"s":…,"j":…,"m":true,"e":…}` with 64, 63, 32 and 15 signs: 224 bytes, 299 in base64. The rest is for fields of
/// newer versions.
pub const TICKET_BYTES: usize = 768;
/// How long a ticket lasts at most, in ms.
pub const TICKET_LIFE_MS: u64 = 3_600_000;
