//! Guesses which name a misspelt one was meant to be.

use strsim::osa_distance;

/// The choice nearest to a word: with a few letters wrong, missing, added or swapped, or where one of
/// the two begins with the other. None if no choice comes near.
#[must_use]
pub fn most_similar<'a>(word: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = choices.into_iter().filter_map(|choice| Some((distance(&word, choice)?, choice)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, choice)| choice)
}

/// How many edits apart a word in lower case and a choice are; none if they are not alike.
fn distance(word: &str, choice: &str) -> Option<usize> {
    let choice = choice.to_lowercase();
    let letters = word.chars().count().min(choice.chars().count());
    let distance = osa_distance(word, &choice);
    let begins = letters > 2 && (choice.starts_with(word) || word.starts_with(&choice));
    (distance <= 1.max(letters / 3) || begins).then_some(distance)
}

/// `; did you mean X?` if a choice comes near the word, else an empty text.
#[must_use]
pub fn did_you_mean<'a>(word: &str, choices: impl IntoIterator<Item = &'a str>) -> String {
    most_similar(word, choices).map_or(String::new(), |choice| format!("; did you mean {choice}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_other_words_are_not() {
        let choices = ["trials", "seed", "resampling", "noise_levels", "npz", "wls", "ols"];
        for (word, meant) in [
            ("trails", Some("trials")),
            ("Trial", Some("trials")),
            ("sead", Some("seed")),
            ("nzp", Some("npz")),
            ("wsl", Some("wls")),
            ("noise", Some("noise_levels")),
            ("resamplings", Some("resampling")),
            ("temperature", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(most_similar(word, choices), meant, "{word}");
        }
        assert_eq!(did_you_mean("nzp", choices), "; did you mean npz?");
        assert_eq!(did_you_mean("fits", choices), "");
    }
}
