//! Numbers of things in messages.

/// A number of things, in the form that the number asks for: 1 unit, 2 units.
#[must_use]
pub fn counted(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_thing_and_none_are_many() {
        assert_eq!(counted(1_u32, "unit"), "1 unit");
        assert_eq!(counted(0_usize, "unit"), "0 units");
        assert_eq!(counted(2_u64, "damaged partial"), "2 damaged partials");
    }
}
