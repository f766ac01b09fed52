//! Pieces that several sections use.

use crate::page::{Markup, html};

/// Names with their colours and line styles.
pub(super) fn legend(names: &[&str]) -> Markup {
    html! { div.legend { @for (place, name) in names.iter().enumerate() {
        span { (sample(&format!("l s{}", place % 8))) (name) }
    } } }
}

/// Real and imaginary part, and what they are held against.
pub(super) fn legend_of_parts(known: &str) -> Markup {
    html! { div.legend {
        span { (sample("l s0")) "real part" }
        span { (sample("l s1")) "imaginary part" }
        span { svg viewBox="0 0 30 10" aria-hidden="true" { g.area { path class="b s0" d="M0 0h30v10H0z" {} } } "± one standard error" }
        @if !known.is_empty() { span { (sample("l known")) (known) } }
    } }
}

fn sample(class: &str) -> Markup {
    html! { svg viewBox="0 0 30 10" aria-hidden="true" { path class=(class) d="M0 5h30" {} } }
}

/// A box of text.
pub(super) fn boxed(class: &str, title: &str, body: &Markup) -> Markup {
    html! { div class={ "box " (class) } { p { b { (title) } } (body) } }
}

/// Words with commas between, and "and" before the last.
pub(super) fn listed<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
