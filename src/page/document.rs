//! The whole of a page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A page in the making.
#[derive(Debug)]
pub struct Document {
    title: String,
    subtitle: String,
    top: Vec<Markup>,
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    id: String,
    title: String,
    body: Markup,
}

impl Document {
    /// An empty page.
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        let (top, sections) = (Vec::new(), Vec::new());
        Self { title: title.into(), subtitle: subtitle.into(), top, sections }
    }

    /// Adds something before all sections: a verdict, what to look at.
    pub fn top(&mut self, body: Markup) {
        self.top.push(body);
    }

    /// Adds a section, which `#id` leads to.
    pub fn section(&mut self, id: impl Into<String>, title: impl Into<String>, body: Markup) {
        self.sections.push(Section { id: id.into(), title: title.into(), body });
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="icon" href="data:,";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header id="top" {
                        h1 { (self.title) }
                        p.sub { (self.subtitle) }
                        nav aria-label="Sections" {
                            @for section in &self.sections {
                                a href={ "#" (section.id) } { (section.title) }
                            }
                        }
                    }
                    main {
                        @for part in &self.top { (part) }
                        @for section in &self.sections {
                            section id=(section.id) {
                                h2 { a.anchor href={ "#" (section.id) } { (section.title) } }
                                (section.body)
                            }
                        }
                    }
                    footer { a href="#top" { "Back to the top" } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string() + "\n"
    }
}

/// Figures side by side, as many as there is room for.
#[must_use]
pub fn figure_grid(figures: &[Markup]) -> Markup {
    html! { div.grid { @for figure in figures { (figure) } } }
}

/// A remark in small print.
#[must_use]
pub fn note(text: impl AsRef<str>) -> Markup {
    html! { p.note { (text.as_ref()) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_a_name_is_text() {
        let mut page = Document::new("a<b>&\"c\"", "x");
        page.section("s", "<script>alert(1)</script>", note("</style>"));
        let text = page.finish();
        assert!(text.contains("<h1>a&lt;b&gt;&amp;&quot;c&quot;</h1>"), "{text}");
        assert!(text.contains("&lt;script&gt;alert(1)") && text.contains("&lt;/style&gt;"));
        assert_eq!(text.matches("<script>").count(), 1);
    }

    #[test]
    fn the_page_asks_nothing_of_a_network() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("http") && !text.contains("url(") && !text.contains("@import"));
        }
        assert!(!SCRIPT.contains("</"), "would end the script");
    }
}
