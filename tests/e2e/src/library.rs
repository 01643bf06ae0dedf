//! The function library as other versions would have it.

use crate::process::root;

/// The library, as another version would have it.
pub struct Source {
    text: String,
    /// Its version.
    pub version: i64,
}

impl Source {
    /// As it is.
    pub fn today() -> Self {
        let text = std::fs::read_to_string(root().join("infra/redis/tidegate.lua"))
            .expect("it is as it was");
        let (_, after) = text
            .split_once("\nlocal VERSION = ")
            .expect("it is as it was");
        let version = after
            .lines()
            .next()
            .expect("it is as it was")
            .parse()
            .expect("it is as it was");
        Self { text, version }
    }

    /// With another version.
    #[must_use]
    pub fn with(self, version: i64) -> Self {
        let line = |version: i64| format!("\nlocal VERSION = {version}\n");
        let text = self.text.replacen(&line(self.version), &line(version), 1);
        assert_ne!(text, self.text);
        Self { text, version }
    }

    /// Entries get one more field, which no reader of today knows.
    #[must_use]
    pub fn with_a_further_field(self) -> Self {
        let known = "'sp', shard.last.text, 'rp', rp,";
        let text = self
            .text
            .replacen(known, &format!("'later', 'unknown today', {known}"), 1);
        assert_ne!(text, self.text, "where entries are made has changed");
        Self { text, ..self }
    }

    /// Messages with the key `later-kind`, `later-lane` or `later-version` become entries that no reader of today knows.
    #[must_use]
    pub fn with_later_entries(self) -> Self {
        let known = "'v', '1', 'room', entry.room, 'kind', entry.kind, 'lane', entry.lane or '',";
        let later = "'v', entry.key == 'later-version' and '2' or '1', 'room', entry.room, \
                     'kind', entry.key == 'later-kind' and 'poll' or entry.kind, \
                     'lane', entry.key == 'later-lane' and 'whisper' or entry.lane or '',";
        let text = self.text.replacen(known, later, 1);
        assert_ne!(text, self.text, "where entries are made has changed");
        Self { text, ..self }
    }

    /// Loads it in the place of what is there.
    pub fn load(&self, redis: &mut redis::Connection) {
        redis::cmd("FUNCTION")
            .arg("LOAD")
            .arg("REPLACE")
            .arg(&self.text)
            .exec(redis)
            .expect("it is as it was");
    }
}
