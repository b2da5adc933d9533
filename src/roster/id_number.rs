//! The resident's identity number of GB 11643-1999: six digits of place, eight of birth, three of order, one of check.

use jiff::civil::Date;

use crate::units::Text;

/// Weights of the first 17 digits, 2^(17 - i) mod 11 (ISO 7064, MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The last character by the weighted sum mod 11.
const CHECK: &[u8; 11] = b"10X98765432";
/// Nobody who sits an examination was born before.
const FIRST_YEAR: i16 = 1900;

/// What is wrong with an identity number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdFault {
    /// Not 17 digits and a digit or X.
    Shape,
    /// The eight digits of birth are no day.
    Birth,
    /// The last character does not follow from the others: a digit is mistyped.
    CheckDigit,
}

impl IdFault {
    /// The fault in words.
    pub fn text(self) -> Text {
        match self {
            IdFault::Shape => {
                Text::new("身份证号应为 17 位数字加 1 位数字或 X", "an ID number is 17 digits and a digit or X")
            }
            IdFault::Birth => {
                Text::new("身份证号中的出生日期不存在", "the day of birth in the ID number does not exist")
            }
            IdFault::CheckDigit => Text::new(
                "身份证号校验位不符，号码有误",
                "the last character of the ID number does not follow from the others: it is mistyped",
            ),
        }
    }
}

/// The first fault of an identity number; a small x is as good as an X.
pub fn id_fault(number: &str) -> Option<IdFault> {
    let bytes = number.as_bytes();
    let (digits, last) = match bytes.split_at_checked(17) {
        Some((digits, [last])) if digits.iter().all(u8::is_ascii_digit) => (digits, last.to_ascii_uppercase()),
        _ => return Some(IdFault::Shape),
    };
    let value = |from: usize, to: usize| {
        digits[from..to].iter().fold(0i16, |value, digit| value * 10 + i16::from(digit - b'0'))
    };
    let (year, month, day) = (value(6, 10), value(10, 12), value(12, 14));
    let (month, day) = (month as i8, day as i8);
    if year < FIRST_YEAR || Date::new(year, month, day).is_err() {
        return Some(IdFault::Birth);
    }
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    if CHECK[(sum % 11) as usize] == last {
        None
    } else if last.is_ascii_digit() || last == b'X' {
        Some(IdFault::CheckDigit)
    } else {
        Some(IdFault::Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_standard_hold() {
        // The examples printed in GB 11643-1999.
        for number in ["11010519491231002X", "440524188001010014"] {
            let fault = id_fault(number);
            // The second was born before anybody who sits an examination today.
            assert_eq!(fault, number.starts_with('4').then_some(IdFault::Birth), "{number}");
        }
        assert_eq!(id_fault("11010519491231002x"), None);
    }

    #[test]
    fn one_wrong_digit_and_two_swapped_are_found() {
        let good = b"11010519491231002X";
        for at in 0..17 {
            for digit in b'0'..=b'9' {
                let mut bad = *good;
                bad[at] = digit;
                let bad = String::from_utf8(bad.to_vec()).unwrap();
                assert_eq!(id_fault(&bad).is_none(), digit == good[at], "{bad}");
            }
        }
        assert_eq!(id_fault("11010519491231020X"), Some(IdFault::CheckDigit));
    }

    #[test]
    fn what_is_no_number_is_said() {
        for odd in
            ["", "1101051949123100", "11010519491231002XX", "1101051949123100 X", "11010519491231002A", "一二三四五六"]
        {
            assert_eq!(id_fault(odd), Some(IdFault::Shape), "{odd}");
        }
        assert_eq!(id_fault("110105194902310021"), Some(IdFault::Birth));
    }
}
