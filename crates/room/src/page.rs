//! Which part of a room's history is asked for.

use tidegate_stream::{Cursor, CursorError};

use crate::limits::{PAGE_DEFAULT, PAGE_MOST};

/// Why a query was refused: 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Not a number, or out of bounds.
    #[error("`limit` is 1 to {PAGE_MOST}")]
    Limit,
    /// Not a cursor.
    #[error("`after`: {0}")]
    After(CursorError),
    /// Given twice.
    #[error("`{0}` stands twice in the query")]
    Twice(&'static str),
}

/// A page of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Read on from here; none: the newest.
    pub after: Option<Cursor>,
    /// Messages, 1 to 200.
    pub limit: u32,
}

impl Page {
    /// Reads the pairs of a query. Names that it does not know are skipped.
    ///
    /// # Errors
    /// See [`PageError`].
    pub fn read<'q>(
        query: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> Result<Self, PageError> {
        let (mut after, mut limit) = (None, None);
        for (name, value) in query {
            match name {
                "after" => {
                    let cursor = value.parse().map_err(PageError::After)?;
                    if after.replace(cursor).is_some() {
                        return Err(PageError::Twice("after"));
                    }
                }
                "limit" => {
                    let count = value.parse().map_err(|_| PageError::Limit)?;
                    if !(1..=PAGE_MOST).contains(&count) {
                        return Err(PageError::Limit);
                    }
                    if limit.replace(count).is_some() {
                        return Err(PageError::Twice("limit"));
                    }
                }
                _ => {}
            }
        }
        Ok(Self {
            after,
            limit: limit.unwrap_or(PAGE_DEFAULT),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(Page::read([]).unwrap().limit, PAGE_DEFAULT);
        let page = Page::read([("limit", "200"), ("after", "1"), ("other", "x")]).unwrap();
        assert_eq!((page.limit, page.after), (200, Some(Cursor::default())));
        for bad in ["0", "201", "-1", "", "ten", "99999999999"] {
            assert_eq!(Page::read([("limit", bad)]), Err(PageError::Limit));
        }
        assert!(matches!(
            Page::read([("after", "x")]),
            Err(PageError::After(CursorError::Malformed))
        ));
        assert_eq!(
            Page::read([("limit", "1"), ("limit", "2")]),
            Err(PageError::Twice("limit"))
        );
        assert_eq!(
            Page::read([("after", "1"), ("after", "1")]),
            Err(PageError::Twice("after"))
        );
    }
}
