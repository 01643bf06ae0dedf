//! Items of CBOR (RFC 8949, section 3), as far as frames need them: lengths are definite, there are no tags and no floats.

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// Appends a head in its shortest form.
fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    match value {
        0..24 => out.push(major | value as u8),
        24..0x100 => out.extend_from_slice(&[major | 24, value as u8]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend_from_slice(&(value as u16).to_be_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(major | 26);
            out.extend_from_slice(&(value as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

pub(super) fn uint(out: &mut Vec<u8>, value: u64) {
    head(out, UINT, value);
}

pub(super) fn text(out: &mut Vec<u8>, text: &[u8]) {
    head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text);
}

pub(super) fn array(out: &mut Vec<u8>, items: usize) {
    head(out, ARRAY, items as u64);
}

pub(super) fn map(out: &mut Vec<u8>, pairs: usize) {
    head(out, MAP, pairs as u64);
}

pub(super) fn null(out: &mut Vec<u8>) {
    out.push(NULL);
}

pub(super) fn yes(out: &mut Vec<u8>) {
    out.push(TRUE);
}

/// Not CBOR, or not of the kind that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads items one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a>(&'a [u8]);

impl<'a> Items<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, bytes: u64) -> Result<&'a [u8], Unreadable> {
        let bytes = usize::try_from(bytes).map_err(|_| Unreadable)?;
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Major type and argument. Indefinite lengths are not taken.
    fn head(&mut self) -> Result<(u8, u64), Unreadable> {
        let &first = self.take(1)?.first().ok_or(Unreadable)?;
        let argument = match first & 0x1f {
            small @ 0..24 => u64::from(small),
            size @ 24..28 => self
                .take(1 << (size - 24))?
                .iter()
                .fold(0, |value, &byte| value << 8 | u64::from(byte)),
            _ => return Err(Unreadable),
        };
        Ok((first >> 5, argument))
    }

    fn expect(&mut self, major: u8) -> Result<u64, Unreadable> {
        match self.head()? {
            (found, argument) if found == major => Ok(argument),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn uint(&mut self) -> Result<u64, Unreadable> {
        self.expect(UINT)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Unreadable> {
        let bytes = self.expect(TEXT)?;
        std::str::from_utf8(self.take(bytes)?).map_err(|_| Unreadable)
    }

    /// How many items follow; each is a byte at least.
    pub(super) fn array(&mut self) -> Result<usize, Unreadable> {
        let items = self.expect(ARRAY)?;
        self.fits(items)
    }

    /// How many pairs follow.
    pub(super) fn map(&mut self) -> Result<usize, Unreadable> {
        let pairs = self.expect(MAP)?;
        self.fits(pairs.checked_mul(2).ok_or(Unreadable)?)?;
        Ok(pairs as usize)
    }

    fn fits(&self, items: u64) -> Result<usize, Unreadable> {
        usize::try_from(items)
            .ok()
            .filter(|&items| items <= self.0.len())
            .ok_or(Unreadable)
    }

    pub(super) fn is_null(&self) -> bool {
        self.0 == [NULL]
    }

    pub(super) fn is_true(&self) -> bool {
        self.0 == [TRUE]
    }

    /// The bytes of the next item, whatever it is and holds. Nothing recurses.
    pub(super) fn item(&mut self) -> Result<Items<'a>, Unreadable> {
        let whole = self.0;
        let mut wanted: u64 = 1;
        while wanted > 0 {
            wanted -= 1;
            let (major, argument) = self.head()?;
            let more = match major {
                BYTES | TEXT => {
                    self.take(argument)?;
                    0
                }
                ARRAY => argument,
                MAP => argument.checked_mul(2).ok_or(Unreadable)?,
                TAG => 1,
                // A simple value below 32 in two bytes is not well-formed (section 3.3).
                SIMPLE if whole.len() - self.0.len() >= 2 && argument < 32 => {
                    let head = whole[whole.len() - self.0.len() - 2];
                    if head == SIMPLE << 5 | 24 {
                        return Err(Unreadable);
                    }
                    0
                }
                _ => 0,
            };
            // What is announced must be there, or a few bytes could announce for ever.
            wanted = wanted
                .checked_add(more)
                .filter(|&wanted| wanted <= self.0.len() as u64)
                .ok_or(Unreadable)?;
        }
        Ok(Items(&whole[..whole.len() - self.0.len()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 8949, appendix A.
    #[test]
    fn examples_of_the_standard() {
        for (value, bytes) in [
            (0_u64, "00"),
            (10, "0a"),
            (23, "17"),
            (24, "1818"),
            (100, "1864"),
            (1_000, "1903e8"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (u64::MAX, "1bffffffffffffffff"),
        ] {
            let mut out = Vec::new();
            uint(&mut out, value);
            assert_eq!(hex(&out), bytes);
            assert_eq!(Items::new(&out).uint(), Ok(value));
        }
        let mut out = Vec::new();
        text(&mut out, "\u{6c34}".as_bytes());
        array(&mut out, 25);
        map(&mut out, 2);
        yes(&mut out);
        null(&mut out);
        assert_eq!(hex(&out), "63e6b0b49819a2f5f6");
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            &b""[..],
            b"\x18",
            b"\x19\x01",
            b"\x1c",
            b"\x5f\x41a\xff",
            b"\x9f\xff",
            b"\xff",
            b"\x62a",
            b"\x82\x01",
            b"\xa1\x01",
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xf8\x14",
            b"\xc1",
        ] {
            assert!(Items::new(bad).item().is_err(), "{bad:x?}");
        }
        assert_eq!(Items::new(b"\x61\xff").text(), Err(Unreadable));
        assert_eq!(Items::new(b"\x9a\x00\x01\x00\x00").array(), Err(Unreadable));
    }

    #[test]
    fn depth_does_not_matter() {
        let mut deep = vec![0x81; 1 << 20];
        deep.push(0);
        assert!(Items::new(&deep).item().is_ok());
        let tags = [vec![0xc1; 1 << 20], vec![0]].concat();
        assert!(Items::new(&tags).item().is_ok());
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn items_are_passed_over_whole(value: u64, string in ".{0,300}", rest in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut bytes = Vec::new();
            map(&mut bytes, 1);
            uint(&mut bytes, value);
            array(&mut bytes, 3);
            text(&mut bytes, string.as_bytes());
            null(&mut bytes);
            // A float of eight bytes, and a negative number.
            bytes.extend(b"\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a");
            let length = bytes.len();
            bytes.extend(&rest);
            let mut items = Items::new(&bytes);
            prop_assert_eq!(items.item().unwrap().0.len(), length);
            prop_assert_eq!(items.0, &rest[..]);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Items::new(&bytes).item();
        }
    }
}
