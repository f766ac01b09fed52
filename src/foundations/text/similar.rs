//! What somebody may have meant who misspelt a name.

use strsim::osa_distance;

/// The choice that is most like a word: a few letters wrong, missing, too many or swapped, or one
/// of the two the beginning of the other. None if no choice is like it.
#[must_use]
pub fn most_similar<'a>(word: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let differs = |choice: &str| {
        let choice = choice.to_lowercase();
        let letters = word.chars().count().min(choice.chars().count());
        let distance = osa_distance(&word, &choice);
        let begins = letters > 2 && (choice.starts_with(&word) || word.starts_with(&choice));
        (distance <= 1.max(letters / 3) || begins).then_some(distance)
    };
    let near = choices.into_iter().filter_map(|choice| Some((differs(choice)?, choice)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, choice)| choice)
}

/// `; did you mean X?` if there is a choice that is most like a word, else nothing.
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
