//! Signs that look like a Latin letter, and digits that are read as one. Not the whole of UTS #39, whose table is a
//! hundred times as long: what keyboards and "fancy text" pages offer.

/// The Latin letter that a sign without case looks like, or the sign itself. It stands on both sides of the comparison:
/// a word in Cyrillic is found as well when some of its letters were typed in Latin.
pub(crate) fn skeleton(sign: char) -> char {
    match sign {
        // Latin beyond ASCII: alpha, script g, iota, dotless i and j, small capitals.
        'ɑ' | 'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɡ' | 'ɢ' => 'g',
        'ʜ' => 'h',
        'ɩ' | 'ɪ' | 'ı' => 'i',
        'ᴊ' | 'ȷ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' => 'm',
        'ɴ' => 'n',
        'ᴏ' => 'o',
        'ᴘ' => 'p',
        'ʀ' => 'r',
        'ꜱ' => 's',
        'ᴛ' => 't',
        'ᴜ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ʏ' => 'y',
        'ᴢ' => 'z',
        // Cyrillic, by either case.
        'а' => 'a',
        'в' | 'ь' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'є' => 'e',
        'ԍ' => 'g',
        'н' | 'һ' => 'h',
        'і' => 'i',
        'ј' => 'j',
        'к' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'п' => 'n',
        'о' => 'o',
        'р' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'т' => 't',
        'ѵ' => 'v',
        'ԝ' => 'w',
        'х' => 'x',
        'у' | 'ү' => 'y',
        // Greek, by lower case where the two differ.
        'α' => 'a',
        'β' => 'b',
        'ε' => 'e',
        'η' => 'n',
        'ι' => 'i',
        'κ' => 'k',
        'μ' => 'm',
        'ν' => 'v',
        'ο' => 'o',
        'ρ' => 'p',
        'τ' => 't',
        'υ' => 'u',
        'χ' => 'x',
        'γ' => 'y',
        'ζ' => 'z',
        'ω' => 'w',
        // Armenian.
        'օ' => 'o',
        'ո' => 'n',
        'ս' => 'u',
        'հ' => 'h',
        'ց' => 'g',
        // Circled, squared and regional capitals, of which compatibility composition makes nothing.
        '🅐'..='🅩' => letter(sign, '🅐'),
        '🅰'..='🆉' => letter(sign, '🅰'),
        '🇦'..='🇿' => letter(sign, '🇦'),
        other => other,
    }
}

/// The letter of an alphabet that lies in one piece.
fn letter(sign: char, first: char) -> char {
    let place = u32::from(sign) - u32::from(first);
    char::from_u32(u32::from('a') + place).unwrap_or(sign)
}

/// The letter that a digit or a sign stands for; `one` is what `1` stands for, which may be two.
pub(crate) fn leet(sign: char, one: char) -> Option<char> {
    Some(match sign {
        '0' => 'o',
        '1' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        _ => return None,
    })
}
