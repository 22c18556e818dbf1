//! A notice for people: what, where in the source, and what to do; in the look of rustc.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

use super::terminal::{lines, one_line};
use crate::config::{Problem, Spot};

/// Something to tell, with the lines of source that it is about.
#[derive(Clone, Debug)]
pub(super) struct Notice<'a> {
    pub(super) tone: Tone,
    /// The rule behind it, shown in brackets.
    pub(super) rule: Option<Cow<'a, str>>,
    pub(super) title: Cow<'a, str>,
    pub(super) places: Vec<Place<'a>>,
    /// Further lines, each with its name.
    pub(super) notes: Vec<(&'static str, Cow<'a, str>)>,
}

/// A place to look at.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) file: Cow<'a, str>,
    /// `None` where the file as a whole is meant.
    pub(super) spot: Option<Spot>,
    /// What is said beside the marked text.
    pub(super) label: Option<Cow<'a, str>>,
}

/// How a notice sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tone {
    /// Something could not be read or judged.
    Error,
    /// A rollout may not go.
    Denied,
    /// A rollout may not go yet.
    Held,
    /// It may go all the same.
    Warning,
    /// Recorded and no more.
    Audit,
    /// Worth knowing.
    Note,
}

impl Tone {
    fn level(self) -> Level<'static> {
        match self {
            Self::Error => Level::ERROR,
            Self::Denied => Level::ERROR.with_name("denied"),
            Self::Held => Level::WARNING.with_name("held"),
            Self::Warning => Level::WARNING,
            Self::Audit => Level::INFO.with_name("audit"),
            Self::Note => Level::NOTE,
        }
    }
}

/// How notices look on a stream: with colours where it takes them.
pub(super) fn look(stream: &impl RawStream) -> Renderer {
    let renderer = match AutoStream::choice(stream) {
        ColorChoice::Never => Renderer::plain(),
        _ => Renderer::styled(),
    };
    renderer.decor_style(DecorStyle::Ascii)
}

impl Notice<'_> {
    /// The notice in the look of rustc, ending with an empty line.
    pub(super) fn render(&self, look: &Renderer) -> String {
        let title = one_line(&self.title).into_owned();
        let mut primary = self.tone.level().primary_title(title);
        if let Some(rule) = &self.rule {
            primary = primary.id(one_line(rule).into_owned());
        }
        let mut group = Group::with_title(primary);
        for place in &self.places {
            group = place.add_to(group);
        }
        for (name, text) in &self.notes {
            let text = one_line(text).into_owned();
            group = group.element(Level::NOTE.with_name(*name).message(text));
        }
        format!("{}\n\n", look.render(&[group]))
    }
}

impl Place<'_> {
    fn add_to<'g>(&self, group: Group<'g>) -> Group<'g> {
        let file = one_line(&self.file).into_owned();
        let Some(spot) = &self.spot else {
            return group.element(Origin::path(file));
        };
        let mut annotation = AnnotationKind::Primary.span(spot.bytes.clone());
        if let Some(label) = &self.label {
            annotation = annotation.label(one_line(label).into_owned());
        }
        let source = lines(&spot.excerpt).into_owned();
        let snippet = Snippet::source(source)
            .path(file)
            .line_start(spot.first_line as usize);
        group.element(snippet.annotation(annotation))
    }
}

impl<'a> From<&'a Problem> for Notice<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            tone: Tone::Error,
            rule: None,
            title: Cow::Borrowed(&problem.message),
            places: vec![Place {
                file: Cow::Borrowed(&problem.file),
                spot: problem.spot.clone(),
                label: None,
            }],
            notes: problem
                .hint
                .iter()
                .map(|hint| ("hint", Cow::Borrowed(hint.as_str())))
                .collect(),
        }
    }
}
